"""Room 2: from_csv, to_csv and schema_of_csv: one line of CSV a value.

Takes rendered texts and structs and a constant map of options; gives DuckDB text. Source: Spark csvExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let, quote, quote_text
from headrace.errors import StreamError
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.exchange.options import PATTERNS, options_of
from headrace.sql.functions.exchange.schemas import written_schema
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import accept, mismatch, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.documents import csv_schema
from headrace.time_text import iso_timestamp_sql
from headrace.types import (
    BINARY,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    ArrayType,
    DataType,
    MapType,
    StructType,
)

_ALLOWED = ("sep", "delimiter", "timestampFormat", "dateFormat", "timestampNTZFormat")


def _options(arguments: Sequence[Argument | Rendered], at: int, name: str) -> dict[str, str]:
    return options_of(arguments[at], _ALLOWED, name) if len(arguments) > at else {}


def _separator(options: dict[str, str]) -> str:
    found = options.get("sep", options.get("delimiter", ","))
    if len(found) != 1:
        raise unsupported(f"The separator of CSV is one character; seen: {found!r}.")
    return found


def _schema(argument: Argument) -> StructType:
    if not argument.constant or not isinstance(argument.value, str):
        raise unsupported("The schema of from_csv must be a constant text.", "Write it as in 'a INT, b STRING'.")
    found = written_schema(argument.value)
    if not isinstance(found, StructType):
        message = f'from_csv gives a struct, and "{found.sql()}" is none.'
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SCHEMA.NON_STRUCT_TYPE")
    for field in found.fields:
        if isinstance(field.type, StructType | ArrayType | MapType) or field.type == BINARY:
            raise mismatch(f"A line of CSV holds no {field.type.sql()}.", condition="INVALID_CSV_SCHEMA")
    return found


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    _options(arguments, 2, "from_csv")
    schema = _schema(arguments[1])
    return Resolved((accept(arguments[0], STRING, 0), STRING, *(a.type for a in arguments[2:])), schema)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    assert isinstance(kind, StructType)  # as `_from_types` says
    options = _options(arguments, 2, "from_csv")
    text = arguments[0].sql

    def read(f: str) -> str:
        parts = [
            f"{quote(field.name)} := {_field(f'{f}[{i}]', field.type, options, settings)}"
            for i, field in enumerate(kind.fields, 1)
        ]
        return f"(CASE WHEN {f} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"

    return let(f"headrace_csv_fields({text}, {quote_text(_separator(options))})", read)


def _field(value: str, kind: DataType, options: dict[str, str], settings: SqlSettings) -> str:
    if kind == STRING:
        return value
    pattern = options.get(PATTERNS.get(kind, ""))
    if pattern is not None:
        return parse_sql(value, pattern, kind, mode=CastMode.TRY, settings=settings)
    return render_cast(f"trim({value})", STRING, kind, mode=CastMode.TRY, settings=settings)


def _to_types(arguments: Sequence[Argument]) -> Resolved:
    _options(arguments, 1, "to_csv")
    kind = arguments[0].type
    if not isinstance(kind, StructType):
        raise mismatch(f'to_csv takes a struct, and got "{kind.sql()}".', condition="UNSUPPORTED_INPUT_TYPE")
    for field in kind.fields:
        if isinstance(field.type, StructType | MapType) or field.type == BINARY:
            raise unsupported(f"to_csv of a field of the type {field.type.sql()} is not done.")
    return Resolved((kind, *(a.type for a in arguments[1:])), STRING)


def _to(arguments: Sequence[Rendered], _result: DataType, settings: SqlSettings) -> str:
    kind, options = arguments[0].type, _options(arguments, 1, "to_csv")
    assert isinstance(kind, StructType)  # as `_to_types` says

    def written(v: str) -> str:
        parts = [value_text(f"{v}.{quote(field.name)}", field.type, options, settings) for field in kind.fields]
        line = f"headrace_csv_line([{', '.join(parts)}], {quote_text(_separator(options))})"
        return f"(CASE WHEN {v} IS NOT NULL THEN {line} END)"

    return let(arguments[0].sql, written)


def value_text(value: str, kind: DataType, options: dict[str, str], settings: SqlSettings) -> str:
    """Return the text of a plain value: moments by the option's pattern or as ISO 8601, others as a cast does."""
    pattern = options.get(PATTERNS.get(kind, ""))
    if pattern is not None:
        return format_sql(local(value, kind, settings), pattern, settings=settings)
    if kind == TIMESTAMP:
        return iso_timestamp_sql(value, settings.time_zone)
    if kind == TIMESTAMP_NTZ:
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%g')"
    return render_cast(value, kind, STRING, mode=CastMode.LEGACY, settings=settings)


def _schema_of(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    options = _options(arguments, 1, "schema_of_csv")
    return quote_text(csv_schema(str(arguments[0].value), _separator(options)).sql())


def _schema_types(arguments: Sequence[Argument]) -> Resolved:
    if not arguments[0].constant or arguments[0].value is None:
        raise mismatch("The text whose schema is asked for must be a constant.", condition="NON_FOLDABLE_INPUT")
    return Resolved((STRING, *(a.type for a in arguments[1:])), STRING)


FUNCTIONS = table(
    Function("from_csv", (2, 3), _from_types, _from, How.ARROW),
    Function("to_csv", (1, 2), _to_types, _to, How.ARROW),
    Function("schema_of_csv", (1, 2), _schema_types, _schema_of, How.REWRITTEN),
)
