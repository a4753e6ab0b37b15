"""Room 2: schemas written as texts, which from_json and its kin take, and schema_of_json and its kin give."""

from __future__ import annotations

import re

from headrace.ddl import parse_schema, parse_type
from headrace.duck import check_structs
from headrace.errors import StreamError
from headrace.types import ArrayType, DataType, MapType, StructType

_WORD = re.compile(r"\w+", re.ASCII)


def written_schema(text: str) -> DataType:
    """Return the type, or the struct of the columns, that a text names.

    Raises:
        StreamError: SQL_SYNTAX with PARSE_EMPTY_STATEMENT, UNSUPPORTED_DATATYPE of one word, or PARSE_SYNTAX_ERROR;
            SQL_UNSUPPORTED, a struct that DuckDB cannot hold.
    """
    kind = _read(text)
    check_structs(kind)
    return kind


def _read(text: str) -> DataType:
    if not text.strip():
        message = "The schema is an empty text."
        hint = "Write it as in 'a INT, b STRING'."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="PARSE_EMPTY_STATEMENT")
    try:
        return parse_type(text)
    except StreamError as no_type:
        try:
            return parse_schema(text)
        except StreamError as error:
            if text.strip().isidentifier():
                raise no_type from error
            error.condition = "PARSE_SYNTAX_ERROR"
            raise


def ddl_of(kind: DataType, *, always: bool = False) -> str:
    """Return a type as DDL whose names are quoted: those that are no words, or all of them."""
    match kind:
        case StructType(fields=fields):
            shown = []
            for field in fields:
                plain = not always and _WORD.fullmatch(field.name) and not field.name.isdigit()
                name = field.name if plain else f"`{field.name.replace('`', '``')}`"
                shown.append(f"{name}: {ddl_of(field.type, always=always)}")
            return f"STRUCT<{', '.join(shown)}>"
        case ArrayType(element=element):
            return f"ARRAY<{ddl_of(element, always=always)}>"
        case MapType(key=key, value=value):
            return f"MAP<{ddl_of(key, always=always)}, {ddl_of(value, always=always)}>"
    return kind.sql()
