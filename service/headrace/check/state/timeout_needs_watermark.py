"""Room 4: timeouts and timers by event time need a watermark."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import GroupsWithState
from headrace.stateful import TimeMode


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for timeout: event_time over an input without a watermark.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, GroupsWithState) or node.code.time_mode is not TimeMode.EVENT_TIME:
            continue
        if not event_time_columns(node.child):
            yield refusal(
                "STREAM_TIMEOUT_WITHOUT_WATERMARK",
                node,
                f"Watermark must be specified for `{node.name}`, which has timeout: event_time: without one no timeout "
                "would ever come.",
                "Set a watermark on the input, or timeout: processing_time.",
            )
