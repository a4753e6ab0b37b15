"""Room 2, casts: other types to strings, nested ones in Spark's brackets."""

from __future__ import annotations

from headrace.duck import each, let, quote
from headrace.number_text import decimal_to_text_sql, floating_to_text_sql
from headrace.sql.cast.mode import Casting
from headrace.time_text import interval_to_text_sql, timestamp_to_text_sql
from headrace.types import (
    BINARY,
    CALENDAR_INTERVAL,
    DOUBLE,
    FLOAT,
    GEOGRAPHY,
    GEOMETRY,
    STRING,
    TIMESTAMP,
    VARIANT,
    ArrayType,
    DataType,
    DecimalType,
    IntervalType,
    MapType,
    StructType,
)


def cast_to_text(sql: str, casting: Casting) -> str:
    """Return the value as CAST(... AS STRING) writes it.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION for geometries, and for what holds them or variants.
    """
    if _has_no_text(casting.frm):
        raise casting.refused()
    return _text(sql, casting.frm, casting.settings.time_zone)


def _has_no_text(kind: DataType) -> bool:
    """Return True for geometries, and for what holds them or variants."""
    if isinstance(kind, StructType):
        return any(_has_no_text(field.type) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return _has_no_text(kind.element)
    if isinstance(kind, MapType):
        return _has_no_text(kind.key) or _has_no_text(kind.value)
    return kind in (VARIANT, GEOMETRY, GEOGRAPHY)


def _text(sql: str, kind: DataType, zone: str) -> str:
    if kind == STRING:
        return sql
    if kind in (FLOAT, DOUBLE):
        return floating_to_text_sql(sql)
    if kind == TIMESTAMP:
        return timestamp_to_text_sql(sql, zone)
    if kind == BINARY:
        # Spark takes the bytes as they are; DuckDB holds UTF-8 only: bad bytes become what Spark shows.
        return let(sql, lambda value: f"COALESCE(TRY(decode({value})), headrace_utf8({value}))")
    if isinstance(kind, IntervalType) or kind == CALENDAR_INTERVAL:
        return interval_to_text_sql(sql, kind)
    if isinstance(kind, ArrayType | MapType | StructType):
        return let(sql, lambda value: _nested(value, kind, zone))
    if isinstance(kind, DecimalType):
        return decimal_to_text_sql(sql, kind)
    return f"CAST({sql} AS VARCHAR)"


def _nested(value: str, kind: ArrayType | MapType | StructType, zone: str) -> str:
    if isinstance(kind, ArrayType):
        items = each(value, lambda item: _part(item, kind.element, zone))
        return f"('[' || array_to_string({items}, ', ') || ']')"
    if isinstance(kind, MapType):
        pairs = each(
            f"map_entries({value})",
            lambda pair: (
                f"{_part(f'{pair}.key', kind.key, zone)} || ' -> ' || {_part(f'{pair}.value', kind.value, zone)}"
            ),
        )
        return f"('{{' || array_to_string({pairs}, ', ') || '}}')"
    parts = [_part(f"{value}.{quote(field.name)}", field.type, zone) for field in kind.fields]
    shown = " || ', ' || ".join(parts) or "''"
    return f"(CASE WHEN {value} IS NULL THEN NULL ELSE '{{' || {shown} || '}}' END)"


def _part(sql: str, kind: DataType, zone: str) -> str:
    return f"COALESCE({_text(sql, kind, zone)}, 'null')"
