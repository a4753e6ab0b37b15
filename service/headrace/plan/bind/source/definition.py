"""Room 3: a relation of the pipeline file or of a session, where SQL reads it: source, table, view, or Python code.

Takes an entry of the catalog; gives a plan of its own for one reference, under the watermark that the file gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.refused.ordered import refuse_compared_rows
from headrace.plan.bind.scope import unresolved_column
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.first_state import first_state
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
from headrace.plan.expressions import Column
from headrace.plan.nodes import Deduplicate, GroupsWithState, Plan, StreamScan, TableScan, Watermark, walk
from headrace.plan.transform import rewrite_plan
from headrace.types import TIMESTAMP, StructType
from headrace.values import Position

_NAME = re.compile(r"[^\W\d]\w*")


def read_at(plan: Plan, at: Position | None) -> Plan:
    """Return the plan with a place for what the pipeline file makes without SQL: where SQL reads it."""
    if isinstance(plan, Watermark):
        plan = replace(plan, child=read_at(plan.child, at))
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
