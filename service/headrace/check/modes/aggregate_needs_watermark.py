"""Room 4: append emits a group when its watermark has passed, so a group needs an event time."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.expressions import Call
from headrace.plan.nodes import Aggregate, Join, JoinType
from headrace.plan.time_range import conjuncts

_BY_RUNNING = "UNSUPPORTED_STREAMING_OPERATOR_WITHOUT_WATERMARK"


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when the topmost aggregate in append mode groups by no watermarked column or window.

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode != APPEND or not subject.aggregates:
        return
    top = subject.aggregates[0]
    if not event_time_columns(top) & {key.column.id for key in top.keys}:
        yield refusal(
            "STREAM_AGGREGATE_WITHOUT_WATERMARK",
            top,
            "Invalid streaming output mode: append. Without a watermarked column or window among the grouping keys no "
            "group is ever final, so append would never emit one.",
            "Group by window(time, '10 seconds') of a column with a watermark, or use output_mode update or complete.",
            _BY_RUNNING if _is_except(top) else "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        )


def _is_except(top: Aggregate) -> bool:
    """Return True for EXCEPT, in which Spark sees an aggregation only when the first batch is planned."""
    match top:
        case Aggregate(aggregates=(), child=Join(how=JoinType.ANTI, condition=condition)):
            return all(isinstance(part, Call) and part.function == "null_safe_equal" for part in conjuncts(condition))
    return False
