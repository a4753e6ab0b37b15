"""Room 3: the first state of keys that a stateful view starts with.

Takes a static relation and the keys of the view's input; gives its key columns, then what the code sees of it: of a
function the columns of its state, of a processor every column.
"""

from __future__ import annotations

from headrace.errors import StreamError, did_you_mean
from headrace.plan.bind.session import Session
from headrace.plan.catalog import StatefulRelation
from headrace.plan.expressions import Alias, Column
from headrace.plan.nodes import Plan, Project, Watermark, walk
from headrace.types import Field


def first_state(plan: Plan, definition: StatefulRelation, keys: tuple[Column, ...], session: Session) -> Plan:
    """Return the first state of keys.

    Args:
        plan: The relation that `initial_state` names.
        definition: The stateful view.
        keys: Those of its input.
        session: Gives ids.

    Raises:
        StreamError: the relation is a stream or has a watermark, has no such columns, or has them of other types.
    """
    name = definition.initial_state or ""
    if plan.is_streaming:
        message = f"The initial state `{name}` of `{definition.name}` is a stream; it must be made of static tables."
        raise StreamError("SQL_UNSUPPORTED", message)
    if any(isinstance(node, Watermark) for node in walk(plan)):
        message = f"The initial state `{name}` of `{definition.name}` has a watermark, which no table needs."
        raise StreamError("SQL_UNSUPPORTED", message)
    shown = f"The initial state of `{definition.name}`, `{name}`,"
    wanted = [_column(plan, shown, key, "the key") for key in keys]
    if definition.code.is_processor:
        wanted += _told_apart(plan, name)
    else:
        fields = definition.code.state.fields
        wanted += [_column(plan, shown, field, "the state's column") for field in fields]
    return Project(plan, tuple(Alias(column, session.ids.column(column.type, column.name)) for column in wanted))


def _column(plan: Plan, shown: str, like: Column | Field, role: str) -> Column:
    found = [column for column in plan.columns if column.name.lower() == like.name.lower()]
    if len(found) != 1:
        message = f"{shown} must have {role} `{like.name}` once; it has {len(found) or 'none'}."
        hint = did_you_mean(like.name, [column.name for column in plan.columns])
        raise StreamError("SQL_ANALYSIS", message, hint=hint or None, condition="UNRESOLVED_COLUMN_AMONG_FIELD_NAMES")
    if found[0].type != like.type:
        message = f"{shown} has {role} `{like.name}` as {found[0].type.sql()}; it is {like.type.sql()}."
        raise StreamError("SQL_ANALYSIS", message, hint="Cast it in a view.", condition="DATATYPE_MISMATCH")
    return found[0]


def _told_apart(plan: Plan, relation: str) -> tuple[Column, ...]:
    names = [column.name for column in plan.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        message = f"`{relation}` has several columns `{repeated[0]}`, which Python code could not tell apart."
        hint = "Give them names of their own in a view."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="COLUMN_ALREADY_EXISTS")
    return plan.columns
