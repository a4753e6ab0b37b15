"""Room 3: FROM: sources, tables, views, subqueries, VALUES, table functions and the joins between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.nested.lateral import (
    has_condition,
    refuse_kind,
    refuse_lateral,
    refuse_left,
    with_conditions,
    without_from,
)
from headrace.plan.bind.refused.ordered import refuse_compared_rows
from headrace.plan.bind.scope import Relation, Scope, unresolved_column
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.first_state import first_state
from headrace.plan.bind.source.generate import bind_lateral, bind_table_function
from headrace.plan.bind.source.join import bind_join
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.catalog import (
    DeduplicateRelation,
    Entry,
    EventTime,
    Locate,
    StatefulRelation,
    StreamRelation,
    TableRelation,
    ViewRelation,
    redefined_watermark,
    table_not_found,
)
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Alias, Column
from headrace.plan.nodes import (
    Deduplicate,
    GroupsWithState,
    Join,
    Plan,
    Project,
    StreamScan,
    TableScan,
    Values,
    Watermark,
    walk,
)
from headrace.plan.transform import rewrite_plan
from headrace.sql.coercion import common_types
from headrace.sql.parse import position_of
from headrace.types import NULL, STRING, TIMESTAMP, StructType
from headrace.values import Position

_NAME = re.compile(r"[^\W\d]\w*")


def bind_from(tree: exp.Select, session: Session, outer: Scope | None) -> Relation:
    """Return what the FROM clause gives, with its joins and lateral views; one empty row when there is none."""
    from_ = tree.args.get("from_")
    if from_ is None:
        relation = Relation(Values(((),), ()), ())
    else:
        relation = _with_joins(bind_item(from_.this, session, outer), from_.this, session, outer)
    relation = _with_joins(relation, tree, session, outer)
    for lateral in tree.args.get("laterals") or []:
        relation = bind_lateral(lateral, relation, session, outer)
    return relation


def bind_item(node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    """Return one relation of FROM under its alias.

    Raises:
        StreamError: TABLE_OR_VIEW_NOT_FOUND, or something headrace refuses, such as TABLESAMPLE and PIVOT.
    """
    refuse_unread(node)
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
        raise StreamError("SQL_ANALYSIS", message, condition="ASSIGNMENT_ARITY_MISMATCH", at=position_of(alias))
    items = tuple(
        Alias(column, session.ids.column(column.type, name)) for name, column in zip(names, plan.columns, strict=True)
    )
    return Relation.of(Project(plan, items), alias.name)


def bind_values(tree: exp.Values, session: Session) -> Relation:
    """Return the rows of VALUES with each column cast to its common type; names are col1, col2 and so on.

    Raises:
        StreamError: rows of unequal length or values without a common type.
    """
    windows = TimeWindows(session.ids)
    binder = Binder(session, Scope(Relation(Values(((),), ()), ()), ids=session.ids), windows)
    rows = [
        [binder.bind(item).expression for item in (row.expressions if isinstance(row, exp.Tuple) else [row])]
        for row in tree.expressions
    ]
    if len({len(row) for row in rows}) != 1:
        message = "The rows of VALUES differ in their number of columns."
        condition = "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(tree))
    kinds = []
    for place, column in enumerate(zip(*rows, strict=True), start=1):
        seen = {value.type for value in column} - {NULL}
        kind = common_types([value.type for value in column], session.catalog.settings)
        if kind is None or (STRING in seen and len(seen) > 1):
            message = f"The values of column {place} of VALUES have no common type."
            raise StreamError(
                "SQL_ANALYSIS", message, condition="INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE"
            )
        kinds.append(kind)
    output = tuple(session.ids.column(kind, f"col{place}") for place, kind in enumerate(kinds, start=1))
    typed = tuple(tuple(cast_to(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows)
    return Relation.of(Values(typed, output))


def _with_joins(relation: Relation, node: exp.Expr, session: Session, outer: Scope | None) -> Relation:
    for join in node.args.get("joins") or []:
        if isinstance(join.this, exp.Lateral):
            relation = _lateral(join, relation, session, outer)
        else:
            right = _with_joins(bind_item(join.this, session, outer), join.this, session, outer)
            relation = bind_join(join, relation, right, session, outer)
    return relation


def _lateral(join: exp.Join, left: Relation, session: Session, outer: Scope | None) -> Relation:
    refuse_kind(join)
    node = join.this
    if not isinstance(node.this, exp.Subquery):
        if has_condition(join):
            message = "ON may not stand behind a LATERAL function."
            raise StreamError("SQL_UNSUPPORTED", message, hint="Write the condition in WHERE.", at=position_of(join))
        refuse_left(join)
        return bind_lateral(node, left, session, outer)
    refuse_unread(node)
    inner = session.bind_query(node.this.this, session, Scope(left, ids=session.ids))
    refuse_lateral(left.plan, inner.plan)
    right = renamed(inner.plan, node.args.get("alias"), session)
    alone = without_from(join, left, right)
    if alone is not None:
        return alone
    bound = bind_join(join, left, right, session, outer)
    assert isinstance(bound.plan, Join)  # a join without USING
    return with_conditions(bound.plan, left, right)


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
        plan = _read_at(instantiate(entry, session), position_of(node))
    except StreamError as error:
        error.at = error.at or position_of(node)
        raise
    alias = node.args.get("alias")
    return renamed(plan, alias, session) if alias else Relation.of(plan, name)


def _read_at(plan: Plan, at: Position | None) -> Plan:
    """Return the plan with a place for what the pipeline file makes without SQL: where SQL reads it."""
    if isinstance(plan, Watermark):
        plan = replace(plan, child=_read_at(plan.child, at))
    return replace(plan, at=at) if plan.at is None else plan


def instantiate(entry: Entry, session: Session) -> Plan:
    """Return a plan of its own for one reference to a relation."""
    plan = _defined(entry, session)
    return plan if entry.event_time is None else _watermarked(plan, entry.event_time, entry.definition.name)


def _defined(entry: Entry, session: Session) -> Plan:
    definition = entry.definition
    # A view is bound as its author wrote it: with the relations before it, without the CTEs of who reads it.
    inner = replace(session, catalog=session.catalog.before(entry.place), ctes=MappingProxyType({}))
    match definition:
        case StreamRelation(name=name, schema=schema):
            return StreamScan(name, _columns(schema, session))
        case TableRelation(name=name, schema=schema):
            return TableScan(name, _columns(schema, session))
        case ViewRelation(tree=tree, locate=locate):
            with _located(locate):
                plan = session.bind_query(tree, inner, None).plan
            return rewrite_plan(plan, lambda below: _moved(below, locate))
        case DeduplicateRelation():
            return _deduplicated(definition, inner)
        case StatefulRelation():
            return _with_state(definition, inner)


def _moved(node: Plan, locate: Locate) -> Plan:
    """Return the node with its place in a view's SQL turned into one in the file; inner views have done so before."""
    return node if node.at is None or node.at.file else replace(node, at=locate(node.at))


