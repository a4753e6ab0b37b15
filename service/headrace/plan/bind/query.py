"""Room 3: binds a whole query: WITH, SELECT, set operations, VALUES, and brackets around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.expression.function.routines import missing_routine
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.hints import hinted
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.select.order import order_output
from headrace.plan.bind.select.select import bind_select
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.recursion import bind_recursive, reads_itself
from headrace.plan.bind.source.relation import renamed
from headrace.plan.bind.source.set_operation import bind_set_operation
from headrace.plan.bind.source.values import bind_values
from headrace.plan.catalog import Catalog
from headrace.plan.nodes import Plan
from headrace.sql.grammar.recursions import LEVELS
from headrace.sql.parse import position_of
from headrace.types import TIME


def bind(tree: exp.Expr, catalog: Catalog) -> Plan:
    """Return the typed plan of a query.

    Raises:
        StreamErrors: every independent finding, each with Spark's condition and its place in the SQL.
    """
    try:
        plan = bind_query(tree, Session(catalog, bind_query), None).plan
        if plan.is_streaming and any(column.type == TIME for column in plan.columns):
            message = "The data type TIME is not supported as a column of a stream's result."
            raise StreamError("SQL_UNSUPPORTED", message, hint="Cast it to a text.", condition="UNSUPPORTED_TIME_TYPE")
        return plan
    except StreamError as error:
        raise StreamErrors(_told(tree, catalog, [error])) from error
    except StreamErrors as errors:
        raise StreamErrors(_told(tree, catalog, errors.errors)) from errors


def _told(tree: exp.Expr, catalog: Catalog, errors: Sequence[StreamError]) -> list[StreamError]:
    """Return the errors with a function that is missing first, as Spark finds that first."""
    missing = missing_routine(tree, catalog, errors[0])
    same = missing is not None and any((e.condition, e.at) == (missing.condition, missing.at) for e in errors)
    found = [*errors] if missing is None else sorted(errors, key=lambda e: e.condition != missing.condition)
    return [hinted(error) for error in (found if missing is None or same else [missing, *errors])]


def bind_query(tree: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    """Return the relation that a query is; `outer` is the scope of the query around it, for correlated subqueries.

    Raises:
        StreamError: one thing that does not resolve.
        StreamErrors: several.
    """
    refuse_unread(tree)
    session = _with_ctes(tree, session)
    if isinstance(tree, exp.Subquery) and not tree.args.get("joins"):
        inner = bind_query(tree.this, session, outer)
        return Relation.of(order_output(tree, inner, session))
    if isinstance(tree, exp.Select):
        return bind_select(tree, session, outer)
    if isinstance(tree, exp.SetOperation):
        return Relation.of(order_output(tree, bind_set_operation(tree, session, outer), session))
    if isinstance(tree, exp.Values):
        named = renamed(bind_values(tree, session).plan, tree.args.get("alias"), session)
        return Relation.of(order_output(tree, named, session))
    if isinstance(tree, exp.Table):
        star = exp.select("*").from_(tree)
        return bind_select(star, session, outer)
    message = f"Only queries can be run; seen: {tree.sql(dialect='spark')}."
    raise StreamError("SQL_UNSUPPORTED", message, at=position_of(tree))


def _with_ctes(tree: exp.Expr, session: Session) -> Session:
    with_ = tree.args.get("with_")
    if with_ is None:
        return session
    refuse_unread(with_)
    names = [cte.alias.lower() for cte in with_.expressions]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        message = f"WITH defines `{repeated}` twice."
        raise StreamError("SQL_SYNTAX", message, condition="DUPLICATED_CTE_NAMES", at=position_of(with_))
    for cte in with_.expressions:
        recursive = bool(with_.args.get("recursive")) and reads_itself(cte)
        bound = _recursive(cte, session) if recursive else _cte(cte, session)
        named = {**session.ctes, cte.alias.lower(): bound}
        session = replace(session, ctes=MappingProxyType(named))
    return session


def _recursive(cte: exp.CTE, session: Session) -> Callable[[], Relation]:
    return lambda: bind_recursive(cte, session, cte.meta.get(LEVELS))


def _cte(cte: exp.CTE, session: Session) -> Callable[[], Relation]:
    def bound() -> Relation:
        relation = bind_query(cte.this, session, None)
        return renamed(relation.plan, cte.args["alias"], session)

    return bound
