"""Room 2, casts: dates and timestamps among each other, and timestamps to and from numbers of seconds."""

from __future__ import annotations

from headrace.duck import let
from headrace.sql.cast.mode import Casting, CastMode
from headrace.sql.cast.numbers import cast_number
from headrace.time_text import instant_of_local_sql, local_of_instant_sql
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DecimalType,
    is_numeric,
)

TIMES = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
_LARGEST_SECOND = 9_223_372_036_854


def cast_time(sql: str, casting: Casting) -> str:
    """Return a cast in which a date or timestamp takes part.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION.
    """
    if casting.frm in TIMES and casting.to in TIMES:
        return _among(sql, casting)
    if casting.frm == TIMESTAMP and is_numeric(casting.to):
        return _to_number(sql, casting)
    if casting.to == TIMESTAMP and (is_numeric(casting.frm) or (casting.legacy and casting.frm == BOOLEAN)):
        return let(sql, lambda value: _from_number(value, casting))
    if casting.legacy and casting.frm == TIMESTAMP and casting.to == BOOLEAN:
        return f"(epoch_us({sql}) <> 0)"
    raise casting.refused()


def _among(sql: str, casting: Casting) -> str:
    frm, to, zone = casting.frm, casting.to, casting.settings.time_zone
    if to == TIMESTAMP:
        return instant_of_local_sql(f"CAST({sql} AS TIMESTAMP)" if frm == DATE else sql, zone)
    local = local_of_instant_sql(sql, zone) if frm == TIMESTAMP else sql
    if to == DATE:
        return f"CAST({local} AS DATE)"
    return f"CAST({local} AS TIMESTAMP)" if frm == DATE else local


def _to_number(sql: str, casting: Casting) -> str:
    to = casting.to
    if to in (FLOAT, DOUBLE):
        return cast_number(
            f"(epoch_us({sql}) / 1000000.0::DOUBLE)", Casting(DOUBLE, to, casting.mode, casting.settings)
        )
    if isinstance(to, DecimalType):
        exact = f"(CAST(epoch_us({sql}) AS DECIMAL(22,0)) * CAST('0.000001' AS DECIMAL(6,6)))"
        return cast_number(exact, Casting(DecimalType(28, 6), to, casting.mode, casting.settings))
    seconds = let(f"epoch_us({sql})", lambda us: f"({us} - (({us} % 1000000) + 1000000) % 1000000) // 1000000")
    return cast_number(seconds, Casting(BIGINT, to, casting.mode, casting.settings))


def _from_number(value: str, casting: Casting) -> str:
    frm = casting.frm
    if frm == BOOLEAN:
        return f"make_timestamptz(CAST({value} AS BIGINT))"
    if frm in INTEGRAL and frm != BIGINT:
        return f"make_timestamptz(CAST({value} AS BIGINT) * 1000000)"
    micros = f"{value} * 1000000"
    present = f"{value} IS NOT NULL"
    if frm in (FLOAT, DOUBLE):
        micros, present = f"trunc(CAST({value} AS DOUBLE) * 1000000)", f"isfinite({value})"
    elif isinstance(frm, DecimalType):
        micros = f"trunc(CAST({value} AS DOUBLE) * 1000000)" if frm.precision > 30 else f"trunc({micros})"
    fits = f"{present} AND abs({value}) <= {_LARGEST_SECOND}"
    failed = casting.overflow(value) if casting.mode is CastMode.ANSI else "NULL"
    return f"(CASE WHEN {fits} THEN make_timestamptz(CAST({micros} AS BIGINT)) WHEN {present} THEN {failed} END)"
