"""Room 2, casts: numbers and booleans among each other."""

from __future__ import annotations

from headrace.duck import duckdb_type, let
from headrace.sql.cast.mode import Casting, CastMode
from headrace.types import BIGINT, BOOLEAN, DOUBLE, FLOAT, INT, INTEGRAL, SMALLINT, TINYINT, DataType, DecimalType

_BITS: dict[DataType, int] = {TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64}
_DIGITS: dict[DataType, int] = {TINYINT: 3, SMALLINT: 5, INT: 10, BIGINT: 19}
_FLOAT_LIMIT = "3.4028235677973366e38"


def cast_number(sql: str, casting: Casting) -> str:
    """Return a number or boolean cast to a number or boolean.

    Fractions are cut off on the way to whole numbers and rounded half up on the way to decimals.
    """
    frm, to = casting.frm, casting.to
    if to == BOOLEAN:
        return f"({sql} <> 0)"
    if frm == BOOLEAN:
        return f"CAST(CAST({sql} AS INTEGER) AS {duckdb_type(to)})"
    if isinstance(to, DecimalType):
        return _decimal(sql, casting, to)
    if to == DOUBLE:
        return f"CAST({sql} AS DOUBLE)"
    if to == FLOAT:
        return let(sql, _float) if frm == DOUBLE else f"CAST({sql} AS FLOAT)"
    return _whole(sql, casting)


def _whole(sql: str, casting: Casting) -> str:
    frm, to = casting.frm, casting.to
    if frm in INTEGRAL and _BITS[frm] <= _BITS[to]:
        return f"CAST({sql} AS {duckdb_type(to)})"
    if frm in (FLOAT, DOUBLE):
        return let(sql, lambda value: _from_floating(value, casting))
    return let(sql, lambda value: _from_exact(value, casting))


def _from_exact(value: str, casting: Casting) -> str:
    whole = value if casting.frm in INTEGRAL else f"CAST(trunc({value}) AS HUGEINT)"
    if casting.legacy:
        return wrapped(whole, casting.to)
    return _in_range(whole, value, casting)


def _from_floating(value: str, casting: Casting) -> str:
    target, bits = casting.to, _BITS[casting.to]
    if not casting.legacy:
        limit = f"{2 ** (bits - 1)}.0::DOUBLE"
        fits = f"isfinite({value}) AND trunc({value}) >= -{limit} AND trunc({value}) < {limit}"
        return (
            f"(CASE WHEN {fits} THEN CAST(trunc({value}) AS {duckdb_type(target)}) "
            f"WHEN {value} IS NOT NULL THEN {casting.overflow(value)} END)"
        )
    if bits < _BITS[INT]:  # Java narrows to int first, then drops the high bits
        whole = _from_floating(value, Casting(casting.frm, INT, CastMode.LEGACY, casting.settings))
        return wrapped(whole, target)
    most, least = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    return (
        f"(CASE WHEN isnan({value}) THEN 0 WHEN {value} >= {most}::DOUBLE THEN {most} "
        f"WHEN {value} <= ({least})::DOUBLE THEN CAST('{least}' AS {duckdb_type(target)}) "
        f"ELSE CAST(trunc({value}) AS {duckdb_type(target)}) END)"
    )


def _in_range(whole: str, value: str, casting: Casting) -> str:
    bits = _BITS[casting.to]
    fits = f"{whole} BETWEEN -{2 ** (bits - 1)} AND {2 ** (bits - 1) - 1}"
    return (
        f"(CASE WHEN {fits} THEN CAST({whole} AS {duckdb_type(casting.to)}) "
        f"WHEN {value} IS NOT NULL THEN {casting.overflow(value)} END)"
    )


def wrapped(whole: str, to: DataType) -> str:
    """Return a whole number cut to the low bits of a type, as Java's narrowing does."""
    bits = _BITS[to]
    sign = 1 << (bits - 1)
    wide = f"CAST({whole} AS HUGEINT)"
    low = f"(({wide} % {1 << bits}::HUGEINT) + {1 << bits}::HUGEINT) % {1 << bits}::HUGEINT"
    return f"CAST(({low} + {sign}) % {1 << bits}::HUGEINT - {sign} AS {duckdb_type(to)})"


def _float(value: str) -> str:
    return (
        f"(CASE WHEN isfinite({value}) AND abs({value}) >= {_FLOAT_LIMIT} "
        f"THEN CAST(CASE WHEN {value} < 0 THEN '-inf' ELSE 'inf' END AS FLOAT) ELSE CAST({value} AS FLOAT) END)"
    )


def _decimal(sql: str, casting: Casting, to: DecimalType) -> str:
    frm, target = casting.frm, duckdb_type(to)
    whole = to.precision - to.scale
    if frm in INTEGRAL and whole >= _DIGITS[frm]:
        return f"CAST({sql} AS {target})"
    if isinstance(frm, DecimalType) and to.scale >= frm.scale and whole >= frm.precision - frm.scale:
        return f"CAST({sql} AS {target})"
    return let(sql, lambda value: _fitted(value, casting, target))


def _fitted(value: str, casting: Casting, target: str) -> str:
    attempt = f"TRY_CAST({value} AS {target})"
    present = f"{value} IS NOT NULL"
    if casting.frm in (FLOAT, DOUBLE):
        # Java's BigDecimal comes from the shortest text, so 1.005 rounds up to 1.01; non-finite numbers give NULL.
        attempt, present = f"TRY_CAST(CAST({value} AS VARCHAR) AS {target})", f"isfinite({value})"
    failed = casting.out_of_range(value)
    return attempt if failed == "NULL" else f"COALESCE({attempt}, CASE WHEN {present} THEN {failed} END)"
