"""Room 4: append emits a group when its watermark has passed, so a group needs an event time."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, Subject, is_except, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns

_BY_RUNNING = "UNSUPPORTED_STREAMING_OPERATOR_WITHOUT_WATERMARK"


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when the topmost aggregate in append mode groups by no watermarked column or window.

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode != APPEND or not subject.aggregates:
        return
    top = next(iter(subject.written_aggregates), subject.aggregates[0])
    if not event_time_columns(top) & {key.column.id for key in top.keys}:
        yield refusal(
            "STREAM_AGGREGATE_WITHOUT_WATERMARK",
            top,
            "Invalid streaming output mode: append. Without a watermarked column or window among the grouping keys no "
            "group is ever final, so append would never emit one.",
            "Group by window(time, '10 seconds') of a column with a watermark, or use output_mode update or complete.",
            _BY_RUNNING if is_except(top) else "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        )
