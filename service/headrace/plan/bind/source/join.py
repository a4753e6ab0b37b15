"""Room 3: JOIN in all its forms, with ON, USING and NATURAL."""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import StreamError, did_you_mean
from headrace.plan.bind.call import call, is_generator
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.nested.subqueries import refuse_correlated_value
from headrace.plan.bind.refused.mistaken import IN_JOIN
from headrace.plan.bind.scope import Relation, Scope, Visible
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Alias, Expression, walk
from headrace.plan.nodes import Join, JoinType, Project
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN

_SIDES = {"LEFT": JoinType.LEFT, "RIGHT": JoinType.RIGHT, "FULL": JoinType.FULL}
_TESTS = {"SEMI": JoinType.SEMI, "ANTI": JoinType.ANTI}


def bind_join(node: exp.Join, left: Relation, right: Relation, session: Session, outer: Scope | None) -> Relation:
    """Return the join of what stands before it with one more relation.

    Raises:
        StreamError: a name in ON or USING does not resolve, or the condition is not boolean.
    """
    refuse_unread(node)
    how = _how(node)
    names = _using(node, left, right)
    if names is not None:
        return _joined_using(node, left, right, names, session)
    on = node.args.get("on")
    both = Relation(Join(left.plan, right.plan, JoinType.INNER, None), (*left.visible, *right.visible))
    condition = bind_on(on, both, session, outer) if on is not None else None
    return _visible(Join(left.plan, right.plan, how, condition, at=position_of(node)), left, right)


def _how(node: exp.Join) -> JoinType:
    kind, side = (node.kind or "").upper(), (node.side or "").upper()
    if kind in _TESTS:
        return _TESTS[kind]
    return _SIDES.get(side, JoinType.INNER)


def _using(node: exp.Join, left: Relation, right: Relation) -> list[str] | None:
    if (node.method or "").upper() == "NATURAL":
        theirs = {column.name.lower() for column in right.star()}
        return [column.name for column in left.star() if column.name.lower() in theirs]
    using = node.args.get("using")
    return [item.name for item in using] if using else None


def bind_on(on: exp.Expr, both: Relation, session: Session, outer: Scope | None) -> Expression:
    """Return the condition of a join over the columns of both sides.

    Raises:
        StreamError: JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE, UNSUPPORTED_GENERATOR.OUTSIDE_SELECT, or SQL_UNSUPPORTED for a
            window of time.
    """
    windows = TimeWindows(session.ids)
    try:
        bound = Binder(session, Scope(both, outer=outer, ids=session.ids), windows, refusing=IN_JOIN).bind(on)
    except StreamError as error:
        mistaken = {"UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS": _generator, "_LEGACY_ERROR_TEMP_1039": _window}
        made = mistaken.get(error.condition or "")
        raise (made(on) if made else error) from error.__cause__
    if any(is_generator(part) for part in walk(bound.expression)):
        raise _generator(on)
    refuse_correlated_value(bound.expression, on)
    if windows.used:
        raise _window(on)
    if bound.expression.type != BOOLEAN:
        message = f'The join condition "{bound.text}" is a {bound.expression.type.sql()}, not a BOOLEAN.'
        raise StreamError("SQL_ANALYSIS", message, condition="JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", at=position_of(on))
    return cast_to(bound.expression, BOOLEAN)


def _window(on: exp.Expr) -> StreamError:
    message, condition = "window() may not stand in ON.", "UNRESOLVED_COLUMN.WITH_SUGGESTION"
    hint = "Make the window a column in a subquery on each side, and compare those."
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(on))


def _generator(on: exp.Expr) -> StreamError:
    message = "A function that gives rows may not stand in ON."
    return StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", at=position_of(on))


def _visible(join: Join, left: Relation, right: Relation) -> Relation:
    tests = join.how in (JoinType.SEMI, JoinType.ANTI)
    return Relation(join, left.visible if tests else (*left.visible, *right.visible))


def _joined_using(node: exp.Join, left: Relation, right: Relation, names: list[str], session: Session) -> Relation:
    how = _how(node)
    try:
        pairs = [(_one(left, name, "left"), _one(right, name, "right")) for name in names]
    except StreamError as error:
        error.at = position_of(node)
        raise
    condition: Expression | None = None
    for mine, theirs in pairs:
        equal = call("equal", [mine.column, theirs.column], ansi=session.catalog.settings.ansi)
        condition = equal if condition is None else call("and", [condition, equal])
    join = Join(left.plan, right.plan, how, condition, at=position_of(node))
    if how in (JoinType.SEMI, JoinType.ANTI):
        return _visible(join, left, right)
    merged = {item.column.id for pair in pairs for item in pair}
    rest = [item for item in (*left.visible, *right.visible) if item.column.id not in merged]
    hidden = [Visible(item.column, item.qualifier, hidden=True) for pair in pairs for item in pair]
    if how is not JoinType.FULL:
        keep = 1 if how is JoinType.RIGHT else 0
        shown = [pair[keep] for pair in pairs]
        ids = {item.column.id for item in shown}
        return Relation(join, (*shown, *rest, *(item for item in hidden if item.column.id not in ids)))
    items = []
    for mine, theirs in pairs:
        value = call("coalesce", [mine.column, theirs.column], ansi=session.catalog.settings.ansi)
        items.append(Alias(value, session.ids.column(value.type, mine.column.name)))
    passed = tuple(Alias(column, column) for column in join.columns)
    plan = Project(join, (*items, *passed))
    return Relation(plan, (*(Visible(item.column) for item in items), *rest, *hidden))


def _one(relation: Relation, name: str, side: str) -> Visible:
    found = [item for item in relation.visible if item.answers(None, name.lower())]
    if len(found) == 1:
        return found[0]
    columns = [column.name for column in relation.star()]
    known = ", ".join(columns)
    what = "is ambiguous" if found else "cannot be resolved"
    message = f"USING column `{name}` {what} on the {side} side of the join. Its columns: {known}."
    condition = "AMBIGUOUS_REFERENCE" if found else "UNRESOLVED_USING_COLUMN_FOR_JOIN"
    hint = None if found else did_you_mean(name, columns)
    raise StreamError("SQL_ANALYSIS", message, condition=condition, hint=hint)
