"""Date and time functions give Spark's documented results and types, in the session time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.errors import StreamError
from headrace.sql.functions import BATCH_TIME_PLACEHOLDER, FUNCTIONS
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DATE,
    DAY_TIME_INTERVAL,
    TIMESTAMP,
    YEAR_MONTH_INTERVAL,
    interval_of,
)

N, L, T, DT = "INT", "BIGINT", "TIMESTAMP", "DATE"
DAY = 86_400_000_000


def at(*parts: int) -> datetime:
    """An instant, in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def seconds(n: int) -> Any:
    """A day-time interval."""
    return ("of", n * 1_000_000, DAY_TIME_INTERVAL)


CASES: list[tuple[Any, Any, str]] = [
    (("year", date(2016, 7, 30)), 2016, N),
    (("year", "2016-07-30"), 2016, N),
    (("year", at(2016, 7, 30, 12)), 2016, N),
    (("month", "2016-07-30"), 7, N),
    (("day", "2009-07-30"), 30, N),
    (("dayofmonth", "2009-07-30"), 30, N),
    (("dayofweek", "2009-07-30"), 5, N),
    (("dayofweek", "2020-01-05"), 1, N),
    (("weekday", "2009-07-30"), 3, N),
    (("dayofyear", "2016-04-09"), 100, N),
    (("quarter", "2016-08-31"), 3, N),
    (("weekofyear", "2008-02-20"), 8, N),
    (("hour", "2018-02-14 12:58:59"), 12, N),
    (("minute", "2009-07-30 12:58:59"), 58, N),
    (("second", at(2018, 2, 14, 12, 58, 59)), 59, N),
    (("date_add", "2016-07-30", 1), date(2016, 7, 31), DT),
    (("date_sub", "2016-07-30", 1), date(2016, 7, 29), DT),
    (("datediff", "2009-07-31", "2009-07-30"), 1, N),
    (("datediff", "2009-07-30", "2009-07-31"), -1, N),
    (("add_months", "2016-08-31", 1), date(2016, 9, 30), DT),
    (("last_day", "2009-01-12"), date(2009, 1, 31), DT),
    (("next_day", "2015-01-14", "TU"), date(2015, 1, 20), DT),
    (("next_day", "2015-01-14", "Wednesday"), date(2015, 1, 21), DT),
    (("months_between", "1997-02-28 10:30:00", "1996-10-30"), 3.94959677, "DOUBLE"),
    (("months_between", "1997-02-28 10:30:00", "1996-10-30", False), 3.9495967741935485, "DOUBLE"),
    (("months_between", "2020-02-29", "2020-01-31"), 1.0, "DOUBLE"),
    (("trunc", "2019-08-04", "week"), date(2019, 7, 29), DT),
    (("trunc", "2019-08-04", "quarter"), date(2019, 7, 1), DT),
    (("trunc", "2009-02-12", "MM"), date(2009, 2, 1), DT),
    (("trunc", "2015-10-27", "YEAR"), date(2015, 1, 1), DT),
    (("trunc", "2015-10-27", "DAY"), None, DT),
    (("date_trunc", "YEAR", "2015-03-05T09:32:05.359"), at(2015, 1, 1), T),
    (("date_trunc", "DD", "2015-03-05T09:32:05.359"), at(2015, 3, 5), T),
    (("date_trunc", "HOUR", "2015-03-05T09:32:05.359"), at(2015, 3, 5, 9), T),
    (("date_trunc", "MILLISECOND", "2015-03-05T09:32:05.123456"), at(2015, 3, 5, 9, 32, 5, 123000), T),
    (("date_format", "2016-04-08", "y"), "2016", "STRING"),
    (("date_format", at(2016, 4, 8, 13, 5, 9), "yyyy-MM-dd HH:mm:ss"), "2016-04-08 13:05:09", "STRING"),
    (("to_date", "2009-07-30 04:17:52"), date(2009, 7, 30), DT),
    (("to_date", "2016-12-31", "yyyy-MM-dd"), date(2016, 12, 31), DT),
    (("to_timestamp", "2016-12-31 00:12:00"), at(2016, 12, 31, 0, 12), T),
    (("to_timestamp", "2016-12-31", "yyyy-MM-dd"), at(2016, 12, 31), T),
    (("try_to_timestamp", "foo", "yyyy-MM-dd"), None, T),
    (("unix_timestamp", "2016-04-08", "yyyy-MM-dd"), 1460073600, L),
    (("unix_timestamp", at(1969, 12, 31, 23, 59, 59, 500000)), -1, L),
    (("from_unixtime", ("of", 0, BIGINT), "yyyy-MM-dd HH:mm:ss"), "1970-01-01 00:00:00", "STRING"),
    (("unix_micros", at(1970, 1, 1, 0, 0, 1)), 1000000, L),
    (("unix_millis", at(1970, 1, 1, 0, 0, 1)), 1000, L),
    (("unix_seconds", at(1970, 1, 1, 0, 0, 1)), 1, L),
    (("unix_date", date(1970, 1, 2)), 1, N),
    (("date_from_unix_date", 1), date(1970, 1, 2), DT),
    (("timestamp_seconds", 1230219000), at(2008, 12, 25, 15, 30), T),
    (("timestamp_seconds", 1230219000.123), at(2008, 12, 25, 15, 30, 0, 123000), T),
    (("timestamp_seconds", Decimal("1230219000.123")), at(2008, 12, 25, 15, 30, 0, 123000), T),
    (("timestamp_millis", ("of", 1230219000123, BIGINT)), at(2008, 12, 25, 15, 30, 0, 123000), T),
    (("timestamp_micros", ("of", 1230219000123123, BIGINT)), at(2008, 12, 25, 15, 30, 0, 123123), T),
    (("make_date", 2013, 7, 15), date(2013, 7, 15), DT),
    (("make_date", None, 7, 15), None, DT),
    (("make_timestamp", 2014, 12, 28, 6, 30, Decimal("45.887")), at(2014, 12, 28, 6, 30, 45, 887000), T),
    (("make_timestamp", 2014, 12, 28, 6, 30, Decimal("45.887"), "CET"), at(2014, 12, 28, 5, 30, 45, 887000), T),
    (("make_timestamp", 2019, 6, 30, 23, 59, 60), at(2019, 7, 1), T),
    (("date_part", "YEAR", at(2019, 8, 12, 1)), 2019, N),
    (("date_part", "doy", date(2019, 8, 12)), 224, N),
    (("extract", "SECONDS", at(2019, 10, 1, 0, 0, 1, 1)), Decimal("1.000001"), "DECIMAL(8,6)"),
    (("from_utc_timestamp", "2016-08-31", "Asia/Seoul"), at(2016, 8, 31, 9), T),
    (("to_utc_timestamp", "2016-08-31", "Asia/Seoul"), at(2016, 8, 30, 15), T),
    (("add", at(2020, 1, 1), seconds(10)), at(2020, 1, 1, 0, 0, 10), T),
    (("add", seconds(10), at(2020, 1, 1)), at(2020, 1, 1, 0, 0, 10), T),
    (("subtract", at(2020, 1, 1), seconds(10)), at(2019, 12, 31, 23, 59, 50), T),
    (("add", date(2020, 1, 31), ("of", 1, YEAR_MONTH_INTERVAL)), date(2020, 2, 29), DT),
    (("add", at(2020, 1, 31, 5), ("of", 1, YEAR_MONTH_INTERVAL)), at(2020, 2, 29, 5), T),
    (("add", date(2020, 1, 31), ("of", DAY, interval_of("DAY", "DAY"))), date(2020, 2, 1), DT),
    (("add", date(2020, 1, 31), ("of", DAY, DAY_TIME_INTERVAL)), at(2020, 2, 1), T),
    (("add", date(2020, 1, 31), seconds(1)), at(2020, 1, 31, 0, 0, 1), T),
    (("add", date(2020, 1, 31), 1), date(2020, 2, 1), DT),
    (("subtract", at(2020, 1, 2), at(2020, 1, 1)), DAY, "INTERVAL DAY TO SECOND"),
    (("subtract", date(2020, 1, 2), date(2020, 1, 1)), DAY, "INTERVAL DAY"),
    (("add", seconds(1), seconds(2)), 3_000_000, "INTERVAL DAY TO SECOND"),
    (("multiply", seconds(2), 3), 6_000_000, "INTERVAL DAY TO SECOND"),
    (("divide", seconds(3), 2), 1_500_000, "INTERVAL DAY TO SECOND"),
    (("greater", at(2020, 1, 2), date(2020, 1, 1)), True, "BOOLEAN"),
    (("current_timezone",), "UTC", "STRING"),
]