def _columns(schema: StructType, session: Session) -> tuple[Column, ...]:
    return tuple(session.ids.column(field.type, field.name) for field in schema.fields)


def _deduplicated(definition: DeduplicateRelation, session: Session) -> Plan:
    plan = _input(definition.input, session)
    keys = _named(definition.columns, plan)
    refuse_compared_rows(keys or (() if definition.within_watermark else plan.columns), None)
    return Deduplicate(plan, keys or plan.columns, definition.within_watermark)


def _with_state(definition: StatefulRelation, session: Session) -> Plan:
    plan = _input(definition.input, session)
    names = [column.name for column in plan.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        message = f"`{definition.input}` has several columns `{repeated[0]}`, which Python code could not tell apart."
        hint = "Give them names of their own in a view."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="COLUMN_ALREADY_EXISTS")
    if not plan.is_streaming:
        message = f"`{definition.input}` is a static table; stateful code runs on streams."
        raise StreamError("SQL_UNSUPPORTED", message)
    output, keys = _columns(definition.schema, session), _named(definition.keys, plan)
    initial = None
    if definition.initial_state is not None:
        initial = first_state(_input(definition.initial_state, session), definition, keys, session)
    return GroupsWithState(plan, keys, definition.code, output, definition.name, initial)


def _input(name: str, session: Session) -> Plan:
    entry = session.catalog.entry(name)
    if entry is None:
        raise table_not_found(name, session.catalog.names)
    return instantiate(entry, session)


def _named(names: tuple[str, ...], plan: Plan) -> tuple[Column, ...]:
    keys = []
    for name in names:
        found = [column for column in plan.columns if column.name.lower() == name.lower()]
        if not found:
            known = ", ".join(column.name for column in plan.columns)
            message = f'Cannot resolve column name "{name}" among ({known}).'
            raise StreamError("SQL_ANALYSIS", message, condition="UNRESOLVED_COLUMN_AMONG_FIELD_NAMES")
        keys.extend(found)
    return tuple(keys)


def _watermarked(plan: Plan, event_time: EventTime, name: str) -> Plan:
    written = event_time.column.strip("`")
    found = [column for column in plan.columns if column.name.lower() == written.lower()]
    if not found and "." in written:
        message = f"The event time of a watermark is a column at the top; seen: {event_time.column}."
        raise StreamError("SQL_ANALYSIS", message, condition="EVENT_TIME_MUST_BE_TOP_LEVEL_COLUMN")
    if not found and not _NAME.fullmatch(written):
        message = f"The event time of a watermark is a column's name; seen: {event_time.column!r}."
        raise StreamError("SQL_ANALYSIS", message, condition="PARSE_SYNTAX_ERROR")
    if not found:
        raise unresolved_column([event_time.column], [column.name for column in plan.columns])
    column = found[0]
    kind = column.type
    ends = [field.type for field in kind.fields if field.name == "end"] if isinstance(kind, StructType) else []
    if kind != TIMESTAMP and ends != [TIMESTAMP]:
        message = f'The event time `{column.name}` has the invalid type "{kind.sql()}", but expected "TIMESTAMP".'
        hint = "Convert it in a view, for example with timestamp_millis() or to_timestamp()."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE")
    if any(isinstance(node, Watermark) for node in walk(plan)):
        raise redefined_watermark(name)
    return Watermark(plan, column, event_time.delay_us, event_time.guard, name)


@contextmanager
def _located(locate: Locate) -> Iterator[None]:
    """Move the places of what the block raises from the view's SQL into its file."""
    try:
        yield
    except StreamError as error:
        error.at = locate(error.at) if error.at else None
        raise
    except StreamErrors as several:
        for found in several.errors:
            found.at = locate(found.at) if found.at else None
        raise StreamErrors(several.errors) from None
