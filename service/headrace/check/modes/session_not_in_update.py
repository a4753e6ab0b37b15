"""Room 4: a session can still merge into another, so update cannot name the row it replaces."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import UPDATE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import SessionAssign, walk


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when the topmost aggregate in update mode groups by session_window().

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode != UPDATE or not subject.aggregates:
        return
    top = subject.aggregates[0]
    sessions = {node.window for node in walk(top) if isinstance(node, SessionAssign)}
    if any(key.child in sessions for key in top.keys):
        yield refusal(
            "STREAM_SESSION_IN_UPDATE",
            top,
            "Invalid streaming output mode: update. This output mode is not supported for session windows: a session "
            "that was emitted can still merge with another.",
            "Use output_mode append with a watermark, or complete.",
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        )
