"""Operators: which sessions touch, compared with a session after session reading of Spark's rule."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.operators.touching import merge_touching

INTERVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-20, 20), st.integers(1, 6), st.booleans()), min_size=1, max_size=25
)
"""(owner, start, gap, is new)."""


def one_by_one(intervals: list[tuple[int, int, int, bool]]) -> list[tuple[int, int, int, bool]]:
    """(owner, start, end, grown) of each session, the rows read by start."""
    sessions: list[tuple[int, int, int, bool]] = []
    for owner, start, gap, is_new in sorted(intervals):
        if sessions and sessions[-1][0] == owner and start <= sessions[-1][2]:
            _, opened, end, grown = sessions.pop()
            sessions.append((owner, opened, max(end, start + gap), grown or is_new))
        else:
            sessions.append((owner, start, start + gap, is_new))
    return sessions


@given(INTERVALS)
def test_sessions_are_those_that_reading_by_start_gives(intervals: list[tuple[int, int, int, bool]]) -> None:
    """Owner, bounds and whether something new is in it; every interval lies in its session."""
    owner, start, gap, is_new = (np.array(column) for column in zip(*intervals, strict=True))
    found = merge_touching(owner, start, start + gap, is_new)
    given = zip(found.owner, found.start, found.end, found.grown, strict=True)
    assert [tuple(session) for session in given] == one_by_one(intervals)
    assert sorted(found.order) == list(range(len(intervals)))
    assert (owner[found.order] == found.owner[found.member]).all()
    assert (start[found.order] >= found.start[found.member]).all()
    assert ((start + gap)[found.order] <= found.end[found.member]).all()


def test_what_is_stored_stands_before_what_is_new_and_new_rows_in_order_of_arrival() -> None:
    """first() and collect_list() read a session in this order."""
    owner, start = np.zeros(4, np.int64), np.array([5, 5, 5, 1])
    found = merge_touching(owner, start, start + 2, np.array([True, True, False, True]))
    assert found.order.tolist() == [3, 2, 0, 1]
