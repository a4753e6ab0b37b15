"""Room 2: TIME: the clock without a day.

Takes rendered TIME values (DuckDB TIME, µs since midnight); gives DuckDB text. Source: Spark timeExpressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.sql.cast import CastMode, render_cast
from headrace.sql.datetime_text import parse_with
from headrace.sql.function import Argument, Function, Rendered, Resolve, Resolved
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import (
    NUMERIC,
    accept,
    constant,
    fail,
    null_if_any,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.functions.temporal.dates import BATCH_TIME_PLACEHOLDER
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    INT,
    INTEGRAL,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
    DecimalType,
)

_DAY_US = 86_400_000_000
_UNITS_US: Mapping[str, int] = {
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1_000,
    "MICROSECOND": 1,
}
SECONDS = DecimalType(16, 6)
_WHOLE_SECONDS = DecimalType(14, 6)


def micros(value: str) -> str:
    """Return the BIGINT µs since midnight of a TIME."""
    return f"epoch_us({value})"


def of_micros(value: str) -> str:
    """Return the TIME of µs since midnight."""
    return f"CAST(make_timestamp({value}) AS TIME)"


def clock_us(hour: str, minute: str, second: str) -> str:
    """Return the BIGINT µs since midnight of an hour, a minute and DECIMAL seconds."""
    return f"(({hour}::BIGINT * 60 + {minute}) * 60000000 + CAST({second} * 1000000 AS BIGINT))"


def _from(unit_us: int) -> Function:
    name = {1: "micros", 1_000: "millis", 1_000_000: "seconds"}[unit_us]

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        value = arguments[0].sql
        shown = "seconds" if unit_us == 1_000_000 else name
        wrong = fail("DATETIME_FIELD_OUT_OF_BOUNDS", f"'Invalid value for {shown} of day: ' || {value}")
        us = f"CAST({value} * {unit_us} AS BIGINT)"
        return null_if_any(
            arguments, f"(CASE WHEN {us} BETWEEN 0 AND {_DAY_US - 1} THEN {of_micros(us)} ELSE {wrong} END)"
        )

    resolve = _seconds_types if unit_us == 1_000_000 else takes(BIGINT, gives=TIME)
    return rewritten(f"time_from_{name}", (1, 1), resolve, render)


def _seconds_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], NUMERIC, 0)
    return Resolved((BIGINT if kind in INTEGRAL else _WHOLE_SECONDS,), TIME)


def _to_seconds(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return (
        f"CAST(CAST({micros(arguments[0].sql)} AS DECIMAL(18,0)) * CAST('0.000001' AS DECIMAL(6,6)) AS DECIMAL(14,6))"
    )


def make_time(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    """Return the TIME of hour, minute and seconds, an error in ANSI mode for what is none."""
    hour, minute, second = (a.sql for a in arguments)
    wrong = fail("DATETIME_FIELD_OUT_OF_BOUNDS", f"'Invalid time: ' || {hour} || ':' || {minute} || ':' || {second}")
    good = f"{hour} BETWEEN 0 AND 23 AND {minute} BETWEEN 0 AND 59 AND {second} >= 0 AND {second} < 60"
    made = of_micros(clock_us(hour, minute, second))
    return null_if_any(arguments, f"(CASE WHEN {good} THEN {made} ELSE {wrong if settings.ansi else 'NULL'} END)")


def _readable(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        mode = CastMode.TRY if quiet else CastMode.ANSI
        source = arguments[0]
        if source.type == TIME:
            return source.sql
        if len(arguments) == 1:
            return render_cast(source.sql, STRING, TIME, mode=mode, settings=settings)
        return f"CAST({parse_with(source.sql, arguments[1], TIMESTAMP_NTZ, mode, settings)} AS TIME)"

    return rewritten(name, (1, 2), _readable_types, render)


def _readable_types(arguments: Sequence[Argument]) -> Resolved:
    kind = TIME if arguments[0].type == TIME else accept(arguments[0], STRING, 0)
    return Resolved((kind, STRING)[: len(arguments)], TIME)


def _unit_us(argument: Rendered) -> int:
    name = str(constant(argument, "The unit")).upper()
    if name not in _UNITS_US:
        raise unsupported(f"The unit {name!r} of a TIME is none of {', '.join(_UNITS_US)}.")
    return _UNITS_US[name]


def _difference(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"(({micros(arguments[2].sql)} - {micros(arguments[1].sql)}) // {_unit_us(arguments[0])})"


def _truncated(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    unit = _unit_us(arguments[0])
    return of_micros(f"({micros(arguments[1].sql)} // {unit} * {unit})")


def _now(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    places = int(str(constant(arguments[0], "The precision"))) if arguments else 6
    if not 0 <= places <= 6:
        raise unsupported(f"The precision of a TIME is 0 to 6; seen: {places}.")
    wall = local(BATCH_TIME_PLACEHOLDER, TIMESTAMP, settings)
    us, unit = f"epoch_us(CAST({wall} AS TIME))", 10 ** (6 - places)
    return of_micros(f"({us} // {unit} * {unit})")


def _whole(name: str, unit_us: int) -> Function:
    return rewritten(name, (1, 1), takes(TIME, gives=BIGINT), text(f"(epoch_us({{0}}) // {unit_us})"))


_MAKE: Resolve = takes(INT, INT, SECONDS, gives=TIME)

FUNCTIONS = table(
    *(_from(unit) for unit in (1, 1_000, 1_000_000)),
    _whole("time_to_micros", 1),
    _whole("time_to_millis", 1_000),
    rewritten("time_to_seconds", (1, 1), takes(TIME, gives=_WHOLE_SECONDS), _to_seconds),
    rewritten("make_time", (3, 3), _MAKE, make_time),
    _readable("to_time", quiet=False),
    _readable("try_to_time", quiet=True),
    rewritten("time_diff", (3, 3), takes(STRING, TIME, TIME, gives=BIGINT), _difference),
    rewritten("time_trunc", (2, 2), takes(STRING, TIME, gives=TIME), _truncated),
    rewritten("current_time", (0, 1), takes(INT, gives=TIME), _now),
)
