"""Room 2, casts: CAST and TRY_CAST as DuckDB text with Spark's results.

Takes DuckDB text of a value, its Spark type and the target's, gives DuckDB text of exactly the target's type. A pair of
types that is not known here is refused; DuckDB's own casts differ (they round fractions, accept '1_000', keep zones).
"""

from __future__ import annotations

from headrace.duck import duckdb_type, each, let, quote
from headrace.errors import StreamError
from headrace.sql.cast.from_text import cast_text
from headrace.sql.cast.intervals import cast_interval
from headrace.sql.cast.mode import Casting, CastMode
from headrace.sql.cast.numbers import cast_number
from headrace.sql.cast.times import TIMES, cast_time
from headrace.sql.cast.to_text import cast_to_text
from headrace.sql.cast.variants import cast_from_variant, cast_to_variant
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BINARY,
    BOOLEAN,
    INTEGRAL,
    NULL,
    STRING,
    VARIANT,
    ArrayType,
    DataType,
    IntervalType,
    MapType,
    StructType,
    is_numeric,
)

__all__ = ["CastMode", "can_cast", "render_cast"]


def render_cast(sql: str, frm: DataType, to: DataType, *, mode: CastMode, settings: SqlSettings) -> str:
    """Return DuckDB text of the value cast to the type.

    Args:
        sql: DuckDB text of the value; it is evaluated once.
        frm: The value's type.
        to: The target.
        mode: What a bad value gives.
        settings: The session time zone counts.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION, Spark has no such cast or it is not known here.
    """
    return _cast(sql, Casting(frm, to, mode, settings))


def can_cast(frm: DataType, to: DataType, *, mode: CastMode, settings: SqlSettings) -> bool:
    """Return True when `render_cast` knows the pair."""
    try:
        render_cast("v", frm, to, mode=mode, settings=settings)
    except StreamError:
        return False
    return True


def _cast(sql: str, casting: Casting) -> str:
    frm, to = casting.frm, casting.to
    if frm == to and (frm is to or frm.sql() == to.sql()):
        return sql
    if frm == NULL:
        return f"CAST({sql} AS {duckdb_type(to)})"
    if VARIANT in (frm, to):
        return cast_from_variant(sql, casting) if frm == VARIANT else cast_to_variant(sql, casting)
    if to == STRING:
        return cast_to_text(sql, casting)
    if frm == STRING:
        return cast_text(sql, casting)
    return _between(sql, casting)


def _between(sql: str, casting: Casting) -> str:
    """A cast among types that are neither texts nor variants."""
    frm, to = casting.frm, casting.to
    if isinstance(frm, IntervalType) or isinstance(to, IntervalType):
        return cast_interval(sql, casting)
    if isinstance(frm, ArrayType | MapType | StructType):
        return let(sql, lambda value: _nested(value, casting))
    if frm in TIMES or to in TIMES:
        return cast_time(sql, casting)
    if (is_numeric(frm) or frm == BOOLEAN) and (is_numeric(to) or to == BOOLEAN):
        return cast_number(sql, casting)
    if casting.legacy and frm in INTEGRAL and to == BINARY:
        return f"from_hex(right(printf('%016x', CAST({sql} AS BIGINT)), {_HEX_DIGITS[frm]}))"
    raise casting.refused()


_HEX_DIGITS = dict(zip(INTEGRAL, (2, 4, 8, 16), strict=True))


def _nested(value: str, casting: Casting) -> str:
    frm, to = casting.frm, casting.to
    if isinstance(frm, ArrayType) and isinstance(to, ArrayType):
        one = Casting(frm.element, to.element, casting.mode, casting.settings)
        return each(value, lambda item: _cast(item, one))
    if isinstance(frm, MapType) and isinstance(to, MapType):
        key = Casting(frm.key, to.key, casting.mode, casting.settings)
        item = Casting(frm.value, to.value, casting.mode, casting.settings)
        pairs = each(
            f"map_entries({value})",
            lambda pair: f"struct_pack(k := {_cast(f'{pair}.key', key)}, v := {_cast(f'{pair}.value', item)})",
        )
        return f"(CASE WHEN {value} IS NULL THEN NULL ELSE map_from_entries({pairs}) END)"
    if isinstance(frm, StructType) and isinstance(to, StructType) and len(frm.fields) == len(to.fields):
        fields = ", ".join(
            f"{quote(target.name)} := "
            + _cast(f"{value}.{quote(source.name)}", Casting(source.type, target.type, casting.mode, casting.settings))
            for source, target in zip(frm.fields, to.fields, strict=True)
        )
        return f"(CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({fields}) END)"
    raise casting.refused()
