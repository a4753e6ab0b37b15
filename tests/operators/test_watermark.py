"""Operators: the watermark over several nodes. Timelines are Spark's EventTimeWatermarkSuite, cases 7 to 9."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.operators.watermark import (
    EventTimes,
    WatermarkPolicy,
    WatermarkTracker,
    observe,
    without_future,
    without_late,
)

SECOND = 1_000_000


def seen(**seconds: int) -> dict[str, EventTimes]:
    """One row a node, at so many seconds."""
    return {node: EventTimes(1, s * SECOND, s * SECOND, s * SECOND) for node, s in seconds.items()}


def play(policy: WatermarkPolicy, delays: dict[str, int], steps: list[dict[str, int]]) -> list[float]:
    """The global watermark in seconds after each step."""
    tracker = WatermarkTracker({node: s * SECOND for node, s in delays.items()}, policy)
    return [tracker.advance(seen(**step)) / SECOND for step in steps]


def test_least_of_two_streams_holds_the_watermark() -> None:
    """Delays 10 (a) and 5 (b): a silent stream counts as the epoch, so nothing moves before both have spoken."""
    steps = [{"a": 11}, {"b": 6}, {"b": 8}, {"a": 21}, {"b": 39}, {"a": 31}, {"a": 41}, {"a": 51}, {"a": 100, "b": 100}]
    assert play(WatermarkPolicy.MIN, {"a": 10, "b": 5}, steps) == [0, 1, 1, 3, 11, 21, 31, 34, 90]


def test_greatest_of_two_streams_moves_with_one() -> None:
    """Delays 10 and 15: max advances with one input only."""
    steps = [{"a": 20, "b": 30}, {"a": 120}, {"b": 130}]
    assert play(WatermarkPolicy.MAX, {"a": 10, "b": 15}, steps) == [15, 110, 115]


TIMES = st.lists(st.integers(-100, 100))


@given(times=st.lists(st.none() | st.integers(-5, 5)), late_us=st.integers(-6, 6))
def test_late_rows_are_those_at_or_before_the_watermark(times: list[int | None], late_us: int) -> None:
    """A row without a time is not late; when none is, the table itself comes back."""
    rows = pa.table({"us": pa.array(times, pa.int64())})
    kept = without_late(rows, rows.column("us"), late_us)
    assert kept["us"].to_pylist() == [time for time in times if time is None or time > late_us]
    assert (kept is rows) == (len(kept) == len(rows))


@given(one=TIMES, other=TIMES)
def test_places_of_one_watermark_see_together_what_one_place_would(one: list[int], other: list[int]) -> None:
    """As many rows, the least, the greatest and the mean of both."""

    def observed(times: list[int]) -> EventTimes:
        return observe(pa.chunked_array([pa.array(times, pa.timestamp("us", "UTC"))]))

    both, whole = observed(one).with_those(observed(other)), observed(one + other)
    assert (both.rows, both.least_us, both.greatest_us) == (whole.rows, whole.least_us, whole.greatest_us)
    assert both.mean_us == pytest.approx(whole.mean_us)


def test_a_restart_keeps_the_global_watermark_and_forgets_the_streams() -> None:
    """From 185: b alone cannot move it, both can."""
    tracker = WatermarkTracker({"a": 10 * SECOND, "b": 5 * SECOND}, WatermarkPolicy.MIN, 185 * SECOND)
    assert tracker.advance(seen(b=200)) == 185 * SECOND
    assert tracker.advance(seen(a=200)) == 190 * SECOND


def test_event_times_are_cut_to_whole_milliseconds() -> None:
    """1.999999 s with a delay of 0 is 1.999 s."""
    tracker = WatermarkTracker({"a": 0}, WatermarkPolicy.MIN)
    assert tracker.advance({"a": EventTimes(1, 0, 1_999_999)}) == 1_999_000


@given(steps=st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(-100, 100)), max_size=8))
def test_the_watermark_never_falls(steps: list[dict[str, int]]) -> None:
    """Law of WatermarkTracker.advance, under both policies."""
    for policy in WatermarkPolicy:
        given_out = play(policy, {"a": 3, "b": 0}, steps)
        assert given_out == sorted(given_out)
        assert all(watermark >= 0 for watermark in given_out)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], EventTimes(0)),
        ([5, 1, None], EventTimes(3, 0, 5, 2.0)),
        ([None], EventTimes(1, 0, 0, 0.0)),
    ],
)
def test_null_event_times_count_as_the_epoch(times: list[int | None], expected: EventTimes) -> None:
    """As in Spark's EventTimeStats."""
    column = pa.chunked_array([pa.array(times, pa.timestamp("us", tz="UTC"))])
    assert observe(column) == expected


