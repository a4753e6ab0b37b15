"""Room 4: a table on the left of an outer or semi join would have to know that no row will ever match."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a left outer or left semi join of a table with a stream.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or node.how not in (JoinType.LEFT, JoinType.SEMI):
            continue
        if node.right.is_streaming and not node.left.is_streaming:
            yield refusal(
                "STREAM_LEFT_JOIN_TABLE",
                node,
                f"{node.how.value} join with a stream on the right and a table on the left is not supported: a row of "
                "the table is decided only when the stream has ended.",
                "Put the stream on the left, or use an inner join.",
            )
