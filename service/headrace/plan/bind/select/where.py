"""Room 3: WHERE, and the queries inside its conditions: IN, NOT IN and EXISTS become semi and anti joins."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_generator
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.nested.correlation import pulled, refuse_correlation
from headrace.plan.bind.nested.subqueries import equal_to, or_unknown, refuse_stream, tested_nodes, without_limit
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.session import Findings, Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.conditions import all_of
from headrace.plan.expressions import Expression, Literal, WindowCall
from headrace.plan.expressions import walk as walk_expression
from headrace.plan.nodes import Filter, Join, JoinType, Plan
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, NULL, STRING
from headrace.values import Position


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
    parts = _and_parts(where.this)
    _refuse_sides(where.this.unnest(), binder)
    for part in parts:
        with findings.collect():
            if _subquery(part) is not None:
                subqueries.append(part)
            else:
                plain.append(condition(part, binder, alone=len(parts) == 1))
    findings.close()
    plan = windows.below(plan)
    if (whole := all_of(plain)) is not None:
        plan = Filter(plan, whole)
    for part in subqueries:
        with findings.collect():
            plan = _joined(part, replace(relation, plan=plan), binder)
    findings.close()
    return replace(relation, plan=plan)


def condition(node: exp.Expr, binder: Binder, *, alone: bool = True) -> Expression:
    """Return a bound condition of WHERE; `alone` is False for one of several with AND between them.

    Raises:
        StreamError: it is not boolean.
    """
    try:
        bound = binder.bind(node)
    except StreamError as error:
        if error.condition == "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS":
            error.condition = _OUTSIDE_SELECT
        raise
    refuse_rows(bound, "WHERE", position_of(node))
    if bound.expression.type == BOOLEAN:
        return bound.expression
    if not alone and bound.expression.type in (STRING, NULL):
        return binder.operator("and", bound.text, Bound(Literal(BOOLEAN, True), "true"), bound).expression
    message = f'The condition "{bound.text}" is a {bound.expression.type.sql()}, not a BOOLEAN.'
    name = "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"
    raise StreamError("SQL_ANALYSIS", message, condition=name, at=position_of(node))


_OUTSIDE_SELECT = "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"


def refuse_rows(bound: Bound, clause: str, at: Position | None) -> None:
    """Raise when WHERE or HAVING hold a window function or one that gives rows.

    Raises:
        StreamError: WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE or UNSUPPORTED_GENERATOR.OUTSIDE_SELECT.
    """
    for part in walk_expression(bound.expression):
        if isinstance(part, WindowCall):
            message = f"A window function may not stand in {clause}."
            hint = "Compute it in a subquery, and filter above."
            condition = "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=at)
        if is_generator(part):
            message = f"A function that gives rows may not stand in {clause}."
            raise StreamError("SQL_ANALYSIS", message, condition=_OUTSIDE_SELECT, at=at)


def _refuse_sides(node: exp.Expr, binder: Binder) -> None:
    """Raise for an AND whose sides are no conditions, by what both of them are.

    Raises:
        StreamError: DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES or …WRONG_TYPE.
    """
    if not isinstance(node, exp.And) or any(_subquery(side) is not None for side in _and_parts(node)):
        return
    left, right = node.left.unnest(), node.right.unnest()
    _refuse_sides(left, binder)
    _refuse_sides(right, binder)
    sides = [Bound(Literal(BOOLEAN, None), "") if isinstance(s, exp.And) else binder.bind(s) for s in (left, right)]
    kinds = {side.expression.type for side in sides}
    if kinds - {BOOLEAN, NULL} and (BOOLEAN not in kinds or kinds - {BOOLEAN, NULL, STRING}):
        same = BOOLEAN not in kinds
        message = f"AND takes two conditions; seen: {node.sql(dialect='spark')}."
        condition = f"DATATYPE_MISMATCH.BINARY_OP_{'WRONG' if same else 'DIFF'}_TYPE{'' if same else 'S'}"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))


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
    """Return the relation's plan with the condition as a semi or anti join, or as a filter where it is none."""
    found = _subquery(part)
    assert found is not None
    node, query, negated = found
    query = query.this if isinstance(query, exp.Subquery) else query
    inside = binder.session.bind_query(query, binder.session, binder.scope).plan
    refuse_stream(inside)
    inside = inside if isinstance(node, exp.In) else without_limit(inside)
    refuse_correlation(inside, streaming=relation.plan.is_streaming, is_scalar=False)
    apart = pulled(inside)
    if apart is None:
        return Filter(relation.plan, condition(part, binder))
    plan, correlated = apart
    conditions = list(correlated)
    null_aware = isinstance(node, exp.In) and negated and not correlated
    if isinstance(node, exp.In):
        pairs = zip(tested_nodes(node, inside.columns), inside.columns, strict=True)
        equal = [equal_to(binder.bind(item), column, binder) for item, column in pairs]
        if negated and correlated:
            equal = [or_unknown(each) for each in equal]
        conditions = [*equal, *conditions]
    how = JoinType.ANTI if negated else JoinType.SEMI
    return Join(relation.plan, plan, how, all_of(conditions), null_aware, in_where=True, at=position_of(node))
