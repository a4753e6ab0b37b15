"""Room 4: a stateful operator judges late rows by one column."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import COMPLETE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Aggregate, Deduplicate, Join, Plan, Watermark, walk
from headrace.plan.rewrite.rules import optimize


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when two watermarked columns reach one stateful operator.

    Spark finds it when the first batch runs, so columns that nothing reads further up are gone by then.
    Source: Spark WatermarkSupport.findEventTimeColumn.
    """
    if not any(isinstance(node, Watermark) for node in subject.nodes):
        return
    for node in walk(optimize(subject.plan)):
        if node.is_streaming and any(len(marked) > 1 for marked in _judged_by(node, subject.mode)):
            yield refusal(
                "STREAM_TWO_EVENT_TIMES",
                node,
                "More than one event time column reaches a stateful operator, and late rows are judged by one.",
                "Keep one of them in the query below, or cast the other: CAST(time AS STRING) carries no watermark.",
                "_LEGACY_ERROR_TEMP_3077",
            )


def _judged_by(node: Plan, mode: str) -> tuple[frozenset[int], ...]:
    if isinstance(node, Aggregate) and mode != COMPLETE:
        return (event_time_columns(node),)
    if isinstance(node, Deduplicate):
        return (event_time_columns(node.child),)
    if isinstance(node, Join) and node.left.is_streaming and node.right.is_streaming:
        return event_time_columns(node.left), event_time_columns(node.right)
    return ()
