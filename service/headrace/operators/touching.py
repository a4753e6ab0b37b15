"""Room 7: which sessions of one key touch, for all keys at once.

Takes intervals, gives the sessions they make up. Source: Spark MergingSessionsIterator.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headrace.dataclass import dataclass

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sessions:
    """What intervals make up, sessions in order of owner and start.

    Attributes:
        owner: Owner of each session.
        start: µs.
        end: µs; the greatest end of its intervals.
        grown: True where a new interval is in it.
        order: Places of the intervals, session by session, by start; what is stored stands before what is new.
        member: Number of the session that each of `order` is in.
    """

    owner: Int64s
    start: Int64s
    end: Int64s
    grown: Bools
    order: Int64s
    member: Int64s


def merge_touching(owner: Int64s, start: Int64s, end: Int64s, is_new: Bools) -> Sessions:
    """Return the sessions of at least one interval; an interval that starts where a session ends belongs to it.

    Args:
        owner: Number of each interval's key.
        start: µs.
        end: µs, after the start.
        is_new: False for what is stored.
    """
    order = np.lexsort((is_new, start, owner))
    owner, start = owner[order], start[order]
    ends, rank = np.unique(end[order], return_inverse=True)
    # Owners ascend, so the running maximum of (owner, end) as one number is that of the ends within an owner.
    reach = ends[np.maximum.accumulate(owner * len(ends) + rank) % len(ends)]
    opens = np.ones(len(order), np.bool_)
    opens[1:] = (owner[1:] != owner[:-1]) | (start[1:] > reach[:-1])
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(order)) - 1
    grown = np.logical_or.reduceat(is_new[order], first)
    return Sessions(owner[first], start[first], reach[last], grown, order, np.cumsum(opens) - 1)
