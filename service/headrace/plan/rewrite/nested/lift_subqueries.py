"""Room 3, rule: queries inside expressions are computed in filters and projections, and no other node.

What an aggregate, a generator or a join asks of a table becomes a column of its input first. Source: Spark
RewritePredicateSubquery, RewriteCorrelatedScalarSubquery.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.errors import StreamError
from headrace.plan.expressions import (
    Alias,
    Column,
    Existence,
    Expression,
    Subquery,
    children,
    references,
    rewrite,
    walk,
)
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import Filter, Plan, Project, Values
from headrace.plan.nodes import walk as walk_plan
from headrace.plan.transform import expressions_of, map_expressions, map_inputs


def apply(plan: Plan) -> Plan:
    """Return the plan with such expressions in filters and projections only.

    Raises:
        StreamError: one of a join reads columns of both sides.
    """
    if not any(_asked(node) for node in walk_plan(plan)):
        return plan
    return _lifted(plan, ColumnIds(max(_ids(plan), default=0)))


def _lifted(plan: Plan, ids: ColumnIds) -> Plan:
    plan = map_inputs(plan, lambda node: _lifted(node, ids))
    if isinstance(plan, Filter | Project | Values):
        return plan
    made: dict[Expression, Column] = {}
    for each in _asked(plan):
        made.setdefault(each, ids.column(each.type, "asked"))
    if not made:
        return plan
    sides = {each: _side(plan, each) for each in made}
    numbered = iter(range(len(plan.inputs)))
    inputs = plan.inputs

    def with_columns(node: Plan) -> Plan:
        mine = next(numbered)
        items = [Alias(each, column) for each, column in made.items() if sides[each] == mine]
        return Project(node, (*(Alias(c, c) for c in inputs[mine].columns), *items)) if items else node

    changed = map_expressions(plan, lambda whole: rewrite(whole, lambda e: made.get(e, e)))
    return _same_columns(map_inputs(changed, with_columns), plan)


def _same_columns(changed: Plan, plan: Plan) -> Plan:
    if changed.columns == plan.columns:
        return changed
    return Project(changed, tuple(Alias(column, column) for column in plan.columns))


def _asked(plan: Plan) -> list[Subquery]:
    """The queries inside a node's expressions that hang on the row or are asked for rows, outermost ones."""
    if isinstance(plan, Filter | Project | Values):
        return []
    return [each for expression in expressions_of(plan) for each in _asked_in(expression)]


def _asked_in(expression: Expression) -> list[Subquery]:
    if isinstance(expression, Subquery):
        return [expression] if expression.outer or isinstance(expression, Existence) else []
    return [each for child in children(expression) for each in _asked_in(child)]


def _side(plan: Plan, each: Expression) -> int:
    for place, node in enumerate(plan.inputs):
        if references(each) <= {column.id for column in node.columns}:
            return place
    message = "A query inside a condition of ON may read columns of one side of the join."
    name = "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.UNSUPPORTED_CORRELATED_EXPRESSION_IN_JOIN_CONDITION"
    raise StreamError("SQL_ANALYSIS", message, hint="Write it in WHERE.", condition=name, at=plan.at)


def _ids(plan: Plan) -> Iterable[int]:
    for node in walk_plan(plan):
        yield from (column.id for column in node.columns)
        for expression in expressions_of(node):
            for part in walk(expression):
                if isinstance(part, Column):
                    yield part.id
                elif isinstance(part, Subquery):
                    yield from (*part.parameters, *_ids(part.plan))
