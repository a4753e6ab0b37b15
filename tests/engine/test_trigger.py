"""Engine: when batches start, and the states of a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.lifecycle import MOVES, Lifecycle, QueryState
from headrace.engine.trigger import next_after, next_start
from headrace.values import ProcessingTime

SECOND = 1_000_000


@given(now=st.integers(0, 10**15), interval=st.integers(1, 10**9))
def test_the_next_start_is_the_next_multiple_of_the_interval(now: int, interval: int) -> None:
    """Strictly after now, and no multiple lies between."""
    start = next_start(ProcessingTime(now), interval)
    assert start % interval == 0
    assert 0 < start - now <= interval


def test_a_late_batch_is_followed_at_once() -> None:
    """A batch from 10.2 s to 12.7 s with an interval of 1 s missed 11 and 12: the next starts at 12.7, not at 13."""
    ended = ProcessingTime(12_700_000)
    assert next_after(ProcessingTime(10_200_000), ended, SECOND) == ended


def test_a_batch_in_time_waits_for_the_next_multiple() -> None:
    """From 10.2 s to 10.5 s: the next is at 11."""
    assert next_after(ProcessingTime(10_200_000), ProcessingTime(10_500_000), SECOND) == 11 * SECOND


def test_no_interval_means_no_wait() -> None:
    """As soon as possible."""
    assert next_after(ProcessingTime(5), ProcessingTime(9), 0) == 9


def test_a_query_moves_only_along_the_drawing() -> None:
    """Every pair of states is tried."""
    for start, allowed in MOVES.items():
        for to in QueryState:
            life = Lifecycle()
            life.state = start
            if to in allowed or to is start:
                life.move(to)
                assert life.state is to
            else:
                with pytest.raises(RuntimeError, match="cannot go from"):
                    life.move(to)
