"""Room 7: what can be read of a query's state, as values that stand in its checkpoint.

Takes the steps and, for processors, the variables they declared; gives one `StoredState` for each thing that has a
name in Spark's state data source: an operator's rows, a side of a join, a variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from headrace.dataclass import dataclass
from headrace.ddl import ddl_text, parse_schema
from headrace.incremental.steps import (
    AggregateGroups,
    AggregateSessions,
    CallGroups,
    DropDuplicates,
    JoinSide,
    JoinStreams,
    LimitRows,
    StatefulStep,
    Steps,
)
from headrace.plan.expressions import Column
from headrace.stateful import TimeMode
from headrace.types import BIGINT, INT, NULL, DataType, Field, StructType
from headrace.workers.groups.variables import Variable

DEFAULT_STORE = "default"
TIMERS = "$timers"
"""Name of a processor's timers among its variables; Spark asks for them by an option of their own."""

_NONE = StructType(())
_DUMMY = StructType((Field("__dummy__", NULL),))
"""Stands for a struct without fields, as Spark's __dummy__ does; it is always NULL."""


class Layout(Enum):
    """How rows of state lie in their tables."""

    ROWS = "rows"
    KEYS = "keys"
    EXPIRING = "expiring"
    COUNT = "count"
    JOIN = "join"
    FUNCTION = "function"
    VALUE = "value"
    LIST = "list"
    MAP = "map"
    TIMERS = "timers"


