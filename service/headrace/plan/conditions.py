"""Room 3: putting conditions together with AND, and taking them apart."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.plan.expressions import Call, Expression
from headrace.plan.nodes import Filter, Plan
from headrace.types import BOOLEAN


def both(left: Expression, right: Expression) -> Call:
    """Return ``left AND right``."""
    return Call(BOOLEAN, "and", (left, right))


def all_of(parts: Iterable[Expression]) -> Expression | None:
    """Return the conjunction of the parts, None when there are none."""
    whole: Expression | None = None
    for part in parts:
        whole = part if whole is None else both(whole, part)
    return whole


def conjuncts(condition: Expression | None) -> tuple[Expression, ...]:
    """Return the parts of a condition that must all be true, left to right; none for None."""
    if condition is None:
        return ()
    if isinstance(condition, Call) and condition.function == "and":
        return tuple(part for arg in condition.args for part in conjuncts(arg))
    return (condition,)


def filtered(plan: Plan, parts: Iterable[Expression]) -> Plan:
    """Return the plan under a filter of the parts, each once; the plan itself when there are none."""
    condition = all_of(dict.fromkeys(parts))
    return plan if condition is None else Filter(plan, condition)
