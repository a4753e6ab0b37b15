"""Room 4: INTERSECT compares whole relations, and a stream is never whole."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import SetOperation


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for INTERSECT with any stream.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, SetOperation) and node.operation == "Intersect":
            yield refusal(
                "STREAM_INTERSECT",
                node,
                "Intersect of streams is not supported: neither side is ever complete.",
                "Use a join, for example LEFT SEMI JOIN.",
            )
