"""Room 4: a window function would need all rows of its partition."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import WindowFunctions


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for each OVER above a stream.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, WindowFunctions):
            names = ", ".join(node.functions)
            yield refusal(
                "STREAM_OVER",
                node,
                f"Window function is not supported in {names}() OVER (...) on streams; only windows of time are.",
                "Group by window(time, '10 seconds'), or use max_by() and min_by().",
                "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING",
            )
