"""Room 4: a union of a stream and a table would give the table again in every batch."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Union


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a union of streams and tables.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, Union) and not all(child.is_streaming for child in node.children):
            yield refusal(
                "STREAM_UNION_TABLE",
                node,
                "Union between streaming and batch relations is not supported: a table has no end to come after.",
                "Read the table as a source of its own.",
            )
