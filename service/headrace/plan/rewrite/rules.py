"""Room 3: the rules in the order they run.

Takes an analyzed and checked plan, gives the plan that runs. Filters go down first, then what joins say of nulls and of
equal keys becomes filters that go down too; columns are pruned last, and limits stop reading early. Source: Spark
Optimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headrace.plan.expressions import Expression, Subquery, rewrite
from headrace.plan.nodes import Plan
from headrace.plan.rewrite import (
    collapse_projects,
    hash_bytes,
    infer_filters,
    outer_to_inner,
    prune_columns,
    push_filters,
    simplify_conditions,
    stop_early,
    tell_of_windows,
)
from headrace.plan.rewrite.nested import lift_subqueries
from headrace.plan.transform import map_expressions, rewrite_plan

Rule = Callable[[Plan], Plan]

RULES: tuple[Rule, ...] = (
    simplify_conditions.apply,
    tell_of_windows.apply,
    push_filters.apply,
    simplify_conditions.compare_with_themselves,
    outer_to_inner.apply,
    push_filters.apply,
    infer_filters.apply,
    push_filters.apply,
    outer_to_inner.apply,
    push_filters.apply,
    lift_subqueries.apply,
    prune_columns.apply,
    collapse_projects.apply,
    stop_early.apply,
    hash_bytes.apply,
)
"""Each takes and gives a whole plan of equal meaning."""


def optimize(plan: Plan) -> Plan:
    """Return the plan that runs, of an analyzed and checked one; in every output mode it is the same."""
    for rule in RULES:
        plan = rule(plan)

    def inner(expression: Expression) -> Expression:
        if isinstance(expression, Subquery):
            return replace(expression, plan=optimize(expression.plan))
        return expression

    return rewrite_plan(plan, lambda node: map_expressions(node, lambda whole: rewrite(whole, inner)))
