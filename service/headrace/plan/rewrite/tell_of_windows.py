"""Room 3, rule: below a window over an outer join of streams a filter drops rows without a time: they are in none.

Source: Spark TimeWindowing and SessionWindowing.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.plan.expressions import Call
from headrace.plan.nodes import Filter, Join, JoinType, Plan, SessionAssign, WindowAssign, walk
from headrace.plan.transform import rewrite_plan
from headrace.types import BOOLEAN

_OUTER = (JoinType.LEFT, JoinType.RIGHT, JoinType.FULL)


def apply(plan: Plan) -> Plan:
    """Return the plan with those filters."""
    return rewrite_plan(plan, _window)


def _window(node: Plan) -> Plan:
    if not isinstance(node, WindowAssign | SessionAssign):
        return node
    if not any(isinstance(below, Join) and _is_outer(below) for below in walk(node.child)):
        return node
    return replace(node, child=Filter(node.child, Call(BOOLEAN, "is_not_null", (node.time,))))


def _is_outer(join: Join) -> bool:
    return join.how in _OUTER and join.left.is_streaming and join.right.is_streaming
