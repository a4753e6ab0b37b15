"""Room 3: conditions put together with AND and taken apart, and the equalities in those of joins."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.plan.expressions import Call, Expression, references
from headrace.plan.nodes import Filter, Join, Plan
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


def equal_pairs(join: Join) -> tuple[tuple[Expression, Expression], ...]:
    """Return (left expression, right expression) of each conjunct ``left = right`` or ``left <=> right``.

    Law: each expression reads at least one column, and only of its own side. Source: Spark ExtractEquiJoinKeys.
    """
    return tuple(pair for part in conjuncts(join.condition) if (pair := pair_of(join, part)) is not None)


def pair_of(join: Join, part: Expression) -> tuple[Expression, Expression] | None:
    """Return the sides of an equality, the left input's first; None for any other condition."""
    if not isinstance(part, Call) or part.function not in ("equal", "null_safe_equal"):
        return None
    left = frozenset(column.id for column in join.left.columns)
    right = frozenset(column.id for column in join.right.columns)
    for one, other in (part.args, part.args[::-1]):
        ours, theirs = references(one), references(other)
        if ours and theirs and ours <= left and theirs <= right:
            return one, other
    return None
