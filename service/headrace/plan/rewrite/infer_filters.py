"""Room 3, rule: what a join's condition says of one side alone becomes a filter on that side.

Keys compared with = are not NULL, and what is known of one key is known of the other. Such rows then neither enter the
join's state nor move the watermark; nor does a row whose array explode would make nothing of, nor one whose NULL fails
a condition that itself stays above.
Source: Spark InferFiltersFromConstraints, InferFiltersFromGenerate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headrace.plan.conditions import conjuncts, filtered
from headrace.plan.expressions import Call, Column, Expression, Literal, references
from headrace.plan.facts.constraints import constraints, told_by_condition, with_equals_replaced
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.facts.nullability import needed_columns
from headrace.plan.nodes import (
    Aggregate,
    Filter,
    Generate,
    Join,
    JoinType,
    Plan,
    SessionAssign,
    Watermark,
    WindowAssign,
)
from headrace.plan.transform import map_inputs
from headrace.types import BOOLEAN, INT

# Which inputs get filters: a side whose rows appear without a match gets none.
_SIDES = {
    JoinType.INNER: (True, True),
    JoinType.SEMI: (True, True),
    JoinType.LEFT: (False, True),
    JoinType.ANTI: (False, True),
    JoinType.RIGHT: (True, False),
    JoinType.FULL: (False, False),
}


def apply(plan: Plan) -> Plan:
    """Return the plan with inferred filters directly above the inputs of joins and generators, and in filters."""
    if isinstance(plan, Join) and not plan.null_aware:
        plan = _inferred(plan)
    elif isinstance(plan, Generate) and plan.is_streaming and not plan.outer:
        plan = replace(plan, child=filtered(plan.child, _not_empty(plan)))
    elif isinstance(plan, Filter) and plan.is_streaming:
        plan = _told_of_nulls(plan)
    return map_inputs(plan, apply)


def _told_of_nulls(plan: Filter) -> Plan:
    """Add IS NOT NULL of each column that a condition needs, where that alone goes further down than the condition."""
    parts = conjuncts(plan.condition)
    there = {*constraints(plan.child), *parts}
    movable = _movable(plan.child)
    staying = [part for part in parts if not references(part) <= movable]
    found = [test for test in _is_not_null(staying) if references(test) <= movable and test not in there]
    return filtered(plan.child, [*parts, *dict.fromkeys(found)]) if found else plan


def _movable(plan: Plan) -> frozenset[int]:
    """The ids of the columns of which a condition moves below this node."""
    match plan:
        case Watermark():
            return frozenset(column.id for column in plan.columns) - {plan.event_time.id}
        case WindowAssign() | SessionAssign() | Generate():
            return frozenset(column.id for column in plan.child.columns)
        case Aggregate():
            return frozenset(key.column.id for key in plan.keys)
        case Join():
            keeps = {JoinType.LEFT: plan.left, JoinType.RIGHT: plan.right}.get(plan.how)
            return frozenset(column.id for column in keeps.columns) if keeps else frozenset()
        case _:
            return frozenset()


def _not_empty(node: Generate) -> Iterable[Expression]:
    match node.generator:
        case Call(function="explode" | "posexplode" | "inline", args=(Column() as rows,)):
            here = Call(BOOLEAN, "greater", (Call(INT, "size", (rows,)), Literal(INT, 0)))
            if here not in constraints(node.child):
                yield here


def _inferred(join: Join) -> Join:
    known = (*constraints(join.left), *constraints(join.right), *told_by_condition(join))
    known = with_equals_replaced(tuple(dict.fromkeys(known)))
    not_null = dict.fromkeys(_is_not_null(known))
    to_left, to_right = _SIDES[join.how]
    candidates = (*known, *not_null)
    return replace(
        join,
        left=_filtered(join.left, candidates) if to_left else join.left,
        right=_filtered(join.right, candidates) if to_right else join.right,
    )


def _is_not_null(known: Iterable[Expression]) -> Iterable[Expression]:
    for part in known:
        for column in needed_columns(part):
            yield Call(BOOLEAN, "is_not_null", (column,))


def _filtered(side: Plan, candidates: Iterable[Expression]) -> Plan:
    ids = {column.id for column in side.columns}
    there = frozenset(constraints(side))
    new = [
        part
        for part in candidates
        if references(part) and references(part) <= ids and part not in there and is_deterministic(part)
    ]
    holding = [part for part in (*there, *new) if not _is_null_test(part)]
    told = {column.id for part in holding for column in needed_columns(part)}
    return filtered(side, [part for part in new if not _is_trivial(part) and not _is_told(part, told)])


def _is_trivial(part: Expression) -> bool:
    return isinstance(part, Call) and part.function == "equal" and part.args[0] == part.args[1]


def _is_null_test(part: Expression) -> bool:
    return isinstance(part, Call) and part.function == "is_not_null"


def _is_told(part: Expression, told: set[int]) -> bool:
    """Return True for IS NOT NULL of a column that another condition of the side needs anyway."""
    return _is_null_test(part) and references(part) <= told
