"""Times and paths as texts, also those that no calendar or machine has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.values import iso_millis, local_path, parse_duration_us, to_datetime, wide_datetime

YEAR_US = 31_556_952_000_000
"""The mean of a cycle of 400 years."""


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000_000, "+10000-01-01T00:00:00.000Z"),
        (1_700_000_000_000_000_000, "+55840-11-08T22:13:20.000Z"),
        (2**63 - 1, "+294247-01-10T04:00:54.775Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"),
        (-62_135_596_800_000_001, "0000-12-31T23:59:59.999Z"),
        (-(2**63), "-290308-12-21T19:59:05.224Z"),
    ],
)
def test_every_time_has_a_text(time_us: int, text: str) -> None:
    """One event time in the wrong unit must not end a query; Java writes these years so."""
    assert iso_millis(time_us) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_wide_time_is_the_same_moment_in_another_cycle_of_the_calendar(time_us: int) -> None:
    """Month, day and clock are kept, and within Python's middle years nothing is added."""
    near, more = wide_datetime(time_us)
    assert 600 <= near.year <= 9_000
    assert more % 400 == 0
    assert (near - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() + more * YEAR_US // 10**6 == pytest.approx(
        time_us / 10**6, abs=1
    )
    if 1_000 <= near.year + more < 9_000:
        assert (near, more) == (to_datetime(time_us), 0)


@pytest.mark.parametrize(
    ("text", "path"),
    [("a/b", "a/b"), ("/a:b", "/a:b"), ("a:b/c", "a:b/c"), ("file:///a%20b", "/a b"), ("FILE:/a", "/a"), ("", "")],
)
def test_a_path_is_a_text_or_a_file_url(text: str, path: str) -> None:
    """A colon alone makes no URL."""
    assert local_path(text) == path


@pytest.mark.parametrize("text", ["s3://bucket/a", "hdfs://host/a", "dbfs:///a", "file://host/a"])
def test_a_url_of_another_place_is_refused(text: str) -> None:
    """It would become a folder of that name here."""
    with pytest.raises(ValueError, match="is no path of this machine; allowed: a path, or file:///path"):
        local_path(text)


def test_a_text_with_a_null_character_is_no_path() -> None:
    """No system takes one."""
    with pytest.raises(ValueError, match="holds a character of code 0"):
        local_path("a\0b")


def test_a_duration_is_at_most_ten_thousand_years() -> None:
    """Longer ones would not fit a timestamp."""
    assert parse_duration_us("9999 weeks") == 9_999 * 7 * 86_400 * 10**6
    for text in ("99999999999 weeks", f"{'9' * 400} s", f"-{'9' * 400} s"):
        with pytest.raises(ValueError, match="longer than ten thousand years"):
            parse_duration_us(text)
