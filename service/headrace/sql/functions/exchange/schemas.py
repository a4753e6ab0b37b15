"""Room 2: schemas written as texts, which from_json and from_csv take."""

from __future__ import annotations

from headrace.ddl import parse_schema, parse_type
from headrace.duck import check_structs
from headrace.errors import StreamError
from headrace.types import DataType


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
