"""Offsets as JSON and Spark's read limits, as pure functions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import StreamError
from headrace_plugins.kafka.offsets import Partition, count, from_json, limit, parse_places, to_json

P0, P1, P2 = Partition("t", 0), Partition("t", 1), Partition("t", 2)
PLACES = st.dictionaries(
    st.builds(Partition, st.sampled_from(["a", "b"]), st.integers(0, 20)), st.integers(0, 10**12), max_size=8
)


@given(PLACES)
def test_offsets_survive_their_json(places: dict[Partition, int]) -> None:
    """What the log holds is what was planned."""
    assert from_json(json.loads(json.dumps(to_json(places)))) == places


def test_topics_and_partitions_are_sorted_as_in_sparks_log() -> None:
    """Partition 10 comes after 9, not after 1."""
    places = {Partition("b", 0): 3, Partition("a", 10): 2, Partition("a", 9): 1}
    assert json.dumps(to_json(places)) == '{"a": {"9": 1, "10": 2}, "b": {"0": 3}}'


def test_a_limit_of_ten_is_shared_out_as_spark_shares_it() -> None:
    """Spark's own case: partitions of 101, 11 and 1 rows give 8, 1 and 1, then 9 and 1, and so on."""
    first = {P0: 100, P1: 10, P2: 1}
    end = {P0: 201, P1: 21, P2: 2}
    steps = [first]
    for _ in range(3):
        steps.append(limit(steps[-1], end, 10))
    assert steps[1:] == [{P0: 108, P1: 11, P2: 2}, {P0: 117, P1: 12, P2: 2}, {P0: 126, P1: 13, P2: 2}]


def test_a_limit_of_twenty_gives_sparks_first_batch() -> None:
    """Spark's case of min 15 and max 20 over 101, 11 and 1 rows."""
    assert limit({P0: 100, P1: 10, P2: 1}, {P0: 201, P1: 21, P2: 2}, 20) == {P0: 117, P1: 11, P2: 2}


def test_nothing_new_gives_the_end_itself() -> None:
    """Also when a partition went back."""
    assert limit({P0: 5, P1: 9}, {P0: 5, P1: 7}, 3) == {P0: 5, P1: 7}


@given(start=PLACES, sizes=st.lists(st.integers(0, 10**9), min_size=8, max_size=8), most=st.integers(1, 10**6))
def test_a_limited_batch_moves_on_and_stays_in_bounds(start: dict[Partition, int], sizes: list[int], most: int) -> None:
    """Every partition with rows moves, none passes its end, and the excess is at most one row a partition."""
    end = {partition: start[partition] + size for partition, size in zip(start, sizes, strict=False)}
    planned = limit(start, end, most)
    assert all(start[p] <= planned[p] <= end[p] for p in start)
    assert all(planned[p] > start[p] for p in start if end[p] > start[p])
    assert count(start, planned) <= most + len(start)


@given(start=PLACES, sizes=st.lists(st.integers(0, 1000), min_size=8, max_size=8), most=st.integers(1, 100))
def test_limited_batches_reach_the_end(start: dict[Partition, int], sizes: list[int], most: int) -> None:
    """Nothing is starved."""
    end = {partition: start[partition] + size for partition, size in zip(start, sizes, strict=False)}
    place, steps = start, 0
    while place != end:
        place, steps = limit(place, end, most), steps + 1
        assert steps <= sum(sizes) + 1


@pytest.mark.parametrize("written", ["{", '{"t": 3}', '{"t": {"x": 1}}', "[1]", '{"t": {"0": "a"}}'])
def test_offsets_that_are_no_offsets_are_refused_with_an_example(written: str) -> None:
    """The hint shows what to write."""
    with pytest.raises(StreamError) as caught:
        parse_places("startingOffsets", written)
    assert caught.value.hint == 'Write earliest, latest, or {"topic": {"0": 23, "1": -2}}.'
