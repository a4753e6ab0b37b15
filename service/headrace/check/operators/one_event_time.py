"""Room 4: a stateful operator judges late rows by one column."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import COMPLETE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Aggregate, Deduplicate, Plan


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when two watermarked columns reach one stateful operator.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if len(_judged_by(node, subject.mode)) > 1:
            yield refusal(
                "STREAM_TWO_EVENT_TIMES",
                node,
                "More than one event time column reaches a stateful operator, and late rows are judged by one.",
                "Keep one of them in the query below, or cast the other: CAST(time AS STRING) carries no watermark.",
                "_LEGACY_ERROR_TEMP_3077",
            )


def _judged_by(node: Plan, mode: str) -> frozenset[int]:
    if isinstance(node, Aggregate) and mode != COMPLETE:
        return event_time_columns(node)
    if isinstance(node, Deduplicate):
        return event_time_columns(node.child)
    return frozenset()
