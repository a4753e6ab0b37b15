"""Room 4: an outer or semi join of two streams needs to know when a row can match no more."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.conditions import conjuncts, equal_pairs
from headrace.plan.event_time import event_time_columns
from headrace.plan.expressions import Column
from headrace.plan.nodes import Join, JoinType
from headrace.plan.time_range import pins_state, state_range


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for an outer or semi join of two streams whose rows would never be decided.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or node.how in (JoinType.INNER, JoinType.ANTI):
            continue
        if node.left.is_streaming and node.right.is_streaming and not (_watermark_in_keys(node) or _is_bounded(node)):
            yield refusal(
                "STREAM_JOIN_UNBOUNDED",
                node,
                f"Stream-stream {node.how.value} join between two streams is not supported without a watermark "
                "in the join keys, or one on the nullable side and a range condition: no row could ever "
                "be said to have no match.",
                "Set a watermark on both inputs and add a range such as  AND right.time BETWEEN left.time "
                "AND left.time + INTERVAL 1 HOUR.",
            )


def _watermark_in_keys(node: Join) -> bool:
    marked = event_time_columns(node.left) | event_time_columns(node.right)
    keys = [key for pair in equal_pairs(node) for key in pair]
    return any(isinstance(key, Column) and key.id in marked for key in keys)


def _is_bounded(node: Join) -> bool:
    left = frozenset(column.id for column in node.left.columns)
    right = frozenset(column.id for column in node.right.columns)
    pairs = [] if node.how is JoinType.RIGHT else [(left, right)]
    if node.how in (JoinType.RIGHT, JoinType.FULL):
        pairs.append((right, left))
    marked = event_time_columns(node.left) | event_time_columns(node.right)
    return any(_has_bound(node, side, other, marked) for side, other in pairs)


def _has_bound(node: Join, side: frozenset[int], other: frozenset[int], marked: frozenset[int]) -> bool:
    """Return True when Spark finds a bound, be it only a constant that it takes for a time."""
    if state_range(node.condition, side, other, marked, optimized=False) is not None:
        return True
    return bool(other & marked) and any(pins_state(part, side) for part in conjuncts(node.condition))
