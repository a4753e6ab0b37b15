"""Room 3, rule: a projection of a projection is one, and a projection that changes nothing is none; so with limits.

An expression of the lower projection that the upper one reads more than once stays where it is computed once. Source:
Spark CollapseProject, RemoveNoopOperators, CombineLimits, PushProjectionThroughLimitAndOffset.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from headrace.plan.expressions import Alias, Column, Expression, GetField, Literal, substitute, walk
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.nodes import Limit, Plan, Project
from headrace.plan.transform import rewrite_plan


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
