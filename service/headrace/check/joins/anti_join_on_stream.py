"""Room 4: an anti join against a stream would have to know that no row will ever match."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a left anti join with a stream on the right.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, Join) and node.how is JoinType.ANTI and node.right.is_streaming:
            yield refusal(
                "STREAM_ANTI_JOIN",
                node,
                "LeftAnti joins with a stream on the right are not supported: the missing row may still come.",
                "Use a LEFT JOIN with watermarks and a time range, and keep the rows whose right side IS NULL.",
            )
