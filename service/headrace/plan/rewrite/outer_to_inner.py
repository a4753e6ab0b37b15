"""Room 3, rule: an outer join whose null rows a filter above would drop is a narrower join.

Source: Spark EliminateOuterJoin. It comes after the checks, as in Spark: an outer join that is refused stays refused.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import Call, Expression, references
from headrace.plan.nodes import Filter, Join, JoinType, Plan, SessionAssign, WindowAssign, walk
from headrace.plan.rewrite.nullability import rejects_null
from headrace.plan.transform import rewrite_plan
from headrace.types import BOOLEAN

_NARROWER = {
    # (join, left row must exist, right row must exist) -> join
    (JoinType.LEFT, False, True): JoinType.INNER,
    (JoinType.LEFT, True, True): JoinType.INNER,
    (JoinType.RIGHT, True, False): JoinType.INNER,
    (JoinType.RIGHT, True, True): JoinType.INNER,
    (JoinType.FULL, True, True): JoinType.INNER,
    (JoinType.FULL, True, False): JoinType.LEFT,
    (JoinType.FULL, False, True): JoinType.RIGHT,
}

_OUTER = (JoinType.LEFT, JoinType.RIGHT, JoinType.FULL)


def tell_of_windows(plan: Plan) -> Plan:
    """Return the plan with a filter below each window over an outer join of streams: without a time, no window.

    Source: Spark TimeWindowing and SessionWindowing.
    """
    return rewrite_plan(plan, _window)


def _window(node: Plan) -> Plan:
    if not isinstance(node, WindowAssign | SessionAssign):
        return node
    if not any(isinstance(below, Join) and _is_outer(below) for below in walk(node.child)):
        return node
    return replace(node, child=Filter(node.child, Call(BOOLEAN, "is_not_null", (node.time,))))


def _is_outer(join: Join) -> bool:
    return join.how in _OUTER and join.left.is_streaming and join.right.is_streaming


def apply(plan: Plan) -> Plan:
    """Return the plan with every such join narrowed; filters stand directly above joins already."""
    return rewrite_plan(plan, _node)


def _node(node: Plan) -> Plan:
    if not isinstance(node, Filter) or not isinstance(node.child, Join):
        return node
    join = node.child
    parts = conjuncts(node.condition)
    key = (join.how, _must_exist(join.left, parts), _must_exist(join.right, parts))
    how = _NARROWER.get(key)
    return node if how is None else replace(node, child=replace(join, how=how))


def _must_exist(side: Plan, parts: tuple[Expression, ...]) -> bool:
    ids = {column.id for column in side.columns}
    return any(references(part) and references(part) <= ids and rejects_null(part) for part in parts)
