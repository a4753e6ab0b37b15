"""Room 4: the state of a join of two streams is kept by key."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.join_keys import equal_pairs
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a join of two streams without an equality between them.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or not (node.left.is_streaming and node.right.is_streaming):
            continue
        if node.how is not JoinType.ANTI and not equal_pairs(node):
            yield refusal(
                "STREAM_JOIN_WITHOUT_EQUALITY",
                node,
                "Stream-stream join without equality predicate is not supported: every row would meet every other.",
                "Add a condition such as  left.key = right.key.",
            )
