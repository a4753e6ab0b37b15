"""Workers: what an operator asks of stateful code for some keys of a batch, and what it is answered.

Both are Arrow tables, so that they cross to another process as they are. Keys are named by their place in a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Any, Protocol

import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.stateful.group_state import GroupTimes
from headrace.workers.groups.variables import Variable

DUE_SCHEMA = pa.schema([("time", pa.int64()), ("place", pa.int64())])
"""Timers that ring: when they were to, in ms, and the place of their key; in the order in which they ring."""

MARK_SCHEMA = pa.schema([("mark", pa.int8()), ("time", pa.int64()), ("place", pa.int64())])
"""Changes that are no rows of state."""


class Kind(Enum):
    """Why code is called for keys: new rows, an initial state, or what is due; for what has expired it is not."""

    INITIAL = "initial"
    ROWS = "rows"
    DUE = "due"
    EXPIRED = "expired"


class Mark(IntEnum):
    """What became of a key: its state is removed; a deadline is gone, or new; a value expires at a time."""

    REMOVED = 0
    GONE = 1
    NEW = 2
    EXPIRES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Some keys of a batch.

    Attributes:
        kind: Why.
        times: The batch's.
        keys: One row a key: the key columns, then whether there is state, then how many rows it has.
        stored: The rows of state of the keys that have some, in their order.
        rows: The new rows, or those of the initial state, each key's together, in the order of the keys.
        due: Timers, see DUE_SCHEMA.
    """

    kind: Kind
    times: GroupTimes
    keys: pa.Table
    stored: pa.Table
    rows: pa.Table
    due: pa.Table

    @property
    def has_state(self) -> list[bool]:
        """Whether each key has state."""
        found: list[bool] = self.keys.column(self.keys.num_columns - 2).to_pylist()
        return found

    @property
    def sizes(self) -> list[int]:
        """The number of new rows of each key."""
        found: list[int] = self.keys.column(self.keys.num_columns - 1).to_pylist()
        return found

    @property
    def key_columns(self) -> pa.Table:
        """The keys alone."""
        return self.keys.select(range(self.keys.num_columns - 2))


def keys_table(keys: pa.Table | pa.RecordBatch, has_state: Sequence[bool], sizes: Sequence[int]) -> pa.Table:
    """Return the `keys` of what is asked."""
    columns = [*keys.columns, pa.array(has_state, pa.bool_()), pa.array(sizes, pa.int64())]
    return pa.table(columns, names=[*keys.schema.names, "has_state", "size"])


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it.

    Attributes:
        given: The rows that the code gave.
        state: New rows of state, then the place of the key as the last column.
        marks: See MARK_SCHEMA.
    """

    given: pa.Table
    state: pa.Table
    marks: pa.Table


class Changes:
    """Collects what calls did to state and deadlines."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.rows: list[Any] = []
        self._marks: list[tuple[Mark, int | None, int]] = []

    def put(self, place: int, row: Any) -> None:
        """A key has a new row of state."""
        self.places.append(place)
        self.rows.append(row)

    def mark(self, mark: Mark, place: int, time_ms: int | None = None) -> None:
        """Something else became of a key."""
        self._marks.append((mark, time_ms, place))

    def answer(self, given: pa.Table, state: pa.Table) -> Answered:
        """Return it all; `state` has a row for each put."""
        columns = list(zip(*self._marks, strict=True)) or [(), (), ()]
        marks = pa.table([pa.array(column, each.type) for column, each in zip(columns, MARK_SCHEMA, strict=True)],
                         schema=MARK_SCHEMA)  # fmt: skip
        return Answered(given, state.append_column("place", pa.array(self.places, pa.int64())), marks)


class GroupCalls(Protocol):
    """Stateful code that can be called, in this process or in another one."""

    def declared(self) -> tuple[Variable, ...]:
        """Return the state variables of a processor, none for a function."""
        ...

    def answer(self, asked: Asked) -> Answered:
        """Call the code for some keys."""
        ...

    def end(self) -> None:
        """Tell a processor that the batch is over."""
        ...
