"""Room 3: what becomes of an expression when its columns are NULL."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.plan.expressions import Call, Cast, Column, Expression, GetField, Literal, children
from headrace.plan.rewrite.determinism import is_deterministic

_INTOLERANT = frozenset(
    [
        "abs",
        "add",
        "bit_and_op",
        "bit_not",
        "bit_or_op",
        "bit_xor_op",
        "ceil",
        "date_add",
        "date_sub",
        "date_trunc",
        "day",
        "div",
        "divide",
        "equal",
        "floor",
        "greater",
        "greater_equal",
        "hour",
        "ilike",
        "length",
        "less",
        "less_equal",
        "like",
        "lower",
        "ltrim",
        "minute",
        "month",
        "multiply",
        "negative",
        "not",
        "not_equal",
        "positive",
        "remainder",
        "reverse",
        "rlike",
        "round",
        "rtrim",
        "second",
        "shift_left",
        "shift_right",
        "sqrt",
        "substr",
        "substring",
        "subtract",
        "trim",
        "upper",
        "year",
    ]
)
"""Functions of Spark's trait NullIntolerant: NULL when any argument is."""

_UNKNOWN = object()


def needed_columns(expression: Expression) -> Iterator[Column]:
    """Yield the columns that cannot be NULL where the condition is true. Source: scanNullIntolerantAttribute."""
    if isinstance(expression, Column):
        yield expression
    elif isinstance(expression, Cast) and not expression.try_:
        yield from needed_columns(expression.child)
    elif isinstance(expression, Call) and expression.function in (*_INTOLERANT, "is_not_null"):
        for child in children(expression):
            yield from needed_columns(child)


def rejects_null(condition: Expression) -> bool:
    """Return True when the condition is not true for a row whose columns are all NULL. Source: canFilterOutNull."""
    return is_deterministic(condition) and _of_nulls(condition) in (None, False)


def _of_nulls(expression: Expression) -> object:
    """Return the value for a row of NULLs, or _UNKNOWN."""
    match expression:
        case Column():
            return None
        case Literal(value=value):
            return value
        case Cast(child=child) | GetField(child=child):
            return None if _of_nulls(child) is None else _UNKNOWN
        case Call():
            return _call(expression)
    return _UNKNOWN


def _call(call: Call) -> object:
    values = [_of_nulls(arg) for arg in call.args]
    match call.function:
        case "and" | "or":
            return _logic(call.function, values)
        case "not":
            return None if values[0] is None else _UNKNOWN if values[0] is _UNKNOWN else not values[0]
        case "is_null":
            return _UNKNOWN if values[0] is _UNKNOWN else values[0] is None
        case "is_not_null":
            return _UNKNOWN if values[0] is _UNKNOWN else values[0] is not None
        case "is_true" | "is_false":
            return False if values[0] is None else _UNKNOWN
        case "in":
            return None if values[0] is None else _UNKNOWN
    if call.function in _INTOLERANT and None in values:
        return None
    return _UNKNOWN


def _logic(function: str, values: list[object]) -> object:
    deciding = function == "or"
    if any(value is deciding for value in values):
        return deciding
    if _UNKNOWN in values:
        # NULL AND unknown is NULL or false: it rejects either way.
        return None if function == "and" and None in values else _UNKNOWN
    return None if None in values else not deciding
