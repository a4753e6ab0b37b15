"""Room 7: a function of (key, rows, state) called once a key, as Spark's flatMapGroupsWithState.

Takes a batch's rows; gives what the function gives. Keys with rows come first, then those whose timeout has passed.
Source: Spark FlatMapGroupsWithStateExec, GroupStateImpl.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headrace.incremental.steps import CallGroups
from headrace.operators.groups.code_operator import CodeOperator
from headrace.operators.groups.collected import Collected, columns_of
from headrace.operators.groups.deadlines import Deadline
from headrace.operators.groups.keyed import python_rows, row_maker
from headrace.stateful import GroupState, TimeMode
from headrace.stateful.group_state import GroupTimes, Outcome, outcome_of
from headrace.types import BIGINT, BOOLEAN, Field, StructType
from headrace.user_code import broken
from headrace_state import RowCodec, StateBatch


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row of state: a key whose state was removed may still wait for its timeout."""

    value: tuple[Any, ...] | None = None
    timeout_ms: int | None = None


class FunctionOperator(CodeOperator):
    """Keeps one row of state a key: the state's columns, whether there is a state, and the timeout in ms."""

    def __init__(self, step: CallGroups) -> None:
        super().__init__(step)
        names = [f"v{place}" for place in range(len(step.code.state.fields))]
        fields = [Field(name, field.type) for name, field in zip(names, step.code.state.fields, strict=True)]
        self._stored_as = StructType((*fields, Field("exists", BOOLEAN), Field("timeout", BIGINT)))
        self._rows = RowCodec(self._stored_as.arrow_schema())
        self._make_state = row_maker("State", step.code.state.names)

    @property
    def signature(self) -> dict[str, object]:
        """Names and types of the keys, types of the state, and what timeouts go by; the code may change."""
        return {
            "operator": self._code.operator,
            "grouping": [key.name for key in self._step.keys],
            "keys": self._keys.signature,
            "buffers": self._rows.signature,
            "timeout": self._code.time_mode.value,
        }

    def _process(self, rows: pa.Table, times: GroupTimes, collected: Collected, state: StateBatch) -> tuple[int, int]:
        updated = removed = 0
        if len(rows):
            keyed = self._keyed(rows)
            updated, removed = self._calls(keyed.keys, list(self._groups(keyed)), times, collected, state)
        due_ms = self._due_ms(times)
        if due_ms is not None:
            keys = [key for _, key in self._timers.upto(due_ms - 1, state)]
            more = self._calls(keys, None, times, collected, state)
            updated, removed = updated + more[0], removed + more[1]
        if times.mode is TimeMode.PROCESSING_TIME:
            first = self._timers.first_ms(state)
            self._next_ms = None if first is None else first + 1
        return updated, removed

    def _calls(
        self,
        keys: list[bytes],
        groups: Sequence[Any] | None,
        times: GroupTimes,
        collected: Collected,
        state: StateBatch,
    ) -> tuple[int, int]:
        """Call the function for each key, with its rows, or without any for a timeout; stage what came of it."""
        stored = self._stored(state.get_many(self._step.id, keys))
        outcomes = []
        for place, key in enumerate(self._key_values(keys)):
            group = GroupState(stored[place].value, times, has_timed_out=groups is None)
            rows = self._no_rows() if groups is None else groups[place]
            self._call(self._code.call, key, collected, rows, group)
            outcomes.append(outcome_of(group))
        return self._stage(keys, stored, outcomes, state)

    def _stored(self, values: list[bytes | None]) -> list[_Stored]:
        found = [value for value in values if value is not None]
        rows = python_rows(self._rows.decode(found)) if found else iter(())
        return [_Stored() if value is None else self._read(next(rows)) for value in values]

    def _read(self, row: tuple[Any, ...]) -> _Stored:
        *value, exists, timeout_ms = row
        return _Stored(self._make_state(value) if exists else None, timeout_ms)

    def _stage(
        self, keys: list[bytes], stored: list[_Stored], outcomes: list[Outcome], state: StateBatch
    ) -> tuple[int, int]:
        puts: list[bytes] = []
        rows: list[tuple[Any, ...]] = []
        removed: list[bytes] = []
        gone: list[Deadline] = []
        new: list[Deadline] = []
        for key, old, now in zip(keys, stored, outcomes, strict=True):
            if now.timeout_ms != old.timeout_ms:
                gone += [] if old.timeout_ms is None else [(old.timeout_ms, key)]
                new += [] if now.timeout_ms is None else [(now.timeout_ms, key)]
            if now.is_removed and now.timeout_ms is None:
                removed.append(key)
            elif now.is_updated or now.is_removed or now.timeout_ms != old.timeout_ms:
                puts.append(key)
                rows.append(self._row(now))
        table = columns_of(self._code.target, rows, self._stored_as, self._rows.schema)
        state.put_many(self._step.id, puts, self._rows.encode(table))
        state.delete_many(self._step.id, removed)
        self._timers.change(gone, new, state)
        return len(puts), len(removed)

    def _row(self, outcome: Outcome) -> tuple[Any, ...]:
        width = len(self._code.state.fields)
        if outcome.value is None:
            return (*[None] * width, False, outcome.timeout_ms)
        if len(outcome.value) != width:
            names = ", ".join(self._code.state.names)
            raise broken(self._code.target, f"set the state {outcome.value!r}; state_schema has the columns {names}.")
        return (*outcome.value, True, outcome.timeout_ms)
