"""Room 4: sessions are kept per key, and the streaming plan has none for a global session."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.event_time import session_columns
from headrace.plan.expressions import Call, Column, Expression, references, walk

_BY_BATCH = frozenset({"current_date", "current_timestamp", "localtimestamp"})


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding when session_window() is the only grouping key, constants aside.

    Source: Spark UnsupportedOperationChecker, RemoveLiteralFromGroupExpressions.
    """
    for aggregate in subject.aggregates:
        sessions = session_columns(aggregate.child)
        keys = [key.child for key in aggregate.keys if not _is_constant(key.child)]
        if keys and all(isinstance(key, Column) and key.id in sessions for key in keys):
            yield refusal(
                "STREAM_SESSION_WITHOUT_KEY",
                aggregate,
                "Global aggregation with session window in streaming query is not supported: session_window() is the "
                "only grouping key.",
                "Group by one more column, such as a user.",
            )


def _is_constant(key: Expression) -> bool:
    by_batch = any(isinstance(part, Call) and part.function in _BY_BATCH for part in walk(key))
    return not references(key) and not by_batch
