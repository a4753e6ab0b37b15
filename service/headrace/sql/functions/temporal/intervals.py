"""Room 2: intervals made of numbers, and gaps of sessions made of texts.

Takes rendered numbers and texts; gives DuckDB text of µs, months, or DuckDB's INTERVAL for the calendar interval.
Source: Spark intervalExpressions, IntervalUtils.safeStringToInterval.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions.instant import timestamp_plus
from headrace.sql.functions.signature import fail, null_if_any, rewritten, table, takes
from headrace.sql.functions.temporal.clocks import SECONDS
from headrace.sql.settings import SqlSettings
from headrace.types import (
    CALENDAR_INTERVAL,
    DAY_TIME_INTERVAL,
    INT,
    STRING,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
)

_ZERO = "0"
_INTERVAL_SECONDS = DecimalType(18, 6)
_MAX = 2_147_483_647
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_WHOLE = r"[0-9]+\s+(?:year|month|week|day|hour|minute|millisecond|microsecond)s?"
_SECONDS = r"(?:[0-9]+(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s+seconds?"
_INTERVAL_TEXT = rf"(?i)(?:[+-]?\s*(?:{_WHOLE}|{_SECONDS})(?:\s+|$))+"


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


def _gap_types(arguments: Sequence[Argument]) -> Resolved:
    gap, time = (argument.type for argument in arguments)
    return Resolved((gap if gap == CALENDAR_INTERVAL else STRING, time), DAY_TIME_INTERVAL)


def _gap(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    """The µs from a time to the end of its session: months and days of a gap are those of the calendar."""
    gap, time = arguments
    step = gap.sql if gap.type == CALENDAR_INTERVAL else _calendar_text(gap.sql)
    moved = timestamp_plus(time, Rendered(step, CALENDAR_INTERVAL), "+", settings)
    return f"(epoch_us({moved}) - epoch_us({time.sql}))"


def _calendar_text(sql: str) -> str:
    """A text such as ``1 minute -2 seconds`` as an interval, NULL where it is none, in ANSI mode too."""
    plain = rf"regexp_replace(trim({sql}, {_BLANKS}), '(?i)^interval\s+', '')"
    signed = rf"regexp_replace(regexp_replace({plain}, '[+]', '', 'g'), '-\s+', '-', 'g')"
    return (
        f"(CASE WHEN regexp_full_match({plain}, {quote_text(_INTERVAL_TEXT)}) THEN TRY_CAST({signed} AS INTERVAL) END)"
    )


FUNCTIONS = table(
    rewritten("session_gap", (2, 2), _gap_types, _gap),
    rewritten("make_ym_interval", (0, 2), takes(INT, INT, gives=YEAR_MONTH_INTERVAL), _months),
    rewritten("make_dt_interval", (0, 4), takes(INT, INT, INT, SECONDS, gives=DAY_TIME_INTERVAL), _day_time),
    _calendar("make_interval", quiet=False),
    _calendar("try_make_interval", quiet=True),
)
