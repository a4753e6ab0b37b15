"""Room 3: the rules in the order they run.

Takes an analyzed and checked plan, gives the plan that runs. Filters go down first, then what joins say of nulls and of
equal keys becomes filters that go down too; columns are pruned last. Source: Spark Optimizer.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.plan.nodes import Plan
from headrace.plan.rewrite import (
    collapse_projects,
    infer_filters,
    outer_to_inner,
    prune_columns,
    push_filters,
    simplify_conditions,
)

Rule = Callable[[Plan], Plan]

RULES: tuple[Rule, ...] = (
    simplify_conditions.apply,
    push_filters.apply,
    outer_to_inner.apply,
    push_filters.apply,
    infer_filters.apply,
    push_filters.apply,
    prune_columns.apply,
    collapse_projects.apply,
)
"""Each takes and gives a whole plan of equal meaning."""


def optimize(plan: Plan, output_mode: str) -> Plan:
    """Return the plan that runs.

    Args:
        plan: Analyzed and checked.
        output_mode: ``append``, ``update`` or ``complete``; no rule of Spark's that is here depends on it.
    """
    del output_mode
    for rule in RULES:
        plan = rule(plan)
    return plan
