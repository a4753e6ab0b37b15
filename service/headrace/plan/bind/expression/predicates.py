"""Room 3: CASE, LIKE in its forms, and what is refused of queries inside expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.expression.bound import Bound
from headrace.plan.bind.expression.call import call
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Case
from headrace.plan.nodes import Plan
from headrace.sql.coercion import common_types
from headrace.sql.settings import SqlSettings
from headrace.types import BOOLEAN, NULL


def case(branches: Sequence[tuple[Bound, Bound]], otherwise: Bound | None, settings: SqlSettings) -> Bound:
    """Return a searched CASE with its values cast to their common type.

    Raises:
        StreamError: DATATYPE_MISMATCH, a condition is not boolean or the values have no common type.
    """
    values = [value for _, value in branches] + ([otherwise] if otherwise else [])
    shown = " ".join(f"WHEN {condition.text} THEN {value.text}" for condition, value in branches)
    shown = f"CASE {shown} ELSE {otherwise.text} END" if otherwise else f"CASE {shown} END"
    for condition, _ in branches:
        if condition.expression.type not in (BOOLEAN, NULL):
            message = f'Cannot resolve "{shown}": WHEN takes a BOOLEAN, "{condition.text}" has another type.'
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE")
    kind = common_types([value.expression.type for value in values], settings)
    if kind is None:
        seen = ", ".join(f'"{value.expression.type.sql()}"' for value in values)
        message = f'Cannot resolve "{shown}": its values should all be of one type; seen: {seen}.'
        raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.DATA_DIFF_TYPES")
    typed = tuple(
        (cast_to(condition.expression, BOOLEAN), cast_to(value.expression, kind)) for condition, value in branches
    )
    return Bound(Case(kind, typed, cast_to(otherwise.expression, kind) if otherwise else None), shown)


def like(bind: Callable[[exp.Expr], Bound], node: exp.Expr) -> Bound:
    """Return LIKE or ILIKE, with an escape character, or against ANY or ALL of several patterns."""
    escape = None
    if isinstance(node, exp.Escape):
        escape, node = bind(node.expression), node.this
    function = "ilike" if isinstance(node, exp.ILike) else "like"
    child = bind(node.this)
    pattern = node.expression
    if isinstance(pattern, exp.Any | exp.All):
        inner = pattern.this.unnest()
        patterns = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
        parts = [_like(function, child, bind(item), escape) for item in patterns]
        joiner = "or" if isinstance(pattern, exp.Any) else "and"
        whole = parts[0]
        for part in parts[1:]:
            shown = f"({whole.text} {joiner.upper()} {part.text})"
            whole = Bound(call(joiner, [whole.expression, part.expression]), shown)
        return whole
    return _like(function, child, bind(pattern), escape)


def _like(function: str, child: Bound, pattern: Bound, escape: Bound | None) -> Bound:
    args = [child.expression, pattern.expression, *([escape.expression] if escape else [])]
    text = f"{child.text} {function.upper()} {pattern.text}" + (f" ESCAPE '{escape.text}'" if escape else "")
    return Bound(call(function, args), text)


def refuse_stream(plan: Plan) -> None:
    """Raise when a query inside an expression reads a stream.

    Raises:
        StreamError: INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY.
    """
    if plan.is_streaming:
        message = "A query inside an expression may not read a stream."
        hint = "Join the stream instead, for example with LEFT SEMI JOIN."
        condition = "INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)


def subquery_misplaced(word: str) -> StreamError:
    """Return the refusal of a subquery predicate that is not a condition of its own in WHERE."""
    message = f"{word} (SELECT ...) is supported as one of the AND-ed conditions of WHERE only."
    return StreamError(
        "SQL_UNSUPPORTED", message, hint="Write it as a LEFT SEMI JOIN, or as two queries with UNION ALL."
    )
