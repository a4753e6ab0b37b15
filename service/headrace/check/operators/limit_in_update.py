"""Room 4: rows of update mode replace earlier ones, so a count of rows means nothing."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import UPDATE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Limit


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for LIMIT over a stream in update mode.

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode != UPDATE:
        return
    for node in subject.streaming_nodes:
        if isinstance(node, Limit):
            yield refusal(
                "STREAM_LIMIT_IN_UPDATE",
                node,
                "Limits are not supported on streams in update output mode.",
                "Use output_mode append, or complete over an aggregate.",
            )
