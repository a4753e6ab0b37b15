"""Workers: a function of (key, rows, state) called once a key, as Spark's flatMapGroupsWithState.

Source: Spark FlatMapGroupsWithStateExec, GroupStateImpl.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.dataclass import dataclass
from headrace.stateful import GroupState
from headrace.stateful.group_state import Outcome, outcome_of
from headrace.types import BIGINT, BOOLEAN, Field, StructType
from headrace.user_code import broken
from headrace.workers.groups.code_calls import CodeCalls
from headrace.workers.groups.collected import columns_of
from headrace.workers.groups.parts import Answered, Asked, Changes, Kind, Mark
from headrace.workers.groups.rows import python_rows, row_maker
from headrace.workers.groups.variables import Variable
from headrace.workers.spec import GroupSpec


def function_state(state: StructType) -> StructType:
    """Return the columns of a function's row of state: those of the state, whether there is one, the timeout in ms."""
    fields = [Field(f"v{place}", field.type) for place, field in enumerate(state.fields)]
    return StructType((*fields, Field("exists", BOOLEAN), Field("timeout", BIGINT)))


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row of state: a key whose state was removed may still wait for its timeout."""

    value: tuple[Any, ...] | None = None
    timeout_ms: int | None = None


class FunctionCalls(CodeCalls):
    """Calls a function for keys with new rows, or without any for those whose timeout has passed."""

    def __init__(self, spec: GroupSpec, code: Callable[..., Any]) -> None:
        super().__init__(spec, code)
        self._stored_as = function_state(spec.state)
        self._make_state = row_maker("State", spec.state.names)

    def declared(self) -> tuple[Variable, ...]:
        """Return nothing: the state of a function stands in the file."""
        return ()

    def end(self) -> None:
        """Do nothing."""

    def answer(self, asked: Asked) -> Answered:
        """Call the function once a key."""
        collected = self._collected()
        changes = Changes()
        rows = python_rows(asked.stored)
        stored = [self._read(next(rows)) if has else _Stored() for has in asked.has_state]
        groups = self._groups(asked)
        for place, (key, before, group) in enumerate(zip(self._keys(asked), stored, groups, strict=True)):
            state = GroupState(before.value, asked.times, has_timed_out=asked.kind is Kind.DUE)
            self._call(self._code, key, collected, group, state)
            self._note(place, before, outcome_of(state), changes)
        table = columns_of(self._spec.target, changes.rows, self._stored_as, self._stored_as.arrow_schema())
        return changes.answer(collected.table(self._spec.output.arrow_schema()), table)

    def _read(self, row: tuple[Any, ...]) -> _Stored:
        *value, exists, timeout_ms = row
        return _Stored(self._make_state(value) if exists else None, timeout_ms)

    def _note(self, place: int, before: _Stored, now: Outcome, changes: Changes) -> None:
        if now.timeout_ms != before.timeout_ms:
            if before.timeout_ms is not None:
                changes.mark(Mark.GONE, place, before.timeout_ms)
            if now.timeout_ms is not None:
                changes.mark(Mark.NEW, place, now.timeout_ms)
        if now.is_removed and now.timeout_ms is None:
            changes.mark(Mark.REMOVED, place)
        elif now.is_updated or now.is_removed or now.timeout_ms != before.timeout_ms:
            changes.put(place, self._row(now))

    def _row(self, outcome: Outcome) -> tuple[Any, ...]:
        width = len(self._spec.state.fields)
        if outcome.value is None:
            return (*[None] * width, False, outcome.timeout_ms)
        if len(outcome.value) != width:
            names = ", ".join(self._spec.state.names)
            raise broken(self._spec.target, f"set the state {outcome.value!r}; state_schema has the columns {names}.")
        return (*outcome.value, True, outcome.timeout_ms)
