"""Room 4: a session can still merge into another, so update cannot name the row it replaces."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import UPDATE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import session_columns
from headrace.plan.expressions import Column


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when the topmost aggregate in update mode groups by session_window().

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode != UPDATE or not subject.aggregates:
        return
    top = subject.aggregates[0]
    sessions = session_columns(top.child)
    if any(isinstance(key.child, Column) and key.child.id in sessions for key in top.keys):
        yield refusal(
            "STREAM_SESSION_IN_UPDATE",
            top,
            "Invalid streaming output mode: update. This output mode is not supported for session windows: a session "
            "that was emitted can still merge with another.",
            "Use output_mode append with a watermark, or complete.",
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        )
