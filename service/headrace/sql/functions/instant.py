"""Room 2: how moments meet the session time zone and intervals; shared by arithmetic and the date and time functions.

Takes rendered moments; gives DuckDB text. An instant is TIMESTAMPTZ, local time a TIMESTAMP; day-time intervals are
BIGINT microseconds and year-month intervals INTEGER months.
"""

from __future__ import annotations

from headrace.duck import let
from headrace.sql.function import Rendered
from headrace.sql.settings import SqlSettings
from headrace.time_text import instant_of_local_sql, is_utc, local_of_instant_sql
from headrace.types import (
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    INT,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    DataType,
)

DAY_US = 86_400_000_000


def local(value: str, kind: DataType, settings: SqlSettings) -> str:
    """Return the wall-clock TIMESTAMP of a DATE, TIMESTAMP or TIMESTAMP_NTZ in the session zone."""
    if kind == DATE:
        return f"CAST({value} AS TIMESTAMP)"
    if kind == TIMESTAMP_NTZ:
        return value
    if is_utc(settings.time_zone):
        # Twenty times the speed of timezone('UTC', …), which goes through the time zone library.
        return f"make_timestamp(epoch_us({value}))"
    return local_of_instant_sql(value, settings.time_zone)


def instant(wall: str, settings: SqlSettings) -> str:
    """Return the TIMESTAMPTZ of a wall-clock TIMESTAMP in the session zone."""
    if is_utc(settings.time_zone):
        return f"make_timestamptz(epoch_us({wall}))"
    return instant_of_local_sql(wall, settings.time_zone)


def instant_in(wall: str, zone: str) -> str:
    """Return the TIMESTAMPTZ of a wall-clock TIMESTAMP in a zone; of two possible the earlier, as Java chooses."""

    def chosen(later: str) -> str:
        earlier = f"({later} - to_hours(1))"
        return f"(CASE WHEN timezone({zone}, {earlier}) = {wall} THEN {earlier} ELSE {later} END)"

    return let(f"timezone({zone}, {wall})", chosen)


def back(wall: str, kind: DataType, settings: SqlSettings) -> str:
    """Return a wall-clock TIMESTAMP as a value of a moment's type."""
    if kind == DATE:
        return f"CAST({wall} AS DATE)"
    return instant(wall, settings) if kind == TIMESTAMP else wall


def add_months(day: str, months: str) -> str:
    """Return the DATE so many months on, the day cut to the month's last."""
    return f"CAST({day} + to_months({months}) AS DATE)"


def date_plus(day: str, step: Rendered, sign: str) -> str:
    """Return a DATE plus or minus days (INT), a year-month interval, whole days in µs, or a calendar interval."""
    if step.type == INT:
        return f"({day} {sign} {step.sql})"
    if step.type == YEAR_MONTH_INTERVAL:
        return f"CAST({day} {sign} to_months({step.sql}) AS DATE)"
    if step.type == DAY_TIME_INTERVAL:
        return f"({day} {sign} CAST({step.sql} // {DAY_US} AS INTEGER))"
    return f"CAST({day} {sign} {step.sql} AS DATE)"


def timestamp_plus(moment: Rendered, step: Rendered, sign: str, settings: SqlSettings) -> str:
    """Return a timestamp plus or minus an interval; months and days count in the session zone, the rest is exact."""
    if step.type == DAY_TIME_INTERVAL and (is_utc(settings.time_zone) or moment.type == TIMESTAMP_NTZ):
        maker = "make_timestamptz" if moment.type == TIMESTAMP else "make_timestamp"
        return f"{maker}(epoch_us({moment.sql}) {sign} {step.sql})"
    if step.type == CALENDAR_INTERVAL and moment.type == TIMESTAMP_NTZ:
        return f"({moment.sql} {sign} {step.sql})"
    wall = local(moment.sql, moment.type, settings)
    if step.type == YEAR_MONTH_INTERVAL:
        return back(f"({wall} {sign} to_months({step.sql}))", moment.type, settings)
    if step.type == DAY_TIME_INTERVAL:
        days, rest = f"({step.sql} // {DAY_US})", f"({step.sql} % {DAY_US})"
        moved = back(f"({wall} {sign} to_days(CAST({days} AS INTEGER)))", moment.type, settings)
        return f"make_timestamptz(epoch_us({moved}) {sign} {rest})"
    return f"({moment.sql} {sign} {step.sql})"
