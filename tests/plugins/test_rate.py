"""The rate source: the kit, and rows that follow from the time alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from headrace.clock import ManualClock
from headrace.contract import SourceContext
from headrace.options import parse_options
from headrace.testing.source_kit import check_source
from headrace_plugins.rate import PLUGIN, RateSource, value_at_second

START_US = 1_600_000_000_123_456


def _make(clock: ManualClock, **options: object) -> RateSource:
    source = PLUGIN.build(parse_options(PLUGIN.spec, options), SourceContext("q", "rate", clock))
    assert isinstance(source, RateSource)
    return source


def test_the_source_keeps_the_laws_of_the_contract() -> None:
    """The whole battery passes at an even pace."""
    clock = ManualClock(START_US)
    check_source(lambda: _make(clock, rowsPerSecond=3), lambda seconds: clock.advance(seconds * 1_000_000))


def test_the_source_keeps_the_laws_while_it_ramps_up() -> None:
    """Splitting a range changes nothing while the pace still grows."""
    clock = ManualClock(START_US)
    check_source(
        lambda: _make(clock, rowsPerSecond=10, rampUpTime="4s"), lambda seconds: clock.advance(seconds * 1_000_000)
    )


def test_rows_are_numbered_and_spread_over_their_second() -> None:
    """Values are dense from 0, times follow from the start in milliseconds."""
    clock = ManualClock(START_US)
    source = _make(clock, rowsPerSecond=2)
    start = source.initial_offset()
    clock.advance(2_999_999)
    end = source.latest_offset(start, limited=True)
    assert start == {"start_us": 1_600_000_000_123_000, "seconds": 0}
    assert end == {"start_us": 1_600_000_000_123_000, "seconds": 3}
    first = datetime(2020, 9, 13, 12, 26, 40, 123_000, tzinfo=UTC)
    assert source.read(start, end).to_pylist() == [
        {"timestamp": first.replace(second=40 + n // 2, microsecond=123_000 + 500_000 * (n % 2)), "value": n}
        for n in range(6)
    ]
    assert source.offset_rows(start, end) == 6


def test_a_clock_set_back_gives_no_earlier_end() -> None:
    """The end is never behind the start."""
    clock = ManualClock(START_US)
    source = _make(clock)
    reached = {**source.initial_offset(), "seconds": 50}
    assert source.latest_offset(reached, limited=True) == reached


def test_the_pace_grows_by_equal_steps_as_in_spark() -> None:
    """With 10 rows per second after 4 seconds the seconds have 2, 4, 6, 8, 10, 10 rows."""
    assert value_at_second(np.arange(7), 10, 4).tolist() == [0, 2, 6, 12, 20, 30, 40]


def test_it_describes_itself_as_spark_does() -> None:
    """The description is that of RateStreamProvider."""
    described = _make(ManualClock(), rowsPerSecond="5", rampUpTime="2s", numPartitions=4).describe()
    assert described == "RateStreamV2[rowsPerSecond=5, rampUpTimeSeconds=2, numPartitions=4]"
