"""Room 2: timestampadd and timestampdiff: so many of a unit after a moment, and from one moment to another.

Takes the unit as a text, which the parser made of the keyword, and rendered moments; gives DuckDB text.
Source: Spark TimestampAdd, TimestampDiff; java.time.temporal.ChronoUnit.between.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import DAY_US, local, timestamp_plus
from headrace.sql.functions.signature import (
    INSTANT_OR_DATE,
    accept,
    constant,
    fail,
    null_if_any,
    rewritten,
    table,
    takes,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DATE,
    DAY_TIME_INTERVAL,
    STRING,
    TIMESTAMP,
    YEAR_MONTH_INTERVAL,
    DataType,
)

_MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
_MICROS = {
    "WEEK": 7 * DAY_US,
    "DAY": DAY_US,
    "DAYOFYEAR": DAY_US,
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1_000,
    "MICROSECOND": 1,
}
_MOST = 2**63 - 1
_MOST_MONTHS = 12 * 300_000


def _unit(argument: Rendered, name: str) -> str:
    unit = str(constant(argument, f"The unit of {name}")).upper()
    if unit in (_MONTHS | _MICROS) and not (unit == "DAYOFYEAR" and name == "timestampdiff"):
        return unit
    known = ", ".join(_MONTHS | _MICROS)
    message = f"The unit of {name} is invalid; seen: {unit}. It is one of {known}, without quotes."
    raise StreamError("SQL_ANALYSIS", message, condition="INVALID_PARAMETER_VALUE.DATETIME_UNIT")


def _add_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[2], INSTANT_OR_DATE, 2)
    kind = TIMESTAMP if kind == DATE else kind
    return Resolved((STRING, accept(arguments[1], BIGINT, 1), kind), kind)


def _add(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    unit, count, moment = _unit(arguments[0], "timestampadd"), arguments[1].sql, arguments[2]
    months = unit in _MONTHS
    size = _MONTHS[unit] if months else _MICROS[unit]
    most = (_MOST_MONTHS if months else _MOST) // size
    step = f"CAST({count} * {size} AS INTEGER)" if months else f"({count} * {size})"
    interval = Rendered(step, YEAR_MONTH_INTERVAL if months else DAY_TIME_INTERVAL)
    moved = timestamp_plus(Rendered(moment.sql, kind), interval, "+", settings)
    wrong = fail("DATETIME_OVERFLOW", f"'Datetime operation overflow: add ' || {count} || ' {unit}.'")
    moved = f"coalesce(TRY({moved}), {wrong})" if months else moved
    text = f"(CASE WHEN {count} NOT BETWEEN -{most} AND {most} THEN {wrong} ELSE {moved} END)"
    return null_if_any(arguments[1:], text)


def _difference(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    unit = _unit(arguments[0], "timestampdiff")
    start, end = (local(moment.sql, moment.type, settings) for moment in arguments[1:])
    if unit not in _MONTHS:
        text = f"((epoch_us({end}) - epoch_us({start})) // {_MICROS[unit]})"
        return null_if_any(arguments[1:], text)
    # Java counts whole days first, then months of 32 days each, so that no day is the 30th of February.
    first, last = f"CAST({start} AS DATE)", f"CAST({end} AS DATE)"
    before = f"{last} > {first} AND CAST({end} AS TIME) < CAST({start} AS TIME)"
    after = f"{last} < {first} AND CAST({end} AS TIME) > CAST({start} AS TIME)"
    day = f"(CASE WHEN {before} THEN {last} - 1 WHEN {after} THEN {last} + 1 ELSE {last} END)"
    packed = "((CAST(year({0}) AS BIGINT) * 12 + month({0})) * 32 + day({0}))"
    months = f"(({packed.format(day)} - {packed.format(first)}) // 32)"
    return null_if_any(arguments[1:], f"({months} // {_MONTHS[unit]})")


FUNCTIONS = table(
    rewritten("timestampadd", (3, 3), _add_types, _add),
    rewritten("timestampdiff", (3, 3), takes(STRING, TIMESTAMP, TIMESTAMP, gives=BIGINT), _difference),
)
