"""Operators: the watermark over several nodes. Timelines are Spark's EventTimeWatermarkSuite, cases 7 to 9."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.operators.watermark import EventTimes, WatermarkPolicy, WatermarkTracker, observe

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
