"""Room 2, casts: intervals among each other, and to and from numbers of their last field's unit.

Takes DuckDB text of µs, months or numbers; gives DuckDB text. Source: Spark Cast and IntervalUtils.
"""

from __future__ import annotations

from headrace.duck import duckdb_type, let
from headrace.sql.cast.mode import Casting
from headrace.sql.cast.numbers import cast_number
from headrace.types import BIGINT, DAY_TIME_INTERVAL, INTEGRAL, DecimalType, IntervalType


def cast_interval(sql: str, casting: Casting) -> str:
    """Return a cast in which an interval takes part, texts left out.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION.
    """
    frm, to = casting.frm, casting.to
    if isinstance(frm, IntervalType) and isinstance(to, IntervalType) and frm == to:
        return _cut(sql, frm, to)
    if isinstance(to, IntervalType) and (frm in INTEGRAL or isinstance(frm, DecimalType)):
        return let(sql, lambda value: _from_number(value, casting, to))
    if isinstance(frm, IntervalType) and (to in INTEGRAL or isinstance(to, DecimalType)):
        return _to_number(sql, casting, frm)
    raise casting.refused()


def _cut(sql: str, frm: IntervalType, to: IntervalType) -> str:
    """The interval without what is smaller than the target's last field."""
    return sql if to.unit <= frm.unit else let(sql, lambda value: f"({value} - {value} % {to.unit})")


def _from_number(value: str, casting: Casting, to: IntervalType) -> str:
    target = duckdb_type(to)
    limit = 2**63 if to == DAY_TIME_INTERVAL else 2**31
    if isinstance(casting.frm, DecimalType) and to.fields[1] == "SECOND":
        wide = f"CAST(round({value} * 1000000::DECIMAL(7,0)) AS HUGEINT)"
    elif isinstance(casting.frm, DecimalType):
        whole = "round" if to.fields[1] == "MONTH" else "trunc"
        wide = f"(CAST({whole}({value}) AS HUGEINT) * {to.unit})"
    else:
        wide = f"(CAST({value} AS HUGEINT) * {to.unit})"
    fits = f"{wide} BETWEEN {-limit}::HUGEINT AND {limit - 1}::HUGEINT"
    failed = casting.overflow(value)
    return f"(CASE WHEN {fits} THEN CAST({wide} AS {target}) WHEN {value} IS NOT NULL THEN {failed} END)"


def _to_number(sql: str, casting: Casting, frm: IntervalType) -> str:
    unit, to = frm.unit, casting.to
    if isinstance(to, DecimalType):
        scale = len(str(unit)) - 1 if frm.fields[1] == "SECOND" else 0
        tick = f"CAST('{10**-scale:.{scale}f}' AS DECIMAL({max(scale, 1)},{scale}))"
        whole = f"CAST({sql} AS DECIMAL(19,0))" if scale else f"CAST({sql} // {unit} AS DECIMAL(19,0))"
        source = DecimalType(19 + scale, scale) if scale else DecimalType(19, 0)
        number = f"({whole} * {tick})" if scale else whole
        return cast_number(number, Casting(source, to, casting.mode, casting.settings))
    return cast_number(f"({sql} // {unit})", Casting(BIGINT, to, casting.mode, casting.settings))
