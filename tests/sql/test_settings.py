"""Room 2: the session's settings."""

from __future__ import annotations

import pytest

from headrace.errors import StreamError
from headrace.sql.settings import SqlSettings

ZONES = {
    "UTC": "UTC",
    "Z": "UTC",
    "+00:00": "UTC",
    "europe/oslo": "Europe/Oslo",
    "+05:30": "GMT+05:30",
    "-8": "GMT-08:00",
    "UTC+0545": "GMT+05:45",
    "GMT-03:00": "GMT-03:00",
    "PST": "America/Los_Angeles",
}


@pytest.mark.parametrize("written", ZONES)
def test_a_time_zone_is_a_region_or_an_offset(written: str) -> None:
    """DuckDB knows the offset of GMT+05:30, and neither +05:30 nor UTC+05:30."""
    assert SqlSettings.of({"spark.sql.session.timeZone": written}).time_zone == ZONES[written]


@pytest.mark.parametrize("written", ["Mars/Phobos", "+25:00", "", "UTC+"])
def test_a_zone_that_is_none_is_refused(written: str) -> None:
    """The message has the value and what may be written."""
    with pytest.raises(StreamError, match=r"spark\.sql\.session\.timeZone is no time zone") as refusal:
        SqlSettings.of({"spark.sql.session.timeZone": written})
    assert refusal.value.condition == "INVALID_CONF_VALUE.TIME_ZONE"
