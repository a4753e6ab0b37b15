"""Room 4: only a whole result can be sorted."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import COMPLETE, Subject, refusal, streaming_aggregates
from headrace.errors import StreamError
from headrace.plan.nodes import Sort


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for ORDER BY anywhere but over an aggregate in complete mode; DISTINCT is none to Spark.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        written = any(not below.distinct for below in streaming_aggregates(node))
        if isinstance(node, Sort) and not (subject.mode == COMPLETE and written):
            yield refusal(
                "STREAM_SORT",
                node,
                "Sorting is not supported on streams, unless it is on an aggregate in complete output mode: a batch is "
                "only a part of the result.",
                "Leave ORDER BY out, or use output_mode complete over a GROUP BY.",
            )
