"""Room 3: WHERE, and the queries inside its conditions: IN, NOT IN and EXISTS become semi and anti joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.call import call
from headrace.plan.bind.expression.predicates import refuse_stream
from headrace.plan.bind.expression.time_window import TimeWindows
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.session import Findings, Session
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Alias, Expression, references
from headrace.plan.nodes import Filter, Join, JoinType, Plan, Project, walk
from headrace.plan.time_range import conjuncts
from headrace.plan.transform import read_columns
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, NULL


def bind_where(where: exp.Where, relation: Relation, session: Session, outer: Scope | None) -> Relation:
    """Return the relation with only the rows for which the condition is true.

    Raises:
        StreamErrors: what does not resolve in any of its AND-ed parts.
    """
    findings = Findings()
    windows = TimeWindows(session.ids)
    scope = Scope(relation, later=windows.named, outer=outer, ids=session.ids)
    binder = Binder(session, scope, windows)
    plain: list[Expression] = []
    plan = relation.plan
    subqueries = []
    for part in _and_parts(where.this):
        with findings.collect():
            if _subquery(part) is not None:
                subqueries.append(part)
            else:
                plain.append(condition(part, binder))
    findings.close()
    plan = windows.below(plan)
    if plain:
        plan = Filter(plan, all_of(plain))
    for part in subqueries:
        with findings.collect():
            plan = _joined(part, replace(relation, plan=plan), binder)
    findings.close()
    return replace(relation, plan=plan)


def condition(node: exp.Expr, binder: Binder) -> Expression:
    """Return a bound condition.

    Raises:
        StreamError: it is not boolean.
    """
    try:
        bound = binder.bind(node)
    except StreamError as error:
        if error.condition == "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS":
            error.condition = "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"
        raise
    if bound.expression.type not in (BOOLEAN, NULL):
        message = f'The condition "{bound.text}" is a {bound.expression.type.sql()}, not a BOOLEAN.'
        name = "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"
        raise StreamError("SQL_ANALYSIS", message, condition=name, at=position_of(node))
    return cast_to(bound.expression, BOOLEAN)


def all_of(parts: Sequence[Expression]) -> Expression:
    """Return the conjunction of one or more conditions."""
    whole = parts[0]
    for part in parts[1:]:
        whole = call("and", [whole, part])
    return whole


def _and_parts(node: exp.Expr) -> list[exp.Expr]:
    inner = node.unnest()
    return [*_and_parts(inner.left), *_and_parts(inner.right)] if isinstance(inner, exp.And) else [inner]


def _subquery(node: exp.Expr) -> tuple[exp.Expr, exp.Expr, bool] | None:
    """Return (predicate, query, negated) when the condition is a subquery predicate."""
    negated = False
    while isinstance(node, exp.Not | exp.Paren):
        negated ^= isinstance(node, exp.Not)
        node = node.this
    if isinstance(node, exp.In) and node.args.get("query") is not None:
        return node, node.args["query"], negated
    if isinstance(node, exp.Exists) and isinstance(node.this, exp.Query):
        return node, node.this, negated
    return None


def _joined(part: exp.Expr, relation: Relation, binder: Binder) -> Plan:
    found = _subquery(part)
    assert found is not None
    node, query, negated = found
    query = query.this if isinstance(query, exp.Subquery) else query
    plan = binder.session.bind_query(query, binder.session, binder.scope).plan
    refuse_stream(plan)
    tested = plan.columns
    plan, correlated = _pulled(plan, frozenset(column.id for column in relation.plan.columns))
    conditions = list(correlated)
    is_in = isinstance(node, exp.In)
    if is_in:
        if negated and correlated:
            message = "NOT IN (SELECT ...) may not refer to the query around it."
            raise StreamError("SQL_UNSUPPORTED", message, hint="Write NOT EXISTS.", at=position_of(node))
        left = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this.unnest()]
        if len(left) != len(tested):
            message = f"IN compares {len(left)} values with a query of {len(tested)} columns."
            name = "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH"
            raise StreamError("SQL_ANALYSIS", message, condition=name, at=position_of(node))
        pairs = zip(left, tested, strict=True)
        equal = [call("equal", [binder.bind(item).expression, column], ansi=binder.ansi) for item, column in pairs]
        conditions = [*equal, *conditions]
    how = JoinType.ANTI if negated else JoinType.SEMI
    condition = all_of(conditions) if conditions else None
    return Join(relation.plan, plan, how, condition, is_in and negated, in_where=True, at=position_of(node))


def _pulled(plan: Plan, outer: frozenset[int]) -> tuple[Plan, list[Expression]]:
    """Return the plan without the conditions that refer to the query around it, and those conditions."""
    if not any(read_columns(node) & outer for node in walk(plan)):
        return plan, []
    if isinstance(plan, Filter):
        child, found = _pulled(plan.child, outer)
        parts = conjuncts(plan.condition)
        inside = [part for part in parts if not references(part) & outer]
        found += [part for part in parts if references(part) & outer]
        return (Filter(child, all_of(inside)) if inside else child), found
    if isinstance(plan, Project) and not read_columns(plan) & outer:
        child, found = _pulled(plan.child, outer)
        given = {column.id for column in plan.columns}
        needed = frozenset().union(*(references(part) for part in found)) - outer - given
        passed = tuple(Alias(column, column) for column in child.columns if column.id in needed)
        return replace(plan, child=child, items=(*plan.items, *passed)), found
    message = "A query inside an expression may refer to the query around it in the conditions of its WHERE only."
    raise StreamError("SQL_UNSUPPORTED", message, hint="Write it as a join.")
