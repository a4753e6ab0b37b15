"""Room 5: the steps of one batch, in the order they run, as frozen values.

A step gives one Arrow table; `inputs` are ids of earlier steps, which its SQL reads as relations of the same names.
Columns inside are called c<column id>; visible names return at the very end. Ids of stateful
steps name their tables in the state.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeAlias

from headrace.dataclass import dataclass
from headrace.plan.expressions import Column
from headrace.plan.group_code import GroupCode
from headrace.plan.nodes import NO_GUARD, JoinType, TimeGuard
from headrace.types import DataType, StructType


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `output` are the columns it gives."""

    id: str
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class ReadSource(Step):
    """The rows of a source in this batch, columns by the source's own names."""

    source: str


@dataclass(frozen=True, slots=True)
class ReadTable(Step):
    """The rows of a static table, columns by the table's own names."""

    table: str


@dataclass(frozen=True, slots=True)
class Stretch(Step):
    """One DuckDB statement over earlier steps; `renames` lists the input's columns when renaming is all it does.

    A static one reads nothing but tables and gives the same rows as long as these are the same.
    """

    sql: str
    inputs: tuple[str, ...]
    renames: tuple[str, ...] | None = None
    is_static: bool = False


@dataclass(frozen=True, slots=True)
class LookUp(Step):
    """The rows of a static step that rows of the batch may meet in a join; all of them where that is less work.

    `hashes` is SQL that gives a hash for each row of `input`, in order, `wanted` SQL over `inputs` that gives those of
    the batch; a null is found by nothing. `names` are what the columns of `input` are called.
    """

    input: str
    names: tuple[str, ...]
    hashes: str
    wanted: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observe(Step):
    """Passes its input on, but for rows too far in the future, and notes the event times in it, for the watermark.

    `shared` is the id under which they are noted: that of the first such step for the same relation.
    """

    input: str
    event_time: Column
    delay_us: int
    shared: str
    guard: TimeGuard = NO_GUARD


@dataclass(frozen=True, slots=True)
class KeyedState:
    """The state table of a stateful step: types of key and value, and which key column is an event time.

    `names` are those under which the values are shown when state is read.
    """

    keys: tuple[DataType, ...]
    values: tuple[DataType, ...]
    event_time: int | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AggregateGroups(Step):
    """Merges a batch's partial aggregates into state and gives groups by the output mode.

    The partial step gives key columns k0.. and buffer columns b0..; `merge` is SQL over columns n0.. (new buffers),
    s0.. (stored ones) and `found`. What is given has the same columns k0.. and b0..; the stretch above finishes them.
    `keys` name the key columns where state is read; `grouping` says in words what each is, for a checkpoint to compare.
    """

    input: str
    state: KeyedState
    merge: str
    keys: tuple[Column, ...]
    mode: str
    functions: tuple[str, ...]
    grouping: tuple[str, ...]

    @property
    def state_tables(self) -> tuple[str, ...]:
        """One table: key to buffers."""
        return (self.id,)


@dataclass(frozen=True, slots=True)
class AggregateSessions(AggregateGroups):
    """Groups of which one key is a session, which grows and merges; `session` is that key's place."""

    session: int

    @classmethod
    def of(cls, groups: AggregateGroups, session: int) -> AggregateSessions:
        """Return the same aggregation with one key taken for a session."""
        parts: dict[str, Any] = {item.name: getattr(groups, item.name) for item in fields(groups)}
        return cls(**parts, session=session)

    @property
    def state_tables(self) -> tuple[str, ...]:
        """Key with session to buffers, and key without session to all its sessions."""
        return (self.id, f"{self.id}.sessions")


@dataclass(frozen=True, slots=True)
class DropDuplicates(Step):
    """Lets the first row of each key pass.

    `event_time` is the input's column with a watermark. With `delay_us` a key is forgotten that long after its first
    row's time; without, when the event time is among the keys and the watermark has reached it.
    """

    input: str
    keys: tuple[Column, ...]
    event_time: Column | None
    delay_us: int | None

    @property
    def state_tables(self) -> tuple[str, ...]:
        """The keys; within the watermark also the keys by expiry."""
        return (self.id,) if self.delay_us is None else (self.id, f"{self.id}.expiry")


