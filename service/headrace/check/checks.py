"""Room 4: the tuple of rules, in Spark's order: the whole plan first, then its operators."""

from __future__ import annotations

from headrace.check import needs_stream
from headrace.check.joins import (
    anti_join_on_stream,
    equality_needed,
    full_outer_with_table,
    outer_join_needs_bound,
    static_left_outer,
    static_right_outer,
    stream_join_modes,
)
from headrace.check.modes import (
    aggregate_needs_watermark,
    complete_needs_aggregate,
    late_rows_into_stateful,
    session_needs_key,
    session_not_in_update,
)
from headrace.check.operators import (
    deduplicate_needs_watermark,
    distinct_aggregates,
    except_on_stream,
    intersect_on_stream,
    limit_in_update,
    no_offset,
    no_over,
    one_event_time,
    row_numbers,
    sort_needs_complete,
    union_with_table,
)
from headrace.check.state import mode_of_query, several_in_append, timeout_needs_watermark
from headrace.check.subject import Check, Subject
from headrace.errors import StreamErrors
from headrace.plan.nodes import Plan

CHECKS: tuple[Check, ...] = (
    needs_stream.check,
    several_in_append.check,
    aggregate_needs_watermark.check,
    session_not_in_update.check,
    complete_needs_aggregate.check,
    distinct_aggregates.check,
    mode_of_query.check,
    timeout_needs_watermark.check,
    stream_join_modes.check,
    full_outer_with_table.check,
    anti_join_on_stream.check,
    static_left_outer.check,
    static_right_outer.check,
    outer_join_needs_bound.check,
    equality_needed.check,
    deduplicate_needs_watermark.check,
    no_over.check,
    union_with_table.check,
    except_on_stream.check,
    intersect_on_stream.check,
    limit_in_update.check,
    no_offset.check,
    sort_needs_complete.check,
    row_numbers.check,
    session_needs_key.check,
    one_event_time.check,
    late_rows_into_stateful.check,
)
"""Every rule; each reads only the Subject."""


def check(plan: Plan, output_mode: str, *, extensions: frozenset[str] = frozenset()) -> None:
    """Refuse what Structured Streaming does not allow.

    Args:
        plan: The analyzed plan, before `optimize`.
        output_mode: ``append``, ``update`` or ``complete``.
        extensions: What was opted into beyond Spark, such as ``distinct_aggregates``.

    Raises:
        StreamErrors: every refusal, STREAMING_UNSUPPORTED with Spark's condition, in Spark's order.
    """
    subject = Subject(plan, output_mode.lower(), extensions)
    found = [error for rule in CHECKS for error in rule(subject)]
    if found:
        raise StreamErrors(found)
