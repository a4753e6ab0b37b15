"""Room 2: intervals made of numbers, and their parts.

Takes rendered numbers and intervals (µs, months, or DuckDB's INTERVAL for the calendar interval); gives DuckDB text.
Source: Spark intervalExpressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions import times
from headrace.sql.functions.signature import fail, null_if_any, rewritten, table, takes, unsupported
from headrace.sql.functions.temporal.clocks import SECONDS, on_clock, time_field
from headrace.sql.settings import SqlSettings
from headrace.types import (
    CALENDAR_INTERVAL,
    DAY_TIME_INTERVAL,
    INT,
    STRING,
    TIME,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
)

_ZERO = "0"
_SECOND_TYPE = DecimalType(8, 6)
_INTERVAL_SECONDS = DecimalType(18, 6)
_DAY_TIME: Mapping[str, str] = {
    "day": "({0} // 86400000000)",
    "hour": "({0} // 3600000000 % 24)",
    "minute": "({0} // 60000000 % 60)",
}
_YEAR_MONTH: Mapping[str, str] = {"year": "({0} // 12)", "month": "({0} % 12)"}
_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("year", "y", "years", "yr", "yrs"), "year"),
    **dict.fromkeys(("month", "mon", "mons", "months"), "month"),
    **dict.fromkeys(("day", "d", "days"), "day"),
    **dict.fromkeys(("hour", "h", "hours", "hr", "hrs"), "hour"),
    **dict.fromkeys(("minute", "m", "min", "mins", "minutes"), "minute"),
    **dict.fromkeys(("second", "s", "sec", "seconds", "secs"), "second"),
}
_MAX = 2_147_483_647


def _months(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    years, months = _padded(arguments, 2)
    total = f"(CAST({years} AS BIGINT) * 12 + {months})"
    wrong = fail("INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION", "'The interval is too long.'")
    return null_if_any(arguments, f"(CASE WHEN abs({total}) > {_MAX} THEN {wrong} ELSE CAST({total} AS INTEGER) END)")


def _day_time(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    days, hours, minutes, seconds = _padded(arguments, 4)
    whole = f"((CAST({days} AS BIGINT) * 24 + {hours}) * 60 + {minutes}) * 60000000"
    return null_if_any(arguments, f"({whole} + CAST({seconds} * 1000000 AS BIGINT))") if arguments else "0::BIGINT"


def _padded(arguments: Sequence[Rendered], count: int) -> list[str]:
    return [*(a.sql for a in arguments), *[_ZERO] * (count - len(arguments))]


def _calendar(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        years, months, weeks, days, hours, minutes, seconds = _padded(arguments, 7)
        month = f"(CAST({years} AS BIGINT) * 12 + {months})"
        day = f"(CAST({weeks} AS BIGINT) * 7 + {days})"
        clock = f"((CAST({hours} AS BIGINT) * 60 + {minutes}) * 60000000 + CAST({seconds} * 1000000 AS BIGINT))"
        long = fail("INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION", "'The interval is too long.'")
        bad = "NULL" if quiet or not settings.ansi else long
        made = f"to_months(CAST({month} AS INTEGER)) + to_days(CAST({day} AS INTEGER)) + to_microseconds({clock})"
        whole = f"(CASE WHEN abs({month}) > {_MAX} OR abs({day}) > {_MAX} THEN {bad} ELSE {made} END)"
        return null_if_any(arguments, whole) if arguments else whole

    wanted = (INT, INT, INT, INT, INT, INT, _INTERVAL_SECONDS)
    return rewritten(name, (0, 7), takes(*wanted, gives=CALENDAR_INTERVAL), render)


def _part_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[1].type
    if kind not in (TIME, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL):
        return times.FUNCTIONS["date_part"].resolve(arguments)
    return Resolved((STRING, kind), _SECOND_TYPE if _name(arguments[0], kind) == "second" else INT)


def _name(argument: Argument | Rendered, kind: DataType) -> str:
    seen = str(argument.value).lower() if argument.constant else ""
    name = _NAMES.get(seen, "")
    allowed: tuple[str, ...] = ("hour", "minute", "second")
    if kind == DAY_TIME_INTERVAL:
        allowed = ("day", *allowed)
    elif kind == YEAR_MONTH_INTERVAL:
        allowed = ("year", "month")
    if name not in allowed:
        raise unsupported(f"The part {argument.value!r} of {kind.sql()} is none of {', '.join(allowed)}.")
    return name


def _part(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value = arguments[1]
    if value.type not in (TIME, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL):
        return times.FUNCTIONS["date_part"].render(arguments, kind, settings)
    name = _name(arguments[0], value.type)
    if value.type == TIME:
        return time_field(name, value.sql) or "NULL"
    if name == "second":
        micros = f"CAST({value.sql} % 60000000 AS DECIMAL(18,0))"
        return f"CAST({micros} * CAST('0.000001' AS DECIMAL(6,6)) AS DECIMAL(8,6))"
    template = _YEAR_MONTH.get(name) or _DAY_TIME[name]
    return f"CAST({template.format(value.sql)} AS INTEGER)"


FUNCTIONS = table(
    rewritten("make_ym_interval", (0, 2), takes(INT, INT, gives=YEAR_MONTH_INTERVAL), _months),
    rewritten("make_dt_interval", (0, 4), takes(INT, INT, INT, SECONDS, gives=DAY_TIME_INTERVAL), _day_time),
    _calendar("make_interval", quiet=False),
    _calendar("try_make_interval", quiet=True),
    rewritten("date_part", (2, 2), _part_types, _part),
    on_clock("hour", times.FUNCTIONS["hour"], "hour({0})"),
    on_clock("minute", times.FUNCTIONS["minute"], "minute({0})"),
    on_clock("second", times.FUNCTIONS["second"], "second({0})"),
    extract="date_part",
    datepart="date_part",
)