def test_an_idle_stream_is_left_out_of_the_least_until_it_speaks_again() -> None:
    """Streams a and b, timeout 10 s on b. Processing time runs beside; the watermark never goes back.

    time        0       9       10      20      21
    a           100     110             200
    b           5                               50     then 300
    watermark   5       5       110     200     200    300 is above a, so 200 holds
    """
    tracker = WatermarkTracker({"a": 0, "b": 0}, WatermarkPolicy.MIN, idle_us={"b": 10 * SECOND})
    assert tracker.advance(seen(a=100, b=5), 0) == 5 * SECOND
    assert tracker.advance(seen(a=110), 9 * SECOND) == 5 * SECOND
    assert tracker.tick(10 * SECOND) == 110 * SECOND
    assert tracker.advance(seen(a=200), 20 * SECOND) == 200 * SECOND
    assert tracker.advance(seen(b=50), 21 * SECOND) == 200 * SECOND
    assert tracker.advance(seen(b=300), 22 * SECOND) == 200 * SECOND
    assert tracker.advance(seen(a=250), 23 * SECOND) == 250 * SECOND


def test_a_stream_that_never_spoke_is_idle_from_when_it_was_first_waited_for() -> None:
    """The first batch, of a alone, is at 3 s."""
    tracker = WatermarkTracker({"a": 0, "b": 0}, WatermarkPolicy.MIN, idle_us={"b": 10 * SECOND})
    assert tracker.advance(seen(a=100), 3 * SECOND) == 0
    assert [tracker.tick(second * SECOND) // SECOND for second in (12, 13)] == [0, 100]


def test_nothing_moves_while_every_stream_is_idle() -> None:
    """Both have a timeout, both stand still: the least of none is no watermark."""
    tracker = WatermarkTracker({"a": 0, "b": 0}, WatermarkPolicy.MIN, idle_us={"a": SECOND, "b": SECOND})
    tracker.advance(seen(a=100, b=5), 0)
    assert tracker.tick(60 * SECOND) == 5 * SECOND


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 20), st.dictionaries(st.sampled_from("ab"), st.integers(-100, 100))), max_size=8
    )
)
def test_the_watermark_never_falls_with_idle_streams(steps: list[tuple[int, dict[str, int]]]) -> None:
    """Law of advance and tick, whatever sleeps and wakes when."""
    tracker = WatermarkTracker({"a": 3, "b": 0}, WatermarkPolicy.MIN, idle_us={"a": 9, "b": 5})
    now, shown = 0, []
    for pause, step in steps:
        now += pause
        shown += [tracker.tick(now), tracker.advance(seen(**step), now)]
    assert shown == sorted(shown)


def test_rows_too_far_ahead_are_taken_out_and_nulls_stay() -> None:
    """A limit at 10 µs keeps 10 and null, not 11."""
    rows = pa.table({"t": pa.array([1, 10, None, 11], pa.timestamp("us", tz="UTC"))})
    kept = without_future(rows, "t", observe(rows.column("t")), 10)
    assert kept == rows.slice(0, 3)
    assert without_future(kept, "t", observe(kept.column("t")), 10) is kept
