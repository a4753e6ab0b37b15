"""Room 3: walking and rebuilding plans.

Takes a plan and a function, gives the plan with that function applied to its inputs or to its expressions; nodes that
do not change are given back as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from headrace.plan.expressions import Alias, Column, Expression, field_names, references, substitute, walk
from headrace.plan.nodes import Plan, SortKey

P = TypeVar("P", bound=Plan)

# Fields that name what a node gives, or a column it passes on; they are never rewritten as expressions.
_NAMES = frozenset({"output", "window", "event_time"})


def map_inputs(plan: P, change: Callable[[Plan], Plan]) -> P:
    """Return the node with `change` applied to each direct input."""
    return _rebuilt(plan, lambda value: change(value) if isinstance(value, Plan) else value)


def map_expressions(plan: P, change: Callable[[Expression], Expression]) -> P:
    """Return the node with `change` applied to each whole expression it evaluates; inputs stay."""

    def changed(value: Any) -> Any:
        if isinstance(value, Expression):
            return change(value)
        if isinstance(value, Alias | SortKey):
            child = change(value.child)
            return value if child is value.child else replace(value, child=child)
        return value

    return _rebuilt(plan, changed, skip=_NAMES)


def expressions_of(plan: Plan) -> Iterator[Expression]:
    """Yield each whole expression that the node itself evaluates, in order."""
    for name in field_names(plan):
        if name not in _NAMES:
            yield from _expressions_in(getattr(plan, name))


def read_columns(plan: Plan) -> frozenset[int]:
    """Return the ids of the columns that the node itself evaluates or names."""
    ids = frozenset().union(*(references(expression) for expression in expressions_of(plan)))
    event_time = getattr(plan, "event_time", None)
    return ids | {event_time.id} if isinstance(event_time, Column) else ids


def free_columns(plan: Plan) -> dict[int, Column]:
    """Return the columns, by id, that a plan reads and no node of it gives: those of the query around it."""
    free: dict[int, Column] = {}
    for node in plan.inputs:
        free |= free_columns(node)
    for expression in expressions_of(plan):
        read = references(expression)
        free |= {e.id: e for e in walk(expression) if isinstance(e, Column) and e.id in read}
    given = {column.id for node in plan.inputs for column in node.columns}
    return {id_: column for id_, column in free.items() if id_ not in given}


def substitute_columns(plan: P, by_id: dict[int, Expression]) -> P:
    """Return the node with the columns it reads replaced."""
    return map_expressions(plan, lambda expression: substitute(expression, by_id))


def rewrite_plan(plan: Plan, rule: Callable[[Plan], Plan]) -> Plan:
    """Return the plan with the rule applied to every node, inputs first."""
    return rule(map_inputs(plan, lambda node: rewrite_plan(node, rule)))


def _expressions_in(value: Any) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Alias | SortKey):
        yield value.child
    elif isinstance(value, tuple):
        for part in value:
            yield from _expressions_in(part)


def _rebuilt(plan: P, change: Callable[[Any], Any], skip: frozenset[str] = frozenset()) -> P:
    changes = {}
    for name in field_names(plan):
        if name not in skip:
            old = getattr(plan, name)
            new = _changed(old, change)
            if new is not old:
                changes[name] = new
    return replace(plan, **changes) if changes else plan


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, tuple):
        parts = tuple(_changed(part, change) for part in value)
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    return change(value)
