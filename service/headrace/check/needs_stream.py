"""Room 4: a query that runs in batches of new rows reads at least one stream."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when no source of the query is a stream.

    Source: Spark UnsupportedOperationChecker.
    """
    if not subject.plan.is_streaming:
        yield refusal(
            "STREAM_MISSING",
            subject.plan,
            "The query reads no stream; only streaming queries can be started.",
            "Read one of the pipeline's sources, or run the SQL once with `headrace sql`.",
            "WRITE_STREAM_NOT_ALLOWED",
        )
