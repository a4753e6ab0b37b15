"""Room 3: window functions and generators behind SELECT: in ORDER BY, and in QUALIFY, which filters by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_aggregate, is_generator
from headrace.plan.bind.expression.leaves import check_cast
from headrace.plan.constant import cast_to
from headrace.plan.expressions import WindowCall, walk
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, NULL


def refuse_sorting(keys: Sequence[tuple[Bound, exp.Expr]], outputs: Sequence[Bound]) -> None:
    """Raise for ORDER BY over a window function that SELECT has not, or over one that gives rows.

    Raises:
        StreamError: UNSUPPORTED_EXPR_FOR_OPERATOR or UNSUPPORTED_GENERATOR.OUTSIDE_SELECT.
    """
    known = {part for output in outputs for part in walk(output.expression)}
    for key, node in keys:
        for part in walk(key.expression):
            condition = None
            if is_generator(part) and part not in known:
                condition = "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"
            elif isinstance(part, WindowCall) and part not in known:
                condition = "UNSUPPORTED_EXPR_FOR_OPERATOR"
            if condition is not None:
                message = f'"{key.text}" may not stand in ORDER BY.'
                hint = "Name it in SELECT, or in a subquery, and sort by that."
                raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(node))


def bind_qualify(clause: exp.Expr | None, binding: Binding, *, streaming: bool) -> Bound | None:
    """Return the condition of QUALIFY, None without one; streams have none.

    Raises:
        StreamError: QUALIFY_REQUIRES_WINDOW_FUNCTION, QUALIFY_AGGREGATE_NOT_ALLOWED or
            NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING, and what a condition that is none is.
    """
    if clause is None:
        return None
    bound = binding.bind(clause.this)
    at = position_of(clause)
    _refuse_aggregates(clause)
    if not any(isinstance(part, WindowCall) for part in walk(bound.expression)):
        message = f'QUALIFY takes a condition with a window function; seen: "{bound.text}".'
        raise StreamError("SQL_ANALYSIS", message, condition="QUALIFY_REQUIRES_WINDOW_FUNCTION", at=at)
    if streaming:
        message = "QUALIFY is not supported on streams: it filters by a window function; only windows of time are."
        hint = "Group by window(time, '10 seconds')."
        condition = "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING"
        raise StreamError("STREAM_OVER", message, hint=hint, condition=condition, at=at)
    if bound.expression.type not in (BOOLEAN, NULL):  # Spark casts what is no condition
        check_cast(bound, BOOLEAN, binding.session.catalog.settings, try_=False)
    return replace(bound, expression=cast_to(bound.expression, BOOLEAN))


def _refuse_aggregates(clause: exp.Expr) -> None:
    """Raise for an aggregate that does not stand before OVER: above a grouping there is nothing to aggregate."""
    for node in clause.find_all(exp.Anonymous):
        before = node.parent.parent if isinstance(node.parent, exp.Filter | exp.IgnoreNulls) else node.parent
        if is_aggregate(str(node.this).lower()) and not isinstance(before, exp.Window):
            message = f'Aggregate functions are not supported in QUALIFY: "{node.sql(dialect="spark")}".'
            hint = "Name it in SELECT, and QUALIFY by that name."
            inside = node.find_ancestor(exp.Window) is not None
            condition = "UNRESOLVED_COLUMN.WITH_SUGGESTION" if inside else "QUALIFY_AGGREGATE_NOT_ALLOWED"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(node))
