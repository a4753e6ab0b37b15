"""Room 3, rule: a limit reads no more of a batch than it counts, and what it does not read moves no watermark.

A union and an outer join hand the limit on to their inputs; what keeps state reads all of its rows. Source: Spark
ConvertLocalLimitRule, LimitPushDown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.plan.nodes import (
    Filter,
    Generate,
    Join,
    JoinType,
    Limit,
    Plan,
    Project,
    StreamScan,
    Union,
    Watermark,
    WindowAssign,
    walk,
)
from headrace.plan.transform import rewrite_plan

_STATELESS = (StreamScan, Project, Filter, Watermark, WindowAssign, Generate, Union)


def apply(plan: Plan) -> Plan:
    """Return the plan whose limits read no more of a batch than they count, where nothing below keeps state."""
    return rewrite_plan(plan, lambda node: _stopped(node) if isinstance(node, Limit) and not node.of_batch else node)


def _stopped(node: Limit) -> Plan:
    if not node.is_streaming:
        return node
    if _is_without_state(node.child):
        return _with(node, child=_cut(node.child, node.count))
    if isinstance(node.child, Project):
        return _with(node, child=_with(node.child, child=_inputs_cut(node.child.child, node.count) or node.child.child))
    return _with(node, child=_inputs_cut(node.child, node.count) or node.child)


def _inputs_cut(plan: Plan, count: int) -> Plan | None:
    """Return a union with its inputs cut, or a join with the side of which each row comes out."""
    match plan:
        case Union():
            return _with(plan, children=tuple(_cut(child, count) for child in plan.children))
        case Join(how=JoinType.LEFT):
            return _with(plan, left=_cut(plan.left, count))
        case Join(how=JoinType.RIGHT):
            return _with(plan, right=_cut(plan.right, count))
        case Join(how=JoinType.INNER, condition=None):
            return _with(plan, left=_cut(plan.left, count), right=_cut(plan.right, count))
    return None


def _cut(plan: Plan, count: int) -> Plan:
    """Return the plan that reads no more rows of a batch than the limit above it wants."""
    if not plan.is_streaming or not _is_without_state(plan):
        return plan
    match plan:
        case Limit():
            return plan
        case Project() | Watermark():
            return _with(plan, child=_cut(plan.child, count))
        case Filter(child=Watermark(child=Limit(of_batch=True))):
            return plan
        case Filter(child=Watermark() as marked):
            read = Limit(marked.child, count, of_batch=True, passing=plan.condition)
            return replace(plan, child=replace(marked, child=read))
    return _inputs_cut(plan, count) or Limit(plan, count, of_batch=True)


def _is_without_state(plan: Plan) -> bool:
    return all(not node.is_streaming or _reads_on(node) for node in walk(plan))


def _reads_on(node: Plan) -> bool:
    match node:
        case Limit():
            return node.of_batch
        case Join():
            return not (node.left.is_streaming and node.right.is_streaming)
    return isinstance(node, _STATELESS)


def _with(plan: Plan, **changed: Any) -> Plan:
    same = all(getattr(plan, name) == value for name, value in changed.items())
    return plan if same else replace(plan, **changed)
