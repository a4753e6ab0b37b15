"""Room 3: window functions and generators in the clauses that take none: ORDER BY and QUALIFY."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_generator
from headrace.plan.expressions import WindowCall, walk
from headrace.sql.parse import position_of


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


def refuse_qualify(clause: exp.Expr | None, binding: Binding, *, streaming: bool) -> None:
    """Raise for QUALIFY, which streams have not and headrace does not do over tables.

    Raises:
        StreamError: QUALIFY_REQUIRES_WINDOW_FUNCTION, NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING or SQL_UNSUPPORTED.
    """
    if clause is None:
        return
    bound = binding.bind(clause.this)
    at = position_of(clause)
    if not any(isinstance(part, WindowCall) for part in walk(bound.expression)):
        message = f'QUALIFY takes a condition with a window function; seen: "{bound.text}".'
        raise StreamError("SQL_ANALYSIS", message, condition="QUALIFY_REQUIRES_WINDOW_FUNCTION", at=at)
    if streaming:
        message = "QUALIFY is not supported on streams: it filters by a window function; only windows of time are."
        hint = "Group by window(time, '10 seconds')."
        condition = "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING"
        raise StreamError("STREAM_OVER", message, hint=hint, condition=condition, at=at)
    hint = "Compute the window function in a subquery, and filter above it."
    raise StreamError("SQL_UNSUPPORTED", "QUALIFY is not supported.", hint=hint, at=at)
