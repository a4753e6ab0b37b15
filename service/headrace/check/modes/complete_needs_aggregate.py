"""Room 4: complete emits the whole result again, which only an aggregate keeps."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import COMPLETE, Subject, refusal
from headrace.errors import StreamError


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when complete mode is asked of a query without an aggregate.

    Source: Spark UnsupportedOperationChecker.
    """
    if subject.mode == COMPLETE and subject.plan.is_streaming and not subject.written_aggregates:
        yield refusal(
            "STREAM_COMPLETE_WITHOUT_AGGREGATE",
            subject.plan,
            "Invalid streaming output mode: complete. The query has no aggregate, so its whole result would be every "
            "row ever read.",
            "Use output_mode append.",
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        )
