"""Room 2: from_json and to_json, with the options that say how times are written and fields are ordered.

Takes rendered values and a constant map of options; gives DuckDB text by `headrace.json_text`.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let, quote
from headrace.json_text import from_json_sql, to_json_sql
from headrace.sql.cast import CastMode
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.exchange.options import PATTERNS, options_of
from headrace.sql.functions.exchange.schemas import written_schema
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import accept, mismatch, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    STRING,
    VARIANT,
    ArrayType,
    DataType,
    Field,
    MapType,
    StructType,
)

_READ = ("timestampFormat", "dateFormat", "timestampNTZFormat")
_WRITE = (*_READ, "sortKeys")


def _schema(argument: Argument) -> DataType:
    if not argument.constant or not isinstance(argument.value, str):
        raise unsupported("The schema of from_json must be a constant text.", "Write it as in 'a INT, b STRING'.")
    return written_schema(argument.value)


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    schema = _schema(arguments[1])
    if not isinstance(schema, StructType | ArrayType | MapType):
        message = f'from_json gives a struct, an array or a map, and "{schema.sql()}" is none.'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    if isinstance(schema, MapType) and schema.key != STRING:
        raise mismatch("The keys of a map from JSON are texts.", condition="INVALID_JSON_MAP_KEY_TYPE")
    kinds = (accept(arguments[0], STRING, 0), STRING)
    if len(arguments) == 2:
        return Resolved(kinds, schema)
    options_of(arguments[2], _READ, "from_json")
    if not isinstance(schema, StructType):
        raise unsupported("from_json with options gives a struct only.")
    return Resolved((*kinds, arguments[2].type), schema)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    if len(arguments) == 2:
        return from_json_sql(arguments[0].sql, kind, settings.time_zone)
    assert isinstance(kind, StructType)  # as `_from_types` says
    options = options_of(arguments[2], _READ, "from_json")
    patterns = [options.get(PATTERNS.get(field.type, "")) for field in kind.fields]
    texts = StructType(
        tuple(Field(f.name, f.type if p is None else STRING) for f, p in zip(kind.fields, patterns, strict=True))
    )

    def read(v: str) -> str:
        parts = []
        for field, pattern in zip(kind.fields, patterns, strict=True):
            value = f"{v}.{quote(field.name)}"
            if pattern is not None:
                value = parse_sql(value, pattern, field.type, mode=CastMode.TRY, settings=settings)
            parts.append(f"{quote(field.name)} := {value}")
        return f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"

    return let(from_json_sql(arguments[0].sql, texts, settings.time_zone), read)


def _to_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind != VARIANT and not isinstance(kind, StructType | ArrayType | MapType):
        message = f'to_json takes a struct, an array, a map or a variant, and got "{kind.sql()}".'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    if len(arguments) == 1:
        return Resolved((kind,), STRING)
    options_of(arguments[1], _WRITE, "to_json")
    if not isinstance(kind, StructType) or any(_is_nested(field.type) for field in kind.fields):
        raise unsupported("to_json with options takes a struct of plain values only.")
    return Resolved((kind, arguments[1].type), STRING)


def _is_nested(kind: DataType) -> bool:
    return isinstance(kind, StructType | ArrayType | MapType)


def _to(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    kind = arguments[0].type
    if len(arguments) == 1:
        return to_json_sql(arguments[0].sql, kind, settings.time_zone)
    options = options_of(arguments[1], _WRITE, "to_json")
    assert isinstance(kind, StructType)  # as `_to_types` says
    fields = list(kind.fields)
    if options.get("sortkeys", "false").lower() == "true":
        fields.sort(key=lambda field: field.name)
    shown = StructType(tuple(Field(f.name, STRING if PATTERNS.get(f.type, "") in options else f.type) for f in fields))

    def written(v: str) -> str:
        parts = []
        for field in fields:
            value = f"{v}.{quote(field.name)}"
            pattern = options.get(PATTERNS.get(field.type, ""))
            if pattern is not None:
                value = format_sql(local(value, field.type, settings), pattern, settings=settings)
            parts.append(f"{quote(field.name)} := {value}")
        made = f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"
        return to_json_sql(made, shown, settings.time_zone)

    return let(arguments[0].sql, written)


FUNCTIONS = table(
    rewritten("from_json", (2, 3), _from_types, _from),
    rewritten("to_json", (1, 2), _to_types, _to),
)
