"""Room 7: what stateful functions and processors have in common: late rows, grouping, and state of keys at hand.

The code is called elsewhere, by `headrace.workers`; here are the multi-get before a call and the writes after it.
Source: Spark FlatMapGroupsWithStateExec and TransformWithStateExec.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from time import perf_counter

import pyarrow as pa
import pyarrow.compute as pc

from headrace.dataclass import dataclass
from headrace.ddl import ddl_text
from headrace.errors import StreamError
from headrace.incremental.render import column_name
from headrace.incremental.steps import CallGroups
from headrace.operators.groups.deadlines import Deadline, Deadlines
from headrace.operators.groups.generations import StoredRows
from headrace.operators.groups.keyed import ROWS_AT_ONCE, KeyedPart, KeyedRows
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import inner_schema
from headrace.operators.watermark import event_time_us, without_late
from headrace.stateful import TimeMode
from headrace.stateful.group_state import GroupTimes
from headrace.types import Field, StructType
from headrace.values import US_PER_MS, EventTime, iso_millis
from headrace.workers.groups.parts import DUE_SCHEMA, Answered, Asked, GroupCalls, Kind, Mark, keys_table
from headrace.workers.spec import GroupSpec
from headrace_state import KeyCodec, StateBatch


def group_spec(step: CallGroups) -> GroupSpec:
    """Return what a worker must know of a step's code."""
    code = step.code
    return GroupSpec(
        target=code.target,
        is_processor=code.is_processor,
        takes_tables=code.takes_tables,
        keys=tuple(key.name for key in step.keys),
        state=code.state,
        output=StructType(tuple(Field(column.name, column.type) for column in step.output)),
        time_mode=code.time_mode,
    )


@dataclass(slots=True)
class CodeBatch:
    """One batch of an operator: its times, its view of state, what the code gave so far, and rows of state changed.

    `initial` has the first state of keys, in the first batch of a view that has one.
    """

    times: GroupTimes
    state: StateBatch
    initial: pa.Table | None = None
    given: list[pa.Table] = field(default_factory=list)
    updated: int = 0
    removed: int = 0


