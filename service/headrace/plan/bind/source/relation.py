"""Room 3: FROM: sources, tables, views, subqueries, VALUES, table functions and the joins between them."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.nested.lateral import (
    has_condition,
    is_left,
    keeps_empty,
    refuse_kind,
    refuse_lateral,
    refuse_outer,
    where_true,
    with_conditions,
    without_from,
)
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.definition import instantiate, read_at
from headrace.plan.bind.source.generate import bind_lateral, bind_table_function
from headrace.plan.bind.source.join import bind_join, bind_on
from headrace.plan.bind.source.pivot import pivoted
from headrace.plan.bind.source.sample import rows_of, sampled
from headrace.plan.bind.source.unpivot import unpivoted
from headrace.plan.bind.source.values import bind_values
from headrace.plan.catalog import table_not_found
from headrace.plan.expressions import Alias
from headrace.plan.nodes import Join, Plan, Project, Values
from headrace.sql.grammar.pivots import COMMA, IMPLIED
from headrace.sql.parse import position_of


def bind_from(tree: exp.Select, session: Session, outer: Scope | None) -> Relation:
    """Return what the FROM clause gives, with its joins and lateral views; one empty row when there is none."""
    from_ = tree.args.get("from_")
    relation = Relation(Values(((),), ()), ()) if from_ is None else _item(from_.this, session, outer)
    relation = _with_joins(relation, tree, session, outer)
    for lateral in tree.args.get("laterals") or []:
        relation = bind_lateral(lateral, relation, session, outer)
    return relation


def bind_item(node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    """Return one relation of FROM under its alias.

    Raises:
        StreamError: TABLE_OR_VIEW_NOT_FOUND, or SQL_UNSUPPORTED for what is no relation.
    """
    refuse_unread(node)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        relation = _item(node.this, session, outer)
        alias = node.args.get("alias")
        return relation if alias is None else renamed(relation.plan, alias, session)
    if isinstance(node, exp.Subquery):
        inner = session.bind_query(node.this, session, outer)
        return renamed(inner.plan, node.args.get("alias"), session)
    if isinstance(node, exp.Values):
        return renamed(bind_values(node, session).plan, node.args.get("alias"), session)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        return renamed(bind_table_function(node.this, session), node.args.get("alias"), session)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        inner = session.bind_query(node.this.this, session, None)
        return renamed(inner.plan, node.args.get("alias"), session)
    if isinstance(node, exp.Lateral):
        return bind_lateral(node, Relation(Values(((),), ()), ()), session, outer)
    if isinstance(node, exp.Table):
        return _table(node, session)
    raise StreamError("SQL_UNSUPPORTED", f"FROM {node.sql(dialect='spark')} is not supported.", at=position_of(node))


def renamed(plan: Plan, alias: exp.Expr | None, session: Session) -> Relation:
    """Return the plan under a table alias, with new column names where the alias lists them.

    Raises:
        StreamError: the list has another length than the relation.
    """
    if alias is None:
        return Relation.of(plan)
    names = [column.name for column in alias.args.get("columns") or []]
    if not names:
        return Relation.of(plan, alias.name)
    if len(names) != len(plan.columns):
        message = f"The alias `{alias.name}` lists {len(names)} columns, the relation has {len(plan.columns)}."
        inline = isinstance(plan, Values)
        condition = "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH" if inline else "ASSIGNMENT_ARITY_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(alias))
    items = tuple(
        Alias(column, session.ids.column(column.type, name)) for name, column in zip(names, plan.columns, strict=True)
    )
    return Relation.of(Project(plan, items), alias.name)


def _item(node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    """Return one item of FROM with its own pivots and joins."""
    relation = _with_pivots(_sampled(node, session, outer), node, session, outer)
    return _with_joins(relation, node, session, outer)


def _sampled(node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    rows = rows_of(node)
    if rows is not None:
        return Relation.of(session.bind_query(rows, session, outer).plan, node.alias_or_name)
    relation = bind_item(node, session, outer)
    sample = node.args.get("sample")
    return relation if sample is None else replace(relation, plan=sampled(relation.plan, sample))


def _with_pivots(relation: Relation, node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    for pivot in node.args.get("pivots") or []:
        change = unpivoted if pivot.args.get("unpivot") else pivoted
        relation = change(relation, pivot, session, outer)
    return relation


def _with_joins(relation: Relation, node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    for join in node.args.get("joins") or []:
        if isinstance(join.this, exp.Lateral):
            relation = _lateral(join, relation, session, outer)
        elif join.meta.get(COMMA):
            relation = bind_join(join, relation, _item(join.this, session, outer), session, outer)
        else:
            _refuse_condition_behind_pivot(join)
            right = _with_joins(_sampled(join.this, session, outer), join.this, session, outer)
            relation = bind_join(join, relation, right, session, outer)
            # To Spark, what stands behind JOIN is pivoted together with what stands before it.
            for pivots in (join.this, join):
                relation = _with_pivots(relation, pivots, session, outer)
    return relation


def _refuse_condition_behind_pivot(join: exp.Join) -> None:
    on = join.args.get("on")
    if join.this.args.get("pivots") and (join.args.get("using") or (on is not None and not on.meta.get(IMPLIED))):
        message = "Syntax error: ON and USING may not stand behind PIVOT and UNPIVOT, which take the whole join."
        hint = "Put the pivoted relation into a subquery."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="PARSE_SYNTAX_ERROR", at=position_of(join))


def _lateral(join: exp.Join, left: Relation, session: Session, outer: Scope | None) -> Relation:
    refuse_kind(join)
    node = join.this
    if not isinstance(node.this, exp.Subquery):
        refuse_outer(join, left.plan)
        if is_left(join) and has_condition(join) and not left.plan.is_streaming:
            row = Relation(Values(((),), ()), ())
            alone = bind_lateral(node, row, session, Scope(left, outer=outer, ids=session.ids))
            return _lateral_join(join, left, alone, session, outer)
        keeps = keeps_empty(join) and not has_condition(join)
        return _on(join, left, bind_lateral(node, left, session, outer, keeps_empty=keeps), session, outer)
    refuse_unread(node)
    inner = session.bind_query(node.this.this, session, Scope(left, ids=session.ids))
    refuse_lateral(left.plan, inner.plan)
    right = renamed(inner.plan, node.args.get("alias"), session)
    made = without_from(join, left, right)
    if made is not None:
        return _on(join, left, made, session, outer)
    bound = bind_join(join, left, right, session, outer)
    assert isinstance(bound.plan, Join)  # a join without USING
    return with_conditions(bound.plan, left, right)


def _lateral_join(join: exp.Join, left: Relation, right: Relation, session: Session, outer: Scope | None) -> Relation:
    bound = bind_join(join, left, right, session, outer)
    assert isinstance(bound.plan, Join)  # a join without USING
    return replace(bound, plan=replace(bound.plan, lateral=True))


def _on(join: exp.Join, left: Relation, made: Relation, session: Session, outer: Scope | None) -> Relation:
    if not has_condition(join):
        return made
    return where_true(join, made, left, bind_on(join.args["on"], made, session, outer), session.ids)


def _table(node: exp.Table, session: Session) -> Relation:
    name = node.name
    cte = session.ctes.get(name.lower()) if not node.db else None
    if cte is not None:
        relation = cte()
        alias = node.args.get("alias")
        return renamed(relation.plan, alias, session) if alias else Relation.of(relation.plan, name)
    entry = None if node.db else session.catalog.entry(name)
    if entry is None:
        shown = ".".join(part.name for part in node.parts)
        error = table_not_found(shown, session.catalog.names)
        error.at = position_of(node)
        raise error
    try:
        plan = read_at(instantiate(entry, session), position_of(node))
    except StreamError as error:
        error.at = error.at or position_of(node)
        raise
    alias = node.args.get("alias")
    return renamed(plan, alias, session) if alias else Relation.of(plan, name)
