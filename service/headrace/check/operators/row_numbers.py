"""Room 4: row numbers of a batch start again in the next."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.expressions import Call, walk
from headrace.plan.transform import expressions_of


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for monotonically_increasing_id() over a stream.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        calls = [part for whole in expressions_of(node) for part in walk(whole) if isinstance(part, Call)]
        if any(call.function == "monotonically_increasing_id" for call in calls):
            yield refusal(
                "STREAM_ROW_NUMBERS",
                node,
                "Expression(s): monotonically_increasing_id() is not supported with streams: its numbers start again "
                "in every batch.",
                "Use the record's partition and offset.",
            )
