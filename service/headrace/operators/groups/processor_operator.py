"""Room 7: a StatefulProcessor, as Spark's transformWithState.

Takes a batch's rows; gives what the processor gives: first for each key's rows, then for each timer that has expired.
Values whose time to live is over are removed at the end. Source: Spark TransformWithStateExec.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from headrace.errors import StreamError
from headrace.incremental.steps import CallGroups
from headrace.operators.groups.code_operator import CodeOperator
from headrace.operators.groups.collected import Collected
from headrace.operators.groups.deadlines import Deadline, Deadlines
from headrace.operators.groups.handle import Handle
from headrace.operators.groups.records import Records
from headrace.operators.groups.variables import Current, KeyRecord, Variable
from headrace.stateful import ExpiredTimerInfo, StatefulProcessor, TimeMode, TimerValues
from headrace.stateful.group_state import GroupTimes
from headrace.user_code import failed
from headrace.values import EventTime
from headrace_state import StateBatch


class ProcessorOperator(CodeOperator):
    """Makes a processor anew for every batch, as Spark does; keeps one row of state a key."""

    def __init__(self, step: CallGroups) -> None:
        super().__init__(step)
        self._expiries = Deadlines(step.state_tables[2], self._keys)
        processor, handle = self._opened(Current(0))
        processor.close()
        self._variables = tuple(handle.variables)
        self._records = Records(self._code.target, self._variables)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What the processor declared."""
        return self._variables

    @property
    def signature(self) -> dict[str, object]:
        """Names and types of the keys, kinds and types of the variables, and what timers go by."""
        return {
            "operator": self._code.operator,
            "grouping": [key.name for key in self._step.keys],
            "keys": self._keys.signature,
            "variables": {variable.name: variable.kind for variable in self._variables},
            "buffers": self._records.signature,
            "timeout": self._code.time_mode.value,
        }

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved, unless timers go by processing time."""
        return self._code.time_mode is not TimeMode.PROCESSING_TIME and watermark_us > last_us

    def _opened(self, current: Current) -> tuple[StatefulProcessor, Handle]:
        handle = Handle(self._code.target, self._code.time_mode, current)
        try:
            processor: StatefulProcessor = self._code.call()
            processor.init(handle)
        except StreamError:
            raise
        except Exception as error:
            raise failed(self._code.target, error, "init", code=self._code.call) from error
        handle.seal()
        return processor, handle

    def _process(self, rows: pa.Table, times: GroupTimes, collected: Collected, state: StateBatch) -> tuple[int, int]:
        current = Current(times.batch_ms)
        processor, _ = self._opened(current)
        shown = TimerValues() if times.mode is TimeMode.NONE else TimerValues(times.batch_ms, times.watermark_ms or 0)
        try:
            counts = [self._rows(processor, current, self._keyed(rows), (shown, collected), state)] if len(rows) else []
            due_ms = self._due_ms(times)
            if due_ms is not None:
                counts.append(self._expired(processor, current, due_ms, (shown, collected), state))
        finally:
            current.record = None
            processor.close()
        counts.append(self._purge(times.batch_ms, state))
        if times.mode is TimeMode.PROCESSING_TIME:
            self._next_ms = self._timers.first_ms(state)
        return sum(updated for updated, _ in counts), sum(removed for _, removed in counts)

    def _rows(
        self,
        processor: StatefulProcessor,
        current: Current,
        keyed: Any,
        around: tuple[TimerValues, Collected],
        state: StateBatch,
    ) -> tuple[int, int]:
        values, collected = around
        records = self._records.decode(state.get_many(self._step.id, keyed.keys))
        timers = [record.timers for record in records]
        for key, rows, record in zip(self._key_values(keyed.keys), self._groups(keyed), records, strict=True):
            current.record = record
            self._call(processor.handleInputRows, key, collected, rows, values)
        return self._stage(keyed.keys, records, timers, state)

    def _expired(
        self,
        processor: StatefulProcessor,
        current: Current,
        due_ms: int,
        around: tuple[TimerValues, Collected],
        state: StateBatch,
    ) -> tuple[int, int]:
        values, collected = around
        due = self._timers.upto(due_ms, state)
        keys = list(dict.fromkeys(key for _, key in due))
        records = dict(zip(keys, self._records.decode(state.get_many(self._step.id, keys)), strict=True))
        names = dict(zip(keys, self._key_values(keys), strict=True))
        timers = [record.timers for record in records.values()]
        for time_ms, key in due:
            current.record = record = records[key]
            # One that an earlier timer of this batch has deleted rings all the same, as in Spark 4.2.
            self._call(processor.handleExpiredTimer, names[key], collected, values, ExpiredTimerInfo(time_ms))
            record.timers = record.timers - {time_ms}
            record.is_changed = True
        return self._stage(keys, list(records.values()), timers, state)

    def _purge(self, now_ms: int, state: StateBatch) -> tuple[int, int]:
        if all(variable.ttl_ms is None for variable in self._variables):
            return 0, 0
        over = self._expiries.upto(now_ms, state)
        keys = list(dict.fromkeys(key for _, key in over))
        records = self._records.decode(state.get_many(self._step.id, keys))
        kept = [self._records.without_expired(record, now_ms) for record in records]
        self._expiries.change(over, [], state)
        return self._stage(keys, kept, [record.timers for record in records], state)

    def _stage(
        self, keys: list[bytes], records: list[KeyRecord], timers: list[set[int]], state: StateBatch
    ) -> tuple[int, int]:
        """Stage the changed records, and the deadlines they change; `timers` are those of before."""
        puts: list[bytes] = []
        rows: list[KeyRecord] = []
        removed: list[bytes] = []
        gone: list[Deadline] = []
        new: list[Deadline] = []
        expiries: list[Deadline] = []
        for key, record, before in zip(keys, records, timers, strict=True):
            if not record.is_changed:
                continue
            gone += [(time, key) for time in before - record.timers]
            new += [(time, key) for time in record.timers - before]
            if self._records.is_empty(record):
                removed.append(key)
                continue
            puts.append(key)
            rows.append(record)
            first = self._records.first_expiry_ms(record)
            expiries += [] if first is None else [(first, key)]
        state.put_many(self._step.id, puts, self._records.encode(rows))
        state.delete_many(self._step.id, removed)
        self._timers.change(gone, new, state)
        # Entries of before may stay: they lead to a look at the key, which finds out what is over.
        self._expiries.change([], expiries, state)
        return len(puts), len(removed)
