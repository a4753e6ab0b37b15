"""Room 4: a table on the right of a right outer join would have to know that no row will ever match."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a right outer join of a stream with a table.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or node.how is not JoinType.RIGHT:
            continue
        if node.left.is_streaming and not node.right.is_streaming:
            yield refusal(
                "STREAM_RIGHT_JOIN_TABLE",
                node,
                "RightOuter join with a stream on the left and a table on the right is not supported: a row of the "
                "table is unmatched only when the stream has ended.",
                "Use a LEFT JOIN, or an inner join.",
            )