@dataclass(frozen=True, slots=True)
class LimitRows(Step):
    """Lets the first rows of the whole stream pass; the count is kept in state."""

    input: str
    count: int

    @property
    def state_tables(self) -> tuple[str, ...]:
        """One table of one row."""
        return (self.id,)


@dataclass(frozen=True, slots=True)
class CallGroups(Step):
    """Calls Python code once a key with the key's new rows, and for timeouts and timers, with state.

    `columns` are those of the input, which the code sees under their visible names; `event_time` is the one among them
    with a watermark. `initial` is a static step that gives the first state of keys, and its columns, keys first.
    """

    input: str
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]
    event_time: Column | None
    code: GroupCode
    initial: tuple[str, tuple[Column, ...]] | None = None

    @property
    def state_tables(self) -> tuple[str, ...]:
        """Key to state, keys by timeout or timer, and of a processor keys by the first expiry of a value."""
        tables = (self.id, f"{self.id}.timers")
        return (*tables, f"{self.id}.ttl") if self.code.is_processor else tables


@dataclass(frozen=True, slots=True)
class JoinSide:
    """One side of a stream join.

    The input gives `columns`, join keys k0.., `passes` (the side's own conditions), `late_us` (its event time, or
    null) and `evict_us`: the row is forgotten once that is at or before the watermark plus `evict_offset_us`.
    """

    input: str
    columns: tuple[Column, ...]
    keys: tuple[DataType, ...]
    evict_offset_us: int | None


@dataclass(frozen=True, slots=True)
class JoinStreams(Step):
    """Joins two streams by equal keys and `condition`, SQL over the columns of both sides."""

    left: JoinSide
    right: JoinSide
    how: JoinType
    condition: str

    @property
    def state_tables(self) -> tuple[str, ...]:
        """The state tables: entries by key, chunks of rows of long ones, and an index by time of each side."""
        return tuple(f"{self.id}.{name}" for name in ("keys", "chunks", "left.times", "right.times"))

    @property
    def lag_us(self) -> int:
        """How far the watermark of the output lies behind that of the input, negative or 0."""
        return min(0, self.left.evict_offset_us or 0, self.right.evict_offset_us or 0)


StatefulStep: TypeAlias = AggregateGroups | DropDuplicates | LimitRows | CallGroups | JoinStreams
"""A step that keeps state, in the tables `state_tables`; the rows of the first are the step's rows of state."""


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps of a query in running order; the last one's table, renamed to `schema`, is the batch's result."""

    steps: tuple[Step, ...]
    schema: StructType
    mode: str
    tables: tuple[str, ...]

    @property
    def result(self) -> Step:
        """The step that gives the batch's result."""
        return self.steps[-1]

    @property
    def stateful(self) -> tuple[StatefulStep, ...]:
        """The steps that keep state, in running order."""
        return tuple(step for step in self.steps if isinstance(step, StatefulStep))

    @property
    def of_first_batch(self) -> frozenset[str]:
        """Ids of the steps that only the first state of keys is made of, and that only the first batch runs."""
        if not any(isinstance(step, CallGroups) and step.initial for step in self.steps):
            return frozenset()
        wanted = {self.result.id}
        for step in reversed(self.steps):  # a step reads earlier ones only
            if step.id in wanted:
                wanted.update(inputs_of(step))
        return frozenset(step.id for step in self.steps if step.id not in wanted)

    @property
    def tables_of_first_batch(self) -> frozenset[str]:
        """Names of the tables that no later batch reads."""
        first = self.of_first_batch
        return frozenset(step.table for step in self.steps if isinstance(step, ReadTable) and step.id in first)

    @property
    def sources(self) -> tuple[ReadSource, ...]:
        """The sources read, in order of appearance."""
        return tuple(step for step in self.steps if isinstance(step, ReadSource))


def inputs_of(step: Step) -> tuple[str, ...]:
    """Return the ids of the steps that a step reads in every batch."""
    match step:
        case Stretch(inputs=inputs):
            return inputs
        case LookUp(input=name, inputs=inputs):
            return (name, *inputs)
        case JoinStreams(left=left, right=right):
            return (left.input, right.input)
        case Observe(input=name) | AggregateGroups(input=name) | DropDuplicates(input=name):
            return (name,)
        case LimitRows(input=name) | CallGroups(input=name):
            return (name,)
    return ()  # sources and tables