@dataclass(frozen=True, slots=True)
class StoredState:
    """Something that can be read.

    Attributes:
        operator_id: Spark's number of the operator; 0 is the last one of the query.
        operator: Spark's name of it.
        step: Name of the step, after which its tables are called.
        name: default, left, right, the name of a variable, or $timers.
        layout: How it is stored.
        keys: The keys under their visible names.
        values: What is stored under a key, under visible names; of a processor all variables as they are stored.
        order: Which key the rows are ordered by.
        other: The columns of the other side of a join.
        shown: The fields of a variable's values, and of a map's keys.
        expires: Whether a variable has a time to live.
        older: The columns of rows of state that were written before the state grew, oldest first.
    """

    operator_id: int
    operator: str
    step: str
    name: str
    layout: Layout
    keys: StructType
    values: StructType
    order: int | None = None
    other: StructType = _NONE
    shown: tuple[StructType, StructType] = (_NONE, _NONE)
    expires: bool = False
    older: tuple[StructType, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """The state tables in which it lies."""
        ends = {Layout.EXPIRING: (".expiry",), Layout.JOIN: (".keys", ".chunks")}.get(self.layout, ("",))
        return tuple(f"{self.step}{end}" for end in ends)

    @property
    def schema(self) -> StructType:
        """The columns that SQL sees, as those of Spark's `statestore` format."""
        key = Field("key", self.keys if self.keys.fields else _DUMMY)
        return StructType((key, *self._value_fields(), Field("partition_id", INT)))

    def _value_fields(self) -> list[Field]:
        shown, shown_keys = self.shown
        living: DataType = shown
        if self.expires:
            living = StructType((Field("value", shown), Field("ttlExpirationMs", BIGINT)))
        match self.layout:
            case Layout.LIST:
                return [Field("list_element", living)]
            case Layout.MAP:
                return [Field("user_map_key", shown_keys), Field("user_map_value", living)]
            case Layout.TIMERS:
                return [Field("expiration_timestamp_ms", BIGINT)]
            case Layout.VALUE:
                return [Field("value", living)]
            case Layout.FUNCTION:
                timeout = Field("timeoutTimestamp", BIGINT)
                return [Field("value", StructType((Field("groupState", self.values), timeout)))]
        return [Field("value", self.values if self.values.fields else _DUMMY)]


def stored_states(steps: Steps, variables: Mapping[str, Sequence[Variable]]) -> tuple[StoredState, ...]:
    """Return everything that can be read of a query.

    Args:
        steps: Of the query.
        variables: What the processors among them declared, by step.
    """
    found: list[StoredState] = []
    for number, step in enumerate(reversed(steps.stateful)):
        found += _of(number, step, variables.get(step.id, ()))
    return tuple(found)


def _of(number: int, step: StatefulStep, variables: Sequence[Variable]) -> list[StoredState]:
    match step:
        case AggregateGroups():
            keys = _fields(step.keys)
            values = StructType(tuple(map(Field, step.state.names, step.state.values)))
            name = "sessionWindowStateStoreSaveExec" if isinstance(step, AggregateSessions) else "stateStoreSave"
            return [StoredState(number, name, step.id, DEFAULT_STORE, Layout.ROWS, keys, values, step.state.event_time)]
        case DropDuplicates():
            return [_deduplicate(number, step)]
        case LimitRows():
            count = StructType((Field("value", BIGINT),))
            no_key = StructType((Field("key", NULL),))
            return [StoredState(number, "globalLimit", step.id, DEFAULT_STORE, Layout.COUNT, no_key, count)]
        case JoinStreams():
            return [_side(number, step, *names) for names in (("left", "right"), ("right", "left"))]
        case CallGroups():
            return _code(number, step, variables)


def _deduplicate(number: int, step: DropDuplicates) -> StoredState:
    keys = _fields(step.keys)
    if step.delay_us is not None:
        expires = StructType((Field("expiresAtMicros", BIGINT),))
        return StoredState(number, "dedupeWithinWatermark", step.id, DEFAULT_STORE, Layout.EXPIRING, keys, expires)
    order = step.keys.index(step.event_time) if step.event_time in step.keys else None
    return StoredState(number, "dedupe", step.id, DEFAULT_STORE, Layout.KEYS, keys, StructType(()), order)


def _side(number: int, step: JoinStreams, name: str, other: str) -> StoredState:
    sides: dict[str, JoinSide] = {"left": step.left, "right": step.right}
    keys = StructType(tuple(Field(f"field{place}", kind) for place, kind in enumerate(sides[name].keys)))
    values, others = _fields(sides[name].columns), _fields(sides[other].columns)
    return StoredState(number, "symmetricHashJoin", step.id, name, Layout.JOIN, keys, values, other=others)


def _code(number: int, step: CallGroups, variables: Sequence[Variable]) -> list[StoredState]:
    keys = _fields(step.keys)
    if not step.code.is_processor:
        name = "flatMapGroupsWithState"
        return [StoredState(number, name, step.id, DEFAULT_STORE, Layout.FUNCTION, keys, step.code.state)]
    values = StructType(tuple(Field(variable.name, variable.stored_as) for variable in variables))
    found = [
        StoredState(
            number,
            "transformWithStateExec",
            step.id,
            variable.name,
            Layout(variable.kind),
            keys,
            values,
            shown=(variable.values, variable.keys),
            expires=variable.ttl_ms is not None,
        )
        for variable in variables
    ]
    if step.code.time_mode is not TimeMode.NONE:
        found.append(StoredState(number, "transformWithStateExec", step.id, TIMERS, Layout.TIMERS, keys, values))
    return found


def _fields(columns: Iterable[Column]) -> StructType:
    return StructType(tuple(Field(column.name, column.type) for column in columns))


def to_json(stored: Iterable[StoredState]) -> list[dict[str, Any]]:
    """Return descriptions as JSON."""
    return [
        {
            "operatorId": each.operator_id,
            "operatorName": each.operator,
            "step": each.step,
            "stateStoreName": each.name,
            "layout": each.layout.value,
            "keys": ddl_text(each.keys),
            "values": ddl_text(each.values),
            "order": each.order,
            "other": ddl_text(each.other),
            "shown": [ddl_text(kind) for kind in each.shown],
            "expires": each.expires,
            "older": [ddl_text(kind) for kind in each.older],
        }
        for each in stored
    ]


def from_json(entries: Iterable[Mapping[str, Any]]) -> tuple[StoredState, ...]:
    """Return the descriptions that `to_json` wrote."""
    return tuple(
        StoredState(
            entry["operatorId"],
            entry["operatorName"],
            entry["step"],
            entry["stateStoreName"],
            Layout(entry["layout"]),
            parse_schema(entry["keys"]),
            parse_schema(entry["values"]),
            entry["order"],
            parse_schema(entry["other"]),
            (parse_schema(entry["shown"][0]), parse_schema(entry["shown"][1])),
            entry["expires"],
            tuple(map(parse_schema, entry.get("older", ()))),
        )
        for entry in entries
    )