@pytest.mark.parametrize(("call", "value", "kind"), CASES)
def test_value_and_type_are_sparks(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """Days of the week count from Sunday = 1; texts are cast where a date or timestamp is taken."""
    assert evaluate(call) == (value, kind)


BERLIN: list[tuple[Any, Any, str]] = [
    (("hour", at(2020, 7, 1, 22)), 0, N),
    (("day", at(2020, 7, 1, 22)), 2, N),
    (("date_trunc", "day", at(2020, 7, 1, 22)), at(2020, 7, 1, 22), T),
    (("add", at(2020, 3, 28, 12), ("of", DAY, DAY_TIME_INTERVAL)), at(2020, 3, 29, 11), T),
    (("to_utc_timestamp", at(2020, 7, 1, 22), "UTC"), at(2020, 7, 1, 22), T),
    (("make_timestamp", 2020, 10, 25, 2, 30, 0), at(2020, 10, 25, 0, 30), T),
    (("make_timestamp", 2020, 3, 29, 2, 30, 0), at(2020, 3, 29, 1, 30), T),
]


@pytest.mark.parametrize(("call", "value", "kind"), BERLIN)
def test_the_session_zone_decides_what_day_it_is(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """A local time that exists twice is the earlier instant; one that never was moves on, as java.time has it."""
    assert evaluate(call, zone="Europe/Berlin") == (value, kind)


@pytest.mark.parametrize(
    "call", [("make_date", 2020, 13, 1), ("make_date", 2019, 2, 29), ("make_timestamp", 2020, 1, 1, 24, 0, 0)]
)
def test_a_date_that_does_not_exist_raises_or_is_null(evaluate: Any, call: Any) -> None:
    """ANSI raises for the row."""
    with pytest.raises(Exception, match="DATETIME_FIELD_OUT_OF_BOUNDS"):
        evaluate(call)
    assert evaluate(call, ansi=False)[0] is None


def test_the_current_time_is_the_batchs(evaluate: Any) -> None:
    """The engine puts a literal in the place of the marker, so that a batch that runs again gives the same rows."""
    settings = SqlSettings(time_zone="Europe/Berlin")
    now, day = (FUNCTIONS[name].render([], kind, settings) for name, kind in (("now", TIMESTAMP), ("curdate", DATE)))
    assert now == BATCH_TIME_PLACEHOLDER
    assert BATCH_TIME_PLACEHOLDER in day


def test_intervals_and_moments_that_do_not_go_together_are_refused(evaluate: Any) -> None:
    """Two instants can be subtracted, not added."""
    with pytest.raises(StreamError) as caught:
        evaluate(("add", at(2020, 1, 1), at(2020, 1, 1)))
    assert caught.value.condition == "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"
