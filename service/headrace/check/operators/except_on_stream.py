"""Room 4: EXCEPT against a stream would have to know that no row will ever come."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import SetOperation


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for EXCEPT with a stream on the right.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, SetOperation) and node.operation == "Except" and node.right.is_streaming:
            yield refusal(
                "STREAM_EXCEPT",
                node,
                "Except with a stream on the right is not supported: the excluding row may still come.",
                "Put the stream on the left and a table on the right.",
            )
