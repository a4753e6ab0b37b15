"""Room 4: rows that are emitted again, or whenever code pleases, arrive late at the next stateful operator."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Aggregate, Deduplicate, GroupsWithState, Join, Plan, walk
from headrace.stateful import TimeMode


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when a stateful operator reads an aggregate that is not in append mode, or a function's timeouts.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        below = [inner for inner in walk(node) if inner is not node and inner.is_streaming]
        if not _is_stateful(node):
            continue
        if subject.mode != APPEND and any(isinstance(inner, Aggregate) for inner in below):
            yield _refused(
                node, f"an aggregate whose rows are emitted again in {subject.mode} mode, behind the watermark"
            )
            return
        if any(_times_out(inner) for inner in below):
            yield _refused(
                node, "a stateful function with timeout: event_time, whose rows may lie behind the watermark"
            )
            return


def _refused(node: Plan, what: str) -> StreamError:
    return refusal(
        "STREAM_STATE_OVER_UPDATES",
        node,
        f"Detected pattern of possible 'correctness' issue due to global watermark: a stateful operator reads {what}.",
        "Use output_mode append with a watermark, or split the query in two with a topic between them.",
    )


def _times_out(node: Plan) -> bool:
    return (
        isinstance(node, GroupsWithState) and not node.code.is_processor and node.code.time_mode is TimeMode.EVENT_TIME
    )


def _is_stateful(node: Plan) -> bool:
    if isinstance(node, Deduplicate):
        return node.within_watermark or bool({key.id for key in node.keys} & event_time_columns(node.child))
    if isinstance(node, Join):
        return node.left.is_streaming and node.right.is_streaming
    return isinstance(node, Aggregate | GroupsWithState)
