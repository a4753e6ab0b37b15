"""Room 3, rule: nodes give only the columns that something above reads.

What a source decodes and what a join keeps in state follow from it. Source: Spark ColumnPruning.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.plan.event_time import event_time_columns
from headrace.plan.expressions import Alias, Column
from headrace.plan.nodes import (
    Aggregate,
    Deduplicate,
    Expand,
    GroupsWithState,
    Join,
    Plan,
    Project,
    Recursion,
    SetOperation,
    StreamScan,
    TableScan,
    Union,
)
from headrace.plan.transform import free_columns, map_inputs, read_columns
from headrace.types import ArrayType, MapType, StructType

_Ids = frozenset[int]


def apply(plan: Plan) -> Plan:
    """Return the plan that gives the same columns and reads no others than it needs."""
    return _prune(plan, _ids(plan.columns))


def _ids(columns: tuple[Column, ...]) -> _Ids:
    return frozenset(column.id for column in columns)


def _prune(plan: Plan, needed: _Ids) -> Plan:
    """Return the plan giving at least the needed columns, in their old order, with what it does not need left out."""
    match plan:
        case StreamScan() | TableScan():
            return replace(plan, output=_kept(plan.output, needed))
        case Project():
            plan = replace(plan, items=_kept_items(plan.items, needed))
        case Aggregate():
            plan = replace(plan, aggregates=_kept_aggregates(plan, needed))
        case Expand():
            return _expand(plan, needed)
        case Union():
            return _union(plan, needed)
        case SetOperation() | GroupsWithState() | Recursion():
            return map_inputs(plan, apply)
        case Deduplicate():
            wanted = needed | read_columns(plan)
            if plan.within_watermark:
                wanted |= event_time_columns(plan.child)
            return replace(plan, child=_narrow(plan.child, wanted))
        case Join():
            wanted = needed | read_columns(plan) | free_columns(plan.right).keys()
            return replace(plan, left=_narrow(plan.left, wanted), right=_narrow(plan.right, wanted))
    below = read_columns(plan) | (needed if not isinstance(plan, Project | Aggregate) else frozenset())
    return map_inputs(plan, lambda child: _prune(child, below))


def _kept(columns: tuple[Column, ...], needed: _Ids) -> tuple[Column, ...]:
    # A batch carries its number of rows in its columns, so one stays: the cheapest to decode.
    kept = tuple(column for column in columns if column.id in needed)
    return kept or tuple(sorted(columns, key=_cost)[:1])


def _cost(column: Column) -> tuple[bool, bool]:
    nested = isinstance(column.type, ArrayType | MapType | StructType)
    return (nested, column.type.sql() in ("STRING", "BINARY"))


def _kept_items(items: tuple[Alias, ...], needed: _Ids) -> tuple[Alias, ...]:
    return tuple(item for item in items if item.column.id in needed) or items[:1]


def _kept_aggregates(plan: Aggregate, needed: _Ids) -> tuple[Alias, ...]:
    kept = tuple(item for item in plan.aggregates if item.column.id in needed)
    return kept if kept or plan.keys else plan.aggregates[:1]


def _expand(plan: Expand, needed: _Ids) -> Plan:
    places = [place for place, column in enumerate(plan.output) if column.id in needed] or [0]
    plan = replace(
        plan,
        output=tuple(plan.output[place] for place in places),
        projections=tuple(tuple(row[place] for place in places) for row in plan.projections),
    )
    return replace(plan, child=_prune(plan.child, read_columns(plan)))


def _union(plan: Union, needed: _Ids) -> Plan:
    places = [place for place, column in enumerate(plan.output) if column.id in needed] or [0]
    children = []
    for child in plan.children:
        wanted = tuple(child.columns[place] for place in places)
        children.append(_exactly(_prune(child, _ids(wanted)), wanted))
    return replace(plan, children=tuple(children), output=tuple(plan.output[place] for place in places))


def _narrow(child: Plan, wanted: _Ids) -> Plan:
    """Return the input of a stateful node without the columns that only nodes below it read.

    A join would keep them in state. An event-time column that goes so makes no row late here, as in Spark, whose
    deduplication within the watermark is the one operator that holds on to it (DeduplicateWithinWatermark.references).
    """
    columns = tuple(column for column in child.columns if column.id in wanted) or child.columns[:1]
    return _exactly(_prune(child, _ids(columns)), columns)


def _exactly(plan: Plan, columns: tuple[Column, ...]) -> Plan:
    if plan.columns == columns:
        return plan
    return Project(plan, tuple(Alias(column, column) for column in columns))
