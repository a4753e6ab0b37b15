"""Texts of intervals: those whose fields are not known are refused, never written with others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.batch.session import BatchSession
from headrace.clock import SystemClock
from headrace.errors import StreamErrors


@pytest.fixture(scope="module")
def session() -> Iterator[BatchSession]:
    """One session of batch SQL."""
    found = BatchSession({}, SystemClock())
    yield found
    found.close()


@pytest.mark.parametrize(
    "interval",
    [
        "INTERVAL '1' DAY",
        "DATE '2020-01-02' - DATE '2020-01-01'",
        "-INTERVAL '3' MONTH",
        "INTERVAL 1 DAY + INTERVAL 2 HOURS",
    ],
)
def test_the_text_of_an_interval_with_fields_of_its_own_is_refused(session: BatchSession, interval: str) -> None:
    """Spark writes INTERVAL '1' DAY, and the type here is that of all fields."""
    with pytest.raises(StreamErrors) as caught:
        session.run(f"SELECT CAST({interval} AS STRING)")
    assert [error.code for error in caught.value.errors] == ["SQL_UNSUPPORTED"]


def test_the_text_of_an_interval_of_all_fields_is_sparks(session: BatchSession) -> None:
    """Differences of timestamps, products and make_dt_interval() are DAY TO SECOND."""
    moments = "TIMESTAMP '2020-01-02 00:00:01' - TIMESTAMP '2020-01-01 00:00:00'"
    lines = session.run(f"SELECT CAST({moments} AS STRING), CAST(make_dt_interval(1) AS STRING)").lines
    assert list(lines) == ["INTERVAL '1 00:00:01' DAY TO SECOND\tINTERVAL '1 00:00:00' DAY TO SECOND"]
