"""Date-time patterns and intervals mean in DuckDB what they mean in Spark."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest

from headrace.errors import StreamError
from headrace.sql.cast import CastMode
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.interval import Interval, fixed_duration_us, parse_interval
from headrace.sql.runtime_errors import translate
from headrace.sql.settings import SqlSettings
from headrace.types import DATE, TIMESTAMP, TIMESTAMP_NTZ, DataType

_UTC = SqlSettings()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss.SSS", "2024-01-05 03:04:05.123"),
        ("d/M/yy h:m:s a", "5/1/24 3:4:5 AM"),
        ("EEE, dd MMM yyyy", "Fri, 05 Jan 2024"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-05T03:04:05.123Z"),
        ("EEEE MMMM Q", "Friday January 1"),
        ("''yyyy'' 'o''clock'", "'2024' o'clock"),
        ("S SSSSSS SSSSSSSSS", "1 123456 123456000"),
        ("D DDD", "5 005"),
        ("HH%mm Z z", "03%04 +0000 UTC"),
    ],
)
def test_a_time_is_written_in_a_pattern(duck: duckdb.DuckDBPyConnection, pattern: str, expected: str) -> None:
    """date_format for one wall time."""
    text = format_sql("TIMESTAMP '2024-01-05 03:04:05.123456'", pattern, settings=_UTC)
    assert duck.execute(f"SELECT {text}").fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("text", "pattern", "kind", "expected"),
    [
        (
            "2024-01-05 03:04:05.5",
            "yyyy-MM-dd HH:mm:ss.SSS",
            TIMESTAMP,
            datetime(2024, 1, 5, 3, 4, 5, 500000, tzinfo=UTC),
        ),
        ("2024-01-05T03:04:05+02:00", "yyyy-MM-dd'T'HH:mm:ssXXX", TIMESTAMP, datetime(2024, 1, 5, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-05T03:04:05Z", "yyyy-MM-dd'T'HH:mm:ssX", TIMESTAMP, datetime(2024, 1, 5, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-05 23:00 America/New_York", "yyyy-MM-dd HH:mm VV", DATE, date(2024, 1, 6)),
        ("2024-1-5", "yyyy-MM-dd", DATE, None),
        ("05/01/2024", "dd/MM/yyyy", DATE, date(2024, 1, 5)),
        ("20240105", "yyyyMMdd", DATE, date(2024, 1, 5)),
        ("05 JAN 2024", "dd MMM yyyy", DATE, date(2024, 1, 5)),
        ("2024-02-30", "yyyy-MM-dd", DATE, None),
        ("12:30 PM", "hh:mm a", TIMESTAMP_NTZ, datetime(1970, 1, 1, 12, 30)),  # noqa: DTZ001 - NTZ
        ("2024-01-05 x", "yyyy-MM-dd", DATE, None),
        (None, "yyyy", DATE, None),
    ],
)
def test_a_text_is_read_in_a_pattern(
    duck: duckdb.DuckDBPyConnection, text: str | None, pattern: str, kind: DataType, expected: Any
) -> None:
    """to_timestamp and to_date: all of the text must fit, digit for digit."""
    sql = parse_sql("v", pattern, kind, mode=CastMode.TRY, settings=_UTC)
    assert duck.execute(f"SELECT {sql} FROM (SELECT CAST(? AS VARCHAR) AS v)", [text]).fetchall() == [(expected,)]


def test_under_ansi_a_text_that_does_not_fit_raises(duck: duckdb.DuckDBPyConnection) -> None:
    """The condition is Spark's."""
    sql = parse_sql("v", "yyyy-MM-dd", DATE, mode=CastMode.ANSI, settings=_UTC)
    with pytest.raises(duckdb.Error) as raised:
        duck.execute(f"SELECT {sql} FROM (SELECT 'x' AS v)").fetchall()
    error = translate(raised.value)
    assert error.condition == "CANNOT_PARSE_TIMESTAMP"
    assert error.message.startswith("Text 'x' could not be parsed with the pattern 'yyyy-MM-dd'.")


def test_a_wall_time_is_read_in_the_session_zone(duck: duckdb.DuckDBPyConnection) -> None:
    """Without an offset in the pattern."""
    settings = SqlSettings(time_zone="Europe/Berlin")
    sql = parse_sql("v", "yyyy-MM-dd HH:mm", TIMESTAMP, mode=CastMode.TRY, settings=settings)
    found = duck.execute(f"SELECT {sql} FROM (SELECT '2024-07-01 12:00' AS v)").fetchall()
    assert found == [(datetime(2024, 7, 1, 10, tzinfo=UTC),)]


@pytest.mark.parametrize("pattern", ["YYYY", "ww", "K", "yyyy [HH]", "EEE yyyy", "yy"])
def test_a_pattern_that_cannot_be_kept_is_refused(pattern: str) -> None:
    """Parsing is stricter than writing."""
    with pytest.raises(StreamError) as raised:
        parse_sql("v", pattern, TIMESTAMP, mode=CastMode.TRY, settings=_UTC)
    assert raised.value.code == "SQL_UNSUPPORTED"


def test_an_offset_is_not_written_in_a_zone_that_changes() -> None:
    """A wall time alone does not say which of two offsets holds."""
    with pytest.raises(StreamError) as raised:
        format_sql("v", "HH:mmXXX", settings=SqlSettings(time_zone="Europe/Berlin"))
    assert raised.value.code == "SQL_UNSUPPORTED"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 seconds", Interval(us=10_000_000)),
        ("interval 1 hour 30 minutes", Interval(us=5_400_000_000)),
        ("INTERVAL 1 month -2 days", Interval(months=1, days=-2)),
        ("1 week", Interval(days=7)),
        ("1.5 seconds", Interval(us=1_500_000)),
        ("- 1 year", Interval(months=-12)),
        ("5 milliseconds 3 microseconds", Interval(us=5_003)),
    ],
)
def test_an_interval_text_is_read(text: str, expected: Interval) -> None:
    """Units may be plural, in any order."""
    assert parse_interval(text) == expected


@pytest.mark.parametrize("text", ["", "ten seconds", "10", "1.5 days", "3 fortnights", "10 seconds x"])
def test_a_text_that_is_no_interval_is_refused(text: str) -> None:
    """Only seconds may have a fraction."""
    with pytest.raises(StreamError) as raised:
        parse_interval(text)
    assert str(raised.value.condition).startswith("INVALID_INTERVAL_FORMAT.")


def test_months_have_no_fixed_length() -> None:
    """The words are Spark's."""
    with pytest.raises(StreamError) as raised:
        fixed_duration_us("1 month")
    assert raised.value.message == "Intervals greater than a month is not supported (1 month)."
    assert fixed_duration_us("1 day 1 second") == 86_401_000_000
