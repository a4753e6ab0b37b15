"""Room 4: DISTINCT inside an aggregate would keep every value ever seen."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.expressions import AggregateCall


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a DISTINCT aggregate over a stream, unless distinct_aggregates was opted into.

    Source: Spark UnsupportedOperationChecker.
    """
    if "distinct_aggregates" in subject.extensions:
        return
    for aggregate in subject.aggregates:
        for item in aggregate.aggregates:
            if isinstance(item.child, AggregateCall) and item.child.distinct:
                yield refusal(
                    "STREAM_DISTINCT_AGGREGATE",
                    item.child.at or aggregate,
                    f"Distinct aggregations are not supported on streams; seen: {item.child.function}(DISTINCT ...).",
                    "Write `extensions: [distinct_aggregates]` in the pipeline file to have it exact, with every "
                    "distinct value of a group in state; or use approx_count_distinct().",
                )
