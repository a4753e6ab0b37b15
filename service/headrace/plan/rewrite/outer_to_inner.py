"""Room 3, rule: an outer join whose null rows a filter above would drop is a narrower join.

Source: Spark EliminateOuterJoin. It comes after the checks, as in Spark: an outer join that is refused stays refused.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import Expression, references
from headrace.plan.facts.nullability import rejects_null
from headrace.plan.nodes import Filter, Join, JoinType, Plan
from headrace.plan.transform import rewrite_plan

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
