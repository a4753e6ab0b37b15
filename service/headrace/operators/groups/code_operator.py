"""Room 7: what stateful functions and processors have in common: late rows, grouping, and calling user code.

Source: Spark FlatMapGroupsWithStateExec and TransformWithStateExec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import StreamError
from headrace.incremental.render import column_name
from headrace.incremental.steps import CallGroups
from headrace.operators.groups.collected import Collected
from headrace.operators.groups.deadlines import Deadlines
from headrace.operators.groups.keyed import KeyedRows, python_rows, row_maker
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import inner_schema
from headrace.operators.watermark import event_time_us
from headrace.stateful import TimeMode
from headrace.stateful.group_state import GroupTimes
from headrace.types import Field, StructType
from headrace.user_code import failed
from headrace.values import US_PER_MS, EventTime, iso_millis
from headrace_state import KeyCodec, StateBatch

_ERROR_CONDITION = "TRANSFORM_WITH_STATE_USER_FUNCTION_ERROR"


class CodeOperator:
    """Calls user code by key; `_process` of a subclass does the calls and stages their state."""

    def __init__(self, step: CallGroups) -> None:
        self._step = step
        self._code = step.code
        self._keys = KeyCodec(inner_schema(step.keys))
        self._make_key = row_maker("Key", [key.name for key in step.keys])
        self._timers = Deadlines(step.state_tables[1], self._keys)
        self._given = StructType(tuple(Field(column.name, column.type) for column in step.output))
        self._next_ms: int | None = None

    @property
    def next_timer_us(self) -> int | None:
        """The batch time from which on a timeout or timer is due, None when none by processing time is known."""
        return None if self._next_ms is None else self._next_ms * US_PER_MS

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved and timeouts go by it."""
        return self._code.time_mode is TimeMode.EVENT_TIME and watermark_us > last_us

    def run(self, rows: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return what the code gives for each key's rows, then for what is due; state is staged."""
        started = perf_counter()
        on_time = self._on_time(rows, at.late_us)
        collected = Collected(self._code.target, self._given, takes_tables=self._code.takes_tables)
        updated, removed = self._process(on_time, self._times(at), collected, state)
        counts = StateCounts(
            self._step.id,
            "transformWithStateExec" if self._code.is_processor else self._code.operator,
            total=state.count(self._step.id),
            updated=updated,
            removed=removed,
            dropped_late=len(rows) - len(on_time),
            update_s=perf_counter() - started,
        )
        given = collected.table(inner_schema(self._step.output))
        self._check_times(given, at.eviction_us)
        return given, counts

    def _process(self, rows: pa.Table, times: GroupTimes, collected: Collected, state: StateBatch) -> tuple[int, int]:
        """Do the calls; return how many rows of state were updated and removed."""
        raise NotImplementedError

    def _on_time(self, rows: pa.Table, late_us: EventTime) -> pa.Table:
        column = self._step.event_time
        if self._code.time_mode is not TimeMode.EVENT_TIME or column is None or len(rows) == 0:
            return rows
        times = event_time_us(rows.column(column_name(column)))
        return rows.filter(pc.fill_null(pc.greater(times, late_us), True))

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

    def _due_ms(self, times: GroupTimes) -> int | None:
        """The time by which timeouts are judged, in ms."""
        if times.mode is TimeMode.PROCESSING_TIME:
            return times.batch_ms
        return times.watermark_ms if times.mode is TimeMode.EVENT_TIME else None

    def _keyed(self, rows: pa.Table) -> KeyedRows:
        keys = rows.select(self._keys.schema.names)
        return KeyedRows(rows.rename_columns([column.name for column in self._step.columns]), keys, self._keys)

    def _key_values(self, keys: list[bytes]) -> list[tuple[Any, ...]]:
        return [self._make_key(key) for key in python_rows(self._keys.decode(keys))] if keys else []

    def _groups(self, keyed: KeyedRows) -> Iterator[Any]:
        return keyed.tables() if self._code.takes_tables else keyed.iterators()

    def _no_rows(self) -> Any:
        if not self._code.takes_tables:
            return iter(())
        return pa.schema([pa.field(c.name, c.type.arrow()) for c in self._step.columns]).empty_table()

    def _call(self, code: Callable[..., Any], key: tuple[Any, ...], collected: Collected, *args: Any) -> None:
        try:
            collected.add(code(key, *args))
        except StreamError:
            raise
        except Exception as error:
            condition = _ERROR_CONDITION if self._code.is_processor else None
            shown = f"the key {tuple(key)!r}"
            raise failed(self._code.target, error, shown, code=self._code.call, condition=condition) from error
