"""Room 3, rules: a projection of a projection is one, and a projection that changes nothing is none; so with limits.

An expression of the lower projection that the upper one reads more than once stays where it is computed once. A limit
stops reading where it has enough, and what it does not read moves no watermark. Source: Spark CollapseProject,
RemoveNoopOperators, CombineLimits, PushProjectionThroughLimitAndOffset, LimitPushDown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from headrace.plan.expressions import Alias, Column, Expression, GetField, Literal, substitute, walk
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
)
from headrace.plan.nodes import walk as walk_plan
from headrace.plan.rewrite.determinism import is_deterministic
from headrace.plan.transform import rewrite_plan

_STATELESS = (StreamScan, Project, Filter, Watermark, WindowAssign, Generate, Union)


def apply(plan: Plan) -> Plan:
    """Return the plan with as few projections as its expressions allow."""
    return rewrite_plan(plan, _node)


def _node(node: Plan) -> Plan:
    if isinstance(node, Project) and isinstance(node.child, Project) and _may_merge(node, node.child):
        by_id = {item.column.id: item.child for item in node.child.items}
        items = tuple(Alias(substitute(item.child, by_id), item.column) for item in node.items)
        node = replace(node, child=node.child.child, items=items)
    if isinstance(node, Limit):
        return _one_limit(node)
    return node.child if isinstance(node, Project) and _changes_nothing(node) else node


def _one_limit(node: Limit) -> Plan:
    """A limit over a limit keeps count once."""
    match node.child:
        case Limit(of_batch=False) as below:
            return replace(below, count=min(node.count, below.count))
        case Project(child=Limit(of_batch=False) as below) as project if all(
            is_deterministic(item.child) for item in project.items
        ):
            return replace(project, child=replace(below, count=min(node.count, below.count)))
    return node


def _is_fixed(project: Project) -> bool:
    return all(is_deterministic(item.child) for item in project.items)


def stop_early(plan: Plan) -> Plan:
    """Return the plan whose limits read no more of a batch than they count, where nothing below keeps state.

    A union and an outer join hand the limit on to their inputs; what keeps state reads all of its rows. Source: Spark
    ConvertLocalLimitRule, LimitPushDown.
    """
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
    return all(not node.is_streaming or _reads_on(node) for node in walk_plan(plan))


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


def _may_merge(upper: Project, lower: Project) -> bool:
    uses = Counter(part.id for item in upper.items for part in walk(item.child) if isinstance(part, Column))
    return all(
        is_deterministic(item.child) and (uses[item.column.id] <= 1 or _is_cheap(item.child)) for item in lower.items
    )


def _is_cheap(expression: Expression) -> bool:
    if isinstance(expression, GetField):
        return _is_cheap(expression.child)
    return isinstance(expression, Column | Literal)


def _changes_nothing(node: Project) -> bool:
    passed = [item.child for item in node.items]
    return passed == list(node.child.columns) == [item.column for item in node.items]