class CodeOperator:
    """Calls user code by key; `_process` of a subclass says for which keys.

    Args:
        step: What to do.
        calls: The code.
        stored_as: The columns of a row of state.
    """

    def __init__(self, step: CallGroups, calls: GroupCalls, stored_as: StructType) -> None:
        self._step = step
        self._code = step.code
        self._calls = calls
        self._keys = KeyCodec(inner_schema(step.keys))
        self._stored_as = stored_as
        self._codec = StoredRows(stored_as)
        self.older: tuple[StructType, ...] = ()
        self._timers = Deadlines(step.state_tables[1], self._keys)
        self._schema = inner_schema(step.output)
        self._next_ms: int | None = None

    def follow(self, older: Sequence[StructType]) -> None:
        """Read rows of state that were written when a row had other columns, too; oldest first."""
        self.older = tuple(older)
        self._codec = StoredRows(self._stored_as, self.older)

    @property
    def signature(self) -> dict[str, object]:
        """Names and types of the keys, types of the state, and what timers go by; the code may change.

        `state` and `stored` say in DDL what `buffers` is: as its author wrote it, and as it is stored.
        """
        return {
            "operator": self._code.operator,
            "grouping": [key.name for key in self._step.keys],
            "keys": self._keys.signature,
            "buffers": self._codec.signature,
            "state": ddl_text(self._state),
            "stored": ddl_text(self._stored_as),
            "timeout": self._code.time_mode.value,
        }

    @property
    def _state(self) -> StructType:
        """The state as its author wrote it."""
        raise NotImplementedError

    @property
    def next_timer_us(self) -> int | None:
        """The batch time from which on a timeout or timer is due, None when none by processing time is known."""
        return None if self._next_ms is None else self._next_ms * US_PER_MS

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved and timeouts go by it."""
        return self._code.time_mode is TimeMode.EVENT_TIME and watermark_us > last_us

    def run(
        self, rows: pa.Table, at: Thresholds, state: StateBatch, initial: pa.Table | None = None
    ) -> tuple[pa.Table, StateCounts]:
        """Return what the code gives for each key's rows, then for what is due; state is staged.

        Args:
            rows: New ones.
            at: The batch's times.
            state: Read and staged through.
            initial: The first state of keys, keys first; read in the first batch only. Source: Spark
                IncrementalExecution, hasInitialState.
        """
        started = perf_counter()
        on_time = self._on_time(rows, at.late_us)
        batch = CodeBatch(self._times(at), state, initial if state.batch == 0 else None)
        self._process(on_time, batch)
        counts = StateCounts(
            self._step.id,
            "transformWithStateExec" if self._code.is_processor else self._code.operator,
            total=state.count(self._step.id),
            updated=batch.updated,
            removed=batch.removed,
            dropped_late=len(rows) - len(on_time),
            update_s=perf_counter() - started,
        )
        given = pa.concat_tables([self._schema.empty_table(), *batch.given])
        self._check_times(given, at.eviction_us)
        return given, counts

    def _process(self, rows: pa.Table, batch: CodeBatch) -> None:
        """Ask for all that there is to do in a batch."""
        raise NotImplementedError

    def _new_rows(self, rows: pa.Table, batch: CodeBatch) -> list[bytes]:
        """Ask for the keys that have new rows, and return them."""
        if not len(rows):
            return []
        keys = rows.select(self._keys.schema.names)
        visible = rows.rename_columns([column.name for column in self._step.columns])
        keyed = KeyedRows(visible, keys, self._keys)
        for part in keyed.parts():
            self._ask(Kind.ROWS, part, batch)
        return keyed.keys

    def _without_rows(self, keys: list[bytes]) -> KeyedPart:
        schema = pa.schema([pa.field(column.name, column.type.arrow()) for column in self._step.columns])
        return KeyedPart(keys, [0] * len(keys), schema.empty_table())

    def _ask(self, kind: Kind, part: KeyedPart, batch: CodeBatch, due: Sequence[tuple[int, int]] = ()) -> None:
        """Have the code called for some keys, and stage what it did; `due` has timers by time in ms and place."""
        values = batch.state.get_many(self._step.id, part.keys)
        found = [value for value in values if value is not None]
        schema = self._codec.schema
        asked = Asked(
            kind,
            batch.times,
            keys_table(self._keys.decode(part.keys), [value is not None for value in values], part.sizes),
            pa.Table.from_batches([self._codec.decode(found)]) if found else schema.empty_table(),
            part.rows,
            pa.table([[time for time, _ in due], [place for _, place in due]], schema=DUE_SCHEMA),
        )
        answered = self._calls.answer(asked)
        batch.given.append(answered.given.rename_columns(self._schema.names))
        self._stage(part.keys, answered, batch)

    def _stage(self, keys: list[bytes], answered: Answered, batch: CodeBatch) -> None:
        rows = answered.state
        puts = [keys[place] for place in rows.column("place").to_pylist()]
        batch.state.put_many(self._step.id, puts, self._codec.encode(rows.select(range(rows.num_columns - 1))))
        marked: dict[int, list[Deadline]] = {mark: [] for mark in Mark}
        for mark, time_ms, place in zip(*(column.to_pylist() for column in answered.marks.columns), strict=True):
            marked[mark].append((time_ms, keys[place]))
        removed = [key for _, key in marked[Mark.REMOVED]]
        batch.state.delete_many(self._step.id, removed)
        self._timers.change(marked[Mark.GONE], marked[Mark.NEW], batch.state)
        self._stage_expiries(marked[Mark.EXPIRES], batch.state)
        batch.updated += len(puts)
        batch.removed += len(removed)

    def _stage_expiries(self, expiries: list[Deadline], state: StateBatch) -> None:
        """Note when values expire; only a processor's do."""

    def _on_time(self, rows: pa.Table, late_us: EventTime) -> pa.Table:
        column = self._step.event_time
        if self._code.time_mode is not TimeMode.EVENT_TIME or column is None or len(rows) == 0:
            return rows
        return without_late(rows, event_time_us(rows.column(column_name(column))), late_us)

    def _check_times(self, given: pa.Table, watermark_us: EventTime) -> None:
        found = [column for column in self._step.output if column.name.lower() == self._code.event_time]
        if not found or len(given) == 0:
            return
        earliest = pc.min(event_time_us(given.column(column_name(found[0])))).as_py()
        if earliest is not None and earliest < watermark_us:
            message = (
                f"{self._code.target} gave {iso_millis(earliest)} in {found[0].name}, its event time, which is before "
                f"the watermark {iso_millis(watermark_us)}."
            )
            condition = "EMITTING_ROWS_OLDER_THAN_WATERMARK_NOT_ALLOWED"
            raise StreamError("FUNCTION_FAILED", message, hint="Give times at or after it.", condition=condition)

    def _times(self, at: Thresholds) -> GroupTimes:
        watermark = None if self._step.event_time is None else max(0, at.eviction_us) // US_PER_MS
        return GroupTimes(self._code.time_mode, at.batch_time_us // US_PER_MS, watermark)


def due_ms(times: GroupTimes) -> int | None:
    """Return the time by which timeouts and timers are judged, in ms."""
    if times.mode is TimeMode.PROCESSING_TIME:
        return times.batch_ms
    return times.watermark_ms if times.mode is TimeMode.EVENT_TIME else None


def in_parts(found: list[Deadline], at_once: int = ROWS_AT_ONCE) -> Iterator[list[Deadline]]:
    """Yield deadlines in turn, so many at once."""
    for start in range(0, len(found), at_once):
        yield found[start : start + at_once]
