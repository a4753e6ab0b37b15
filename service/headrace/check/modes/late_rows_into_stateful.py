"""Room 4: a result that is emitted again arrives late at the next stateful operator."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Aggregate, Deduplicate, Join, Plan, walk


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when a stateful operator reads an aggregate that is not in append mode.

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode == APPEND:
        return
    for node in subject.streaming_nodes:
        below = [inner for inner in walk(node) if inner is not node]
        if _is_stateful(node) and any(isinstance(inner, Aggregate) and inner.is_streaming for inner in below):
            yield refusal(
                "Detected pattern of possible 'correctness' issue due to global watermark: a stateful operator reads "
                f"an aggregate whose rows are emitted again in {subject.mode} mode, behind the watermark.",
                "Use output_mode append with a watermark, or split the query in two with a topic between them.",
            )
            return


def _is_stateful(node: Plan) -> bool:
    if isinstance(node, Deduplicate):
        return node.within_watermark or bool({key.id for key in node.keys} & event_time_columns(node.child))
    if isinstance(node, Join):
        return node.left.is_streaming and node.right.is_streaming
    return isinstance(node, Aggregate)
