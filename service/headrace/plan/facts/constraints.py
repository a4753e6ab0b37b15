"""Room 3: conditions that every row of a plan satisfies. Source: Spark QueryPlanConstraints."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.plan.conditions import conjuncts, pair_of
from headrace.plan.expressions import Call, Column, Expression, references, substitute
from headrace.plan.nodes import (
    Aggregate,
    Filter,
    Join,
    JoinType,
    Plan,
    Project,
    SetOperation,
    Union,
    Values,
)
from headrace.types import DOUBLE, FLOAT, ArrayType, DataType, StructType


def constraints(plan: Plan) -> tuple[Expression, ...]:
    """Return the known conditions over the plan's own columns, each once."""
    ids = {column.id for column in plan.columns}
    return tuple(dict.fromkeys(part for part in _known(plan) if references(part) and references(part) <= ids))


def _known(plan: Plan) -> Iterable[Expression]:
    match plan:
        case Filter():
            return (*constraints(plan.child), *conjuncts(plan.condition))
        case Project():
            return _renamed(plan.child, [(item.child, item.column) for item in plan.items])
        case Aggregate():
            return _renamed(plan.child, [(key.child, key.column) for key in plan.keys])
        case Join():
            return _of_join(plan)
        case Union() | SetOperation() | Values():
            return ()
        case _:
            return [part for node in plan.inputs for part in constraints(node)]


def _renamed(child: Plan, pairs: list[tuple[Expression, Column]]) -> list[Expression]:
    names: dict[int, Expression] = {old.id: new for old, new in pairs if isinstance(old, Column)}
    below = constraints(child)
    return [*below, *(substitute(part, names) for part in below)]


def told_by_condition(join: Join) -> tuple[Expression, ...]:
    """Return what a join's condition says of its columns.

    Spark makes one of 0.0 and -0.0 and one of all NaN before it compares keys, and then knows nothing of the columns.
    """
    return tuple(part for part in conjuncts(join.condition) if pair_of(join, part) is None or not _of_floats(part))


def _of_floats(equality: Expression) -> bool:
    return isinstance(equality, Call) and any(_holds_floats(side.type) for side in equality.args)


def _holds_floats(kind: DataType) -> bool:
    match kind:
        case ArrayType():
            return _holds_floats(kind.element)
        case StructType():
            return any(_holds_floats(field.type) for field in kind.fields)
        case _:
            return kind in (FLOAT, DOUBLE)


def _of_join(join: Join) -> tuple[Expression, ...]:
    left, right = constraints(join.left), constraints(join.right)
    on = told_by_condition(join)
    match join.how:
        case JoinType.INNER:
            return (*left, *right, *on)
        case JoinType.SEMI:
            return (*left, *on)
        case JoinType.LEFT | JoinType.ANTI:
            return left
        case JoinType.RIGHT:
            return right
        case _:
            return ()


def with_equals_replaced(parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """Return the conditions and what follows from them by putting one side of ``a = b`` for the other."""
    found = dict.fromkeys(parts)
    for part in parts:
        if isinstance(part, Call) and part.function == "equal":
            left, right = part.args
            if isinstance(left, Column) and isinstance(right, Column):
                for old, new in ((left, right), (right, left)):
                    found |= dict.fromkeys(substitute(other, {old.id: new}) for other in parts if other != part)
    return tuple(found)
