"""Room 4: a full outer join with a table would have to know that no row will ever match."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a full outer join of a stream and a table.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or node.how is not JoinType.FULL:
            continue
        if node.left.is_streaming != node.right.is_streaming:
            stream, table = ("left", "right") if node.left.is_streaming else ("right", "left")
            yield refusal(
                "STREAM_FULL_JOIN_TABLE",
                node,
                f"FullOuter joins with a stream on the {stream} and a table on the {table} are not supported: a row of "
                "the table is unmatched only when the stream has ended.",
                "Use a join that keeps the stream's rows: LEFT JOIN with the stream on the left.",
            )
