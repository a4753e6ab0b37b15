"""Room 4: what expires by the watermark needs one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Deduplicate


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for within_watermark over an input without a watermark.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if isinstance(node, Deduplicate) and node.within_watermark and not event_time_columns(node.child):
            yield refusal(
                "STREAM_DEDUPLICATE_WITHOUT_WATERMARK",
                node,
                "dropDuplicatesWithinWatermark is not supported on a stream without watermark: keys never expire.",
                "Set a watermark on the input, or within_watermark: false.",
            )
