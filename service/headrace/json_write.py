"""Ground floor: DuckDB text of Spark's to_json.

Takes a DuckDB expression and its Spark type, gives a VARCHAR expression. Null fields of structs are left out, null
values of maps and arrays are kept. Source: Spark JacksonGenerator.
"""

from __future__ import annotations

from headrace.duck import each, let, quote, quote_text
from headrace.errors import StreamError
from headrace.number_text import decimal_to_text_sql, floating_to_text_sql
from headrace.time_text import interval_to_text_sql, iso_timestamp_sql
from headrace.types import (
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    VARIANT,
    ArrayType,
    DataType,
    DecimalType,
    IntervalType,
    MapType,
    StructType,
)

_PLAIN = (*INTEGRAL, BOOLEAN)
_COMMA = " || ',' || "


def write_json(value: str, kind: DataType, zone: str, *, nulls: bool = False) -> str:
    """Return the JSON text of a value that may be NULL (then NULL).

    Args:
        value: An expression.
        kind: Its type.
        zone: The session's time zone.
        nulls: Write fields that are NULL, as Spark does without ignoreNullFields.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_JSON_SCHEMA, the type has no JSON form.
    """
    if isinstance(kind, StructType):
        return let(value, lambda v: f"(CASE WHEN {v} IS NULL THEN NULL ELSE {_object(v, kind, zone, nulls=nulls)} END)")
    if isinstance(kind, ArrayType):
        items = each(value, lambda item: f"COALESCE({write_json(item, kind.element, zone, nulls=nulls)}, 'null')")
        return f"('[' || array_to_string({items}, ',') || ']')"
    if isinstance(kind, MapType):
        return _map(value, kind, zone, nulls=nulls)
    return _scalar(value, kind, zone)


def _object(v: str, kind: StructType, zone: str, *, nulls: bool) -> str:
    # Each field brings its own comma, NULL ones bring nothing unless asked for; the first comma is cut off at the end.
    named = {field.name: f",{_string(field.name)}:" for field in kind.fields}
    parts = [
        f"COALESCE({quote_text(named[field.name])} || "
        f"{write_json(f'{v}.{quote(field.name)}', field.type, zone, nulls=nulls)}, "
        f"{quote_text(named[field.name] + 'null') if nulls else quote_text('')})"
        for field in kind.fields
    ]
    if not parts:
        return "'{}'"
    return f"('{{' || substring({' || '.join(parts)}, 2) || '}}')"


def _map(value: str, kind: MapType, zone: str, *, nulls: bool) -> str:
    def pair(entry: str) -> str:
        key = f"{entry}.key" if kind.key == STRING else _key_text(f"{entry}.key", kind.key)
        text = write_json(f"{entry}.value", kind.value, zone, nulls=nulls)
        return f"{_quoted(key)} || ':' || COALESCE({text}, 'null')"

    return f"('{{' || array_to_string({each(f'map_entries({value})', pair)}, ',') || '}}')"


def _key_text(key: str, kind: DataType) -> str:
    if kind in (*_PLAIN, DATE) or isinstance(kind, IntervalType):
        return f"CAST({key} AS VARCHAR)"  # of an interval, its µs or months
    if isinstance(kind, DecimalType):
        return decimal_to_text_sql(key, kind)
    if kind in (FLOAT, DOUBLE):
        return floating_to_text_sql(key)
    if isinstance(kind, StructType | ArrayType):
        return let(key, lambda k: _row_text(k, kind))
    raise _refused(f"a map with {kind.sql()} keys")


def _row_text(value: str, kind: DataType) -> str:
    """A value as Java's toString shows what Spark holds: days and microseconds for moments, values in brackets."""
    if isinstance(kind, StructType):
        parts = [f"coalesce({_row_text(f'{value}.{quote(f.name)}', f.type)}, 'null')" for f in kind.fields]
        return f"('[' || {_COMMA.join(parts)} || ']')" if parts else "'[]'"
    if isinstance(kind, ArrayType):
        items = each(value, lambda item: f"coalesce({_row_text(item, kind.element)}, 'null')")
        return f"('[' || array_to_string({items}, ',') || ']')"
    if kind == STRING:
        return value
    if kind == DATE:
        return f"CAST({value} - DATE '1970-01-01' AS VARCHAR)"
    if kind in (TIMESTAMP, TIMESTAMP_NTZ):
        return f"CAST(epoch_us({value}) AS VARCHAR)"
    return _key_text(value, kind)


def _scalar(value: str, kind: DataType, zone: str) -> str:
    if kind == STRING:
        return _quoted(value)
    if kind in (*_PLAIN, VARIANT):
        return f"CAST({value} AS VARCHAR)"  # a variant is JSON as it is
    if isinstance(kind, DecimalType):
        return decimal_to_text_sql(value, kind)
    if kind in (FLOAT, DOUBLE):
        return let(
            value,
            lambda v: f"CASE WHEN isfinite({v}) THEN {floating_to_text_sql(v)} ELSE '\"' || {_word(v)} || '\"' END",
        )
    if kind == NULL:
        return "CAST(NULL AS VARCHAR)"
    return f"""('"' || {_unescaped(value, kind, zone)} || '"')"""


def _unescaped(value: str, kind: DataType, zone: str) -> str:
    """The text of a value in which nothing is to be escaped."""
    if kind == TIMESTAMP:
        return iso_timestamp_sql(value, zone)
    if kind == TIMESTAMP_NTZ:
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%g')"
    if kind == DATE:
        return f"CAST({value} AS VARCHAR)"
    if kind == BINARY:
        return f"to_base64({value})"
    if isinstance(kind, IntervalType) or kind == CALENDAR_INTERVAL:
        return interval_to_text_sql(value, kind)
    raise _refused(kind.sql())


def _word(v: str) -> str:
    return f"CASE WHEN isnan({v}) THEN 'NaN' WHEN {v} > 0 THEN 'Infinity' WHEN {v} < 0 THEN '-Infinity' END"


def _quoted(text: str) -> str:
    # DuckDB escapes as Jackson does: quote, backslash, control characters; neither escapes slashes or non-ASCII.
    return f"CAST(to_json({text}) AS VARCHAR)"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04X}" for c in escaped) + '"'


def _refused(what: str) -> StreamError:
    condition = "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA"
    return StreamError("SQL_ANALYSIS", f"{what} has no JSON form.", condition=condition)
