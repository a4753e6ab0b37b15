"""Room 3: what becomes of an expression when its columns are NULL."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Expression,
    GetField,
    Literal,
    ScalarSubquery,
    children,
    references,
    substitute,
)
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.nodes import Aggregate, Filter, Join, Plan, Project, walk

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

_NULL_OF_NONE = frozenset(
    {"any_value", "avg", "first", "last", "max", "mean", "min", "stddev", "stddev_pop", "stddev_samp", "sum"}
    | {"var_pop", "var_samp", "variance"}
)
"""Aggregates that are NULL over no rows."""

UNKNOWN = object()
"""No value: what an expression gives is not worked out here."""


def needed_columns(expression: Expression) -> Iterator[Column]:
    """Yield the columns that cannot be NULL where the condition is true. Source: scanNullIntolerantAttribute."""
    if isinstance(expression, Column):
        yield expression
    elif isinstance(expression, Cast) and not expression.try_:
        yield from needed_columns(expression.child)
    elif isinstance(expression, Call) and expression.function in (*_INTOLERANT, "is_not_null"):
        for child in children(expression):
            yield from needed_columns(child)
    elif isinstance(expression, Call) and expression.function in ("like_any", "like_all"):
        yield from needed_columns(expression.args[0])
    elif isinstance(expression, ScalarSubquery) and _is_null_without_rows(expression.plan):
        yield from _of_a_match(expression)


def _is_null_without_rows(plan: Plan) -> bool:
    """Return True for an aggregate whose value is NULL where no row matches: not count, and no coalesce."""
    while isinstance(plan, Project | Filter):
        if isinstance(plan, Project) and value_for_nulls(plan.items[0].child) is not None:
            return False
        plan = plan.child
    if not isinstance(plan, Aggregate):
        return False
    calls = [item.child for item in plan.aggregates]
    return bool(plan.keys) or all(isinstance(call, AggregateCall) and call.function in _NULL_OF_NONE for call in calls)


def _of_a_match(subquery: ScalarSubquery) -> Iterator[Column]:
    """Yield the columns of the row around that a match needs."""
    by_id = dict(zip(subquery.parameters, subquery.outer, strict=True))
    for node in walk(subquery.plan):
        for part in conjuncts(node.condition) if isinstance(node, Filter | Join) else ():
            if isinstance(part, Call) and part.function == "equal":
                for side in part.args:
                    if references(side) <= by_id.keys():
                        yield from needed_columns(substitute(side, by_id))


def is_null_for_a_null(expression: Expression) -> bool:
    """Return True for a call with the constant NULL that is NULL for it. Source: Spark NullPropagation."""
    if isinstance(expression, Cast):
        return isinstance(expression.child, Literal) and expression.child.value is None
    if not isinstance(expression, Call) or expression.function not in _INTOLERANT:
        return False
    return any(isinstance(arg, Literal) and arg.value is None for arg in expression.args)


def rejects_null(condition: Expression) -> bool:
    """Return True when the condition is not true for a row whose columns are all NULL. Source: canFilterOutNull."""
    return is_deterministic(condition) and value_for_nulls(condition) in (None, False)


def value_for_nulls(expression: Expression) -> object:
    """Return the expression's value for a row of NULLs, or UNKNOWN; of one without columns, its value."""
    match expression:
        case Column():
            return None
        case Literal(value=value):
            return value
        case Cast(child=child) | GetField(child=child):
            return None if value_for_nulls(child) is None else UNKNOWN
        case Case(branches=branches, otherwise=otherwise):
            return _case(branches, otherwise)
        case Call():
            return _call(expression)
    return UNKNOWN


def _case(branches: tuple[tuple[Expression, Expression], ...], otherwise: Expression | None) -> object:
    for condition, value in branches:
        holds = value_for_nulls(condition)
        if holds is UNKNOWN:
            return UNKNOWN
        if holds is True:
            return value_for_nulls(value)
    return None if otherwise is None else value_for_nulls(otherwise)


def _call(call: Call) -> object:
    if call.function == "if":
        condition, then, otherwise = call.args
        return _case(((condition, then),), otherwise)
    values = [value_for_nulls(arg) for arg in call.args]
    rule = _RULES.get(call.function)
    if rule is not None:
        return rule(values)
    return None if call.function in _INTOLERANT and None in values else UNKNOWN


def _logic(deciding: bool) -> Callable[[list[object]], object]:
    def rule(values: list[object]) -> object:
        if any(value is deciding for value in values):
            return deciding
        if UNKNOWN in values:
            # NULL AND unknown is NULL or false: it rejects either way.
            return None if not deciding and None in values else UNKNOWN
        return None if None in values else not deciding

    return rule


def _not(values: list[object]) -> object:
    return values[0] if values[0] in (None, UNKNOWN) else not values[0]


def _null_test(outcome: bool) -> Callable[[list[object]], object]:
    return lambda values: UNKNOWN if values[0] is UNKNOWN else (values[0] is None) is outcome


def _coalesce(values: list[object]) -> object:
    return next((value for value in values if value is not None), None)


def _same(values: list[object]) -> object:
    if None in values:
        return UNKNOWN if UNKNOWN in values else values[0] is values[1]
    return _compared(operator.eq)(values)


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[list[object]], object]:
    """Of two equal plain types; floating-point numbers are left alone, since NaN has an order of its own."""

    def rule(values: list[object]) -> object:
        if None in values:
            return None
        left, right = values
        known = type(left) is type(right) and isinstance(left, bool | int | str | Decimal | date)
        return compare(left, right) if known else UNKNOWN

    return rule


_RULES: Mapping[str, Callable[[list[object]], object]] = {
    "and": _logic(False),
    "between": _logic(False),
    "or": _logic(True),
    "not": _not,
    "is_null": _null_test(True),
    "is_not_null": _null_test(False),
    "is_true": lambda values: False if values[0] is None else UNKNOWN,
    "is_false": lambda values: False if values[0] is None else UNKNOWN,
    "in": lambda values: None if values[0] is None else UNKNOWN,
    "like_any": lambda values: None if values[0] is None else UNKNOWN,
    "like_all": lambda values: None if values[0] is None else UNKNOWN,
    "coalesce": _coalesce,
    "null_safe_equal": _same,
    "equal": _compared(operator.eq),
    "not_equal": _compared(operator.ne),
    "less": _compared(operator.lt),
    "less_equal": _compared(operator.le),
    "greater": _compared(operator.gt),
    "greater_equal": _compared(operator.ge),
}
