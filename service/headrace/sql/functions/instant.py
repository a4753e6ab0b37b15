"""Room 2: how moments meet the session time zone and intervals; shared by arithmetic and the date and time functions.

Takes rendered moments; gives DuckDB text. An instant is TIMESTAMPTZ, local time a TIMESTAMP; day-time intervals are
BIGINT microseconds and year-month intervals INTEGER months.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type, let
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.coercion import spanning
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.signature import as_type, fail, mismatch
from headrace.sql.settings import SqlSettings
from headrace.time_text import instant_of_local_sql, is_utc, local_of_instant_sql
from headrace.types import (
    BIGINT,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    DataType,
    IntervalType,
    interval_of,
    is_numeric,
)

DAY_US = 86_400_000_000
MOMENTS = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
INTERVALS = (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL, CALENDAR_INTERVAL)
DIVIDE_BY_ZERO = fail("DIVIDE_BY_ZERO", "'Division by zero. Use `try_divide` to tolerate divisor being 0.'")
_EXACT = (DAY_TIME_INTERVAL, CALENDAR_INTERVAL)
"""Intervals that Spark adds to whatever may be a timestamp."""
_TOO_LONG = fail(
    "INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION", "'The interval is too long. Use `try_add` to tolerate overflow.'"
)
_TOO_LONG_ALONE = fail("INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION", "'The interval is too long.'")
_SPAN_BY_ZERO = fail("INTERVAL_DIVIDED_BY_ZERO", "'Division by zero. Use `try_divide` to tolerate it.'")


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


def timed_types(name: str, arguments: Sequence[Argument]) -> Resolved | None:
    """Return the types of an operator with a moment or an interval, None for one with neither.

    Raises:
        StreamError: DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES, Spark has no such operator.
    """
    left, right = (a.type for a in arguments)
    if not any(k in (*MOMENTS, *INTERVALS) for k in (left, right)):
        return None
    found = _timed_types(name, left, right)
    if found is None:
        sign = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}.get(name, name)
        raise mismatch(f'"{left.sql()}" {sign} "{right.sql()}" is not defined.', condition="BINARY_OP_DIFF_TYPES")
    return found


def _timed_types(name: str, left: DataType, right: DataType) -> Resolved | None:
    if name == "div":
        return Resolved((left, right), BIGINT) if left == right and left in INTERVALS[:2] else None
    if name.removeprefix("try_") in ("multiply", "divide"):
        return _scaled_types(name.removeprefix("try_"), left, right)
    if name not in ("add", "subtract", "try_add", "try_subtract"):
        return None
    if left in INTERVALS and right in INTERVALS:
        if isinstance(left, IntervalType) and isinstance(right, IntervalType) and left == right:
            return Resolved((left, right), spanning(left, right))
        return Resolved((left, right), left) if left == right else None
    if NULL in (left, right) or STRING in (left, right):
        return _with_constant(name, left, right)
    if name.endswith("add") and left in (*INTERVALS, *INTEGRAL) and right in MOMENTS:
        swapped = _moment_plus(right, left)
        return None if swapped is None else Resolved((swapped.arguments[1], swapped.arguments[0]), swapped.type)
    if left in MOMENTS and right in MOMENTS and name.endswith("subtract"):
        kind = DATE if left == right == DATE else TIMESTAMP if TIMESTAMP in (left, right) else TIMESTAMP_NTZ
        return Resolved((kind, kind), interval_of("DAY", "DAY") if kind == DATE else DAY_TIME_INTERVAL)
    if (left == TIMESTAMP and right == STRING) or left == STRING:
        return None
    return _moment_plus(left, right)


def _with_constant(name: str, left: DataType, right: DataType) -> Resolved | None:
    """NULL beside an interval is one, and a text a timestamp, of which the sum is a text again.

    What is subtracted from a moment, or a moment from it, is a moment too.
    """
    span, other = (left, right) if left in (*INTERVALS, *MOMENTS) else (right, left)
    if span in MOMENTS and name.endswith("subtract") and (span != DATE or other == STRING):
        whole = interval_of("DAY", "DAY") if span == DATE else DAY_TIME_INTERVAL
        return Resolved((span, span), whole)
    if span in MOMENTS:
        return None if other == STRING else _moment_plus(span, INT if span == DATE else DAY_TIME_INTERVAL)
    if other == NULL:
        return Resolved((span, span), span)
    if span not in _EXACT or (name.endswith("subtract") and span == left):
        return None
    return Resolved((left, TIMESTAMP) if span is left else (TIMESTAMP, right), STRING)


def _moment_plus(moment: DataType, step: DataType) -> Resolved | None:
    if moment == DATE and step in (TINYINT, SMALLINT, INT):
        return Resolved((DATE, INT), DATE)
    if step not in INTERVALS or moment not in MOMENTS:
        return None
    if moment == DATE and step == DAY_TIME_INTERVAL:
        whole = step.fields == ("DAY", "DAY")
        return Resolved((DATE, step), DATE) if whole else Resolved((TIMESTAMP, step), TIMESTAMP)
    return Resolved((moment, step), moment)


def _scaled_types(name: str, left: DataType, right: DataType) -> Resolved | None:
    span = left if isinstance(left, IntervalType) else right if name == "multiply" else NULL
    factor = right if span is left else left
    if not isinstance(span, IntervalType) or not (is_numeric(factor) or factor in (STRING, NULL)):
        return None
    number = BIGINT if factor in INTEGRAL else DOUBLE
    whole = DAY_TIME_INTERVAL if span == DAY_TIME_INTERVAL else YEAR_MONTH_INTERVAL
    return Resolved((left, number) if span is left else (number, right), whole)


def render_timed(name: str, arguments: Sequence[Rendered], settings: SqlSettings, kind: DataType) -> str:
    """Return the text of an operator that `timed_types` knows."""
    left, right = arguments
    if name == "div":
        return f"(CASE WHEN {right.sql} = 0 THEN {DIVIDE_BY_ZERO} ELSE CAST({left.sql} // {right.sql} AS BIGINT) END)"
    if name.removeprefix("try_") in ("multiply", "divide"):
        return _render_scaled(name, left, right, kind)
    sign = "+" if name.endswith("add") else "-"
    if left.type in INTERVALS and right.type in INTERVALS:
        return _summed(name, left, right, kind)
    if left.type in MOMENTS and right.type in MOMENTS:
        if left.type == DATE:
            return f"(CAST({left.sql} - {right.sql} AS BIGINT) * {DAY_US})"
        return f"(epoch_us({left.sql}) - epoch_us({right.sql}))"
    if right.type in MOMENTS:
        left, right = right, left
    if left.type == DATE:
        return date_plus(left.sql, right, sign)
    moved = timestamp_plus(left, right, sign, settings)
    if kind == STRING:  # a text that stood for the moment
        return render_cast(moved, TIMESTAMP, STRING, mode=CastMode.ANSI, settings=settings)
    return moved


def _summed(name: str, left: Rendered, right: Rendered, kind: DataType) -> str:
    sign = "+" if name.endswith("add") else "-"
    if not isinstance(kind, IntervalType):
        return f"({left.sql} {sign} {right.sql})"
    return within(f"(CAST({left.sql} AS HUGEINT) {sign} {right.sql})", kind, quiet=name.startswith("try_"))


def within(wide: str, kind: IntervalType, *, quiet: bool, suggestion: bool = True) -> str:
    """Return the interval that a HUGEINT is, NULL or an error where it is too long."""
    half = 2**63 if kind == DAY_TIME_INTERVAL else 2**31
    failed = "NULL" if quiet else _TOO_LONG if suggestion else _TOO_LONG_ALONE
    target = duckdb_type(kind)

    def cut(value: str) -> str:
        fits = f"{value} BETWEEN {-half}::HUGEINT AND {half - 1}::HUGEINT"
        return f"(CASE WHEN {fits} THEN CAST({value} AS {target}) WHEN {value} IS NOT NULL THEN {failed} END)"

    return let(wide, cut)


def _render_scaled(name: str, left: Rendered, right: Rendered, kind: DataType) -> str:
    span, factor = (left, right) if left.type in INTERVALS else (right, left)
    if name.startswith("try_") and isinstance(kind, IntervalType):
        if name.endswith("divide"):
            wide = f"CAST(round(CAST({span.sql} AS DOUBLE) / nullif({factor.sql}, 0)) AS HUGEINT)"
        elif factor.type == DOUBLE:
            wide = f"CAST(round({span.sql} * {factor.sql}) AS HUGEINT)"
        else:
            wide = f"(CAST({span.sql} AS HUGEINT) * {factor.sql})"
        return within(wide, kind, quiet=True)
    if name.endswith("multiply"):
        value = f"{span.sql} * {factor.sql}"
        return as_type(f"round({value})" if factor.type == DOUBLE else value, kind)
    value = f"round(CAST({span.sql} AS DOUBLE) / {factor.sql})"
    at_zero = "NULL" if name == "try_divide" else _SPAN_BY_ZERO
    return as_type(f"CASE WHEN {factor.sql} = 0 THEN {at_zero} ELSE {value} END", kind)
