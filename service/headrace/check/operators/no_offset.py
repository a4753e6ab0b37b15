"""Room 4: a stream has no first rows to leave out."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Offset


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for OFFSET over a stream.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, Offset):
            yield refusal(
                "STREAM_OFFSET",
                node,
                "Offset is not supported on streams.",
                "Leave OFFSET out, or page where the result is read.",
            )
