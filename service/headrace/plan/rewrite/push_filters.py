"""Room 3, rule: filters go as far down as their meaning allows, and below the watermark.

Rows that a filter below the watermark drops do not move it; a condition on the event-time column stays above, and the
rows it drops do move it. IN and EXISTS over tables are filters too: they become joins when filters have moved.
Source: Spark PushPredicateThroughNonJoin, PushPredicateThroughJoin, RewritePredicateSubquery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace.plan.expressions import Expression, Membership, ScalarSubquery, references, substitute, walk
from headrace.plan.nodes import (
    Aggregate,
    Filter,
    Generate,
    Join,
    JoinType,
    Plan,
    Project,
    SessionAssign,
    SetOperation,
    Sort,
    Union,
    Watermark,
    WindowAssign,
)
from headrace.plan.rewrite.conditions import all_of, filtered
from headrace.plan.rewrite.determinism import is_deterministic
from headrace.plan.time_range import conjuncts
from headrace.plan.transform import map_inputs
from headrace.types import BOOLEAN

_Parts = Sequence[Expression]

# Whose conditions of WHERE, and of ON, may go to the left and to the right input.
_FROM_WHERE = {
    JoinType.INNER: (True, True),
    JoinType.LEFT: (True, False),
    JoinType.RIGHT: (False, True),
    JoinType.FULL: (False, False),
    JoinType.SEMI: (True, False),
    JoinType.ANTI: (True, False),
}
_FROM_ON = {
    JoinType.INNER: (True, True),
    JoinType.LEFT: (False, True),
    JoinType.RIGHT: (True, False),
    JoinType.FULL: (False, False),
    JoinType.SEMI: (True, True),
    JoinType.ANTI: (False, True),
}


def apply(plan: Plan) -> Plan:
    """Return the plan with every filter pushed down."""
    return _push(plan, ())


def _push(plan: Plan, parts: _Parts) -> Plan:
    """Return the plan under the conditions, each as far down as it goes."""
    match plan:
        case Filter():
            return _push(plan.child, (*conjuncts(plan.condition), *parts))
        case Project():
            return _through_project(plan, parts)
        case Watermark():
            event_time = plan.event_time.id
            down = [part for part in parts if is_deterministic(part) and event_time not in references(part)]
            return _split(plan, parts, down)
        case WindowAssign() | SessionAssign() | Generate():
            child = {column.id for column in plan.child.columns}
            return _split(plan, parts, [p for p in parts if is_deterministic(p) and references(p) <= child])
        case Aggregate():
            return _through_aggregate(plan, parts)
        case Sort():
            return _split(plan, parts, [part for part in parts if is_deterministic(part)])
        case Union():
            return _through_union(plan, parts)
        case SetOperation():
            return _through_set_operation(plan, parts)
        case Join():
            return _through_join(plan, parts)
        case _:
            return _under(map_inputs(plan, apply), parts)


def _under(plan: Plan, parts: _Parts) -> Plan:
    """Return the plan under the conditions; those that ask a table are joins again."""
    plan = filtered(plan, [part for part in parts if not isinstance(part, Membership)])
    for part in dict.fromkeys(part for part in parts if isinstance(part, Membership)):
        how = JoinType.ANTI if part.negated else JoinType.SEMI
        plan = Join(plan, part.plan, how, part.condition, part.null_aware, in_where=True, at=part.at)
    return plan


def _split(
    plan: Watermark | WindowAssign | SessionAssign | Generate | Sort | Aggregate, parts: _Parts, down: _Parts
) -> Plan:
    stay = [part for part in parts if part not in down]
    return _under(replace(plan, child=_push(plan.child, down)), stay)


def _through_project(plan: Project, parts: _Parts) -> Plan:
    if not all(is_deterministic(item.child) for item in plan.items):
        return _under(replace(plan, child=apply(plan.child)), parts)
    by_id = {item.column.id: item.child for item in plan.items}
    return replace(plan, child=_push(plan.child, [substitute(part, by_id) for part in parts]))


def _through_aggregate(plan: Aggregate, parts: _Parts) -> Plan:
    by_id = {key.column.id: key.child for key in plan.keys}
    down: list[Expression] = []
    stay: list[Expression] = []
    for part in parts:
        ids = references(part)
        movable = bool(ids) and ids <= by_id.keys() and is_deterministic(part)
        (down if movable else stay).append(part)
    child = _push(plan.child, [substitute(part, by_id) for part in down])
    return _under(replace(plan, child=child), stay)


def _through_union(plan: Union, parts: _Parts) -> Plan:
    down = [part for part in parts if is_deterministic(part)]
    children = []
    for child in plan.children:
        by_id: dict[int, Expression] = {out.id: old for out, old in zip(plan.output, child.columns, strict=True)}
        children.append(_push(child, [substitute(part, by_id) for part in down]))
    stay = [part for part in parts if part not in down]
    return _under(replace(plan, children=tuple(children)), stay)


def _through_set_operation(plan: SetOperation, parts: _Parts) -> Plan:
    down = [part for part in parts if is_deterministic(part)]
    stay = [part for part in parts if part not in down]
    return _under(replace(plan, left=_push(plan.left, down), right=apply(plan.right)), stay)


def _through_join(join: Join, parts: _Parts) -> Plan:
    if join.in_where and not join.right.is_streaming:
        is_anti = join.how is JoinType.ANTI
        tested = Membership(BOOLEAN, join.condition, apply(join.right), is_anti, join.null_aware, join.at)
        return _push(join.left, (tested, *parts))
    left = frozenset(column.id for column in join.left.columns)
    right = frozenset(column.id for column in join.right.columns)
    # A condition without columns decides about all rows: Spark folds it, and what is below reads nothing.
    fixed = [part for part in parts if not references(part) and is_deterministic(part) and not _asks_a_table(part)]
    parts = [part for part in parts if part not in fixed]
    to_left, to_right, above = _by_side(parts, left, right, _FROM_WHERE[join.how])
    # NOT IN tests nulls of both sides, so its condition stays whole.
    on = () if join.null_aware else conjuncts(join.condition)
    on_left, on_right, within = _by_side(on, left, right, _FROM_ON[join.how])
    if join.how is JoinType.INNER:
        joined = [part for part in above if is_deterministic(part)]
        within = [*within, *joined]
        above = [part for part in above if part not in joined]
    condition = join.condition if join.null_aware else all_of(within)
    changed = replace(
        join,
        left=_push(join.left, (*fixed, *on_left, *to_left)),
        right=_push(join.right, (*fixed, *on_right, *to_right)),
        condition=condition,
    )
    return _under(changed, above)


def _asks_a_table(part: Expression) -> bool:
    return any(isinstance(each, ScalarSubquery | Membership) for each in walk(part))


def _by_side(
    parts: _Parts, left: frozenset[int], right: frozenset[int], allowed: tuple[bool, bool]
) -> tuple[list[Expression], list[Expression], list[Expression]]:
    sides: tuple[list[Expression], list[Expression], list[Expression]] = ([], [], [])
    for part in parts:
        ids = references(part)
        place = 2
        if ids and is_deterministic(part):
            place = 0 if ids <= left and allowed[0] else 1 if ids <= right and allowed[1] else 2
        sides[place].append(part)
    return sides
