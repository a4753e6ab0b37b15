"""Room 3: the equalities of a join's condition."""

from __future__ import annotations

from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import Call, Expression, references
from headrace.plan.nodes import Join


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
