"""Room 7: a function of (key, rows, state) called once a key, as Spark's flatMapGroupsWithState.

Takes a batch's rows; gives what the function gives. Keys with rows come first, then in the first batch those that have
an initial state alone, then those whose timeout has passed. Source: Spark FlatMapGroupsWithStateExec, GroupStateImpl.
"""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from headrace.errors import StreamError
from headrace.incremental.steps import CallGroups
from headrace.operators.groups.code_operator import CodeBatch, CodeOperator, due_ms, group_spec, in_parts
from headrace.operators.groups.keyed import ROWS_AT_ONCE
from headrace.stateful import TimeMode
from headrace.types import StructType
from headrace.workers.groups.function_calls import FunctionCalls, function_state
from headrace.workers.groups.parts import GroupCalls, Kind
from headrace_state import StateBatch


class FunctionOperator(CodeOperator):
    """Keeps one row of state a key: the state's columns, whether there is a state, and the timeout in ms.

    Args:
        step: What to do.
        calls: The function; it is called in this process unless given.
    """

    def __init__(self, step: CallGroups, calls: GroupCalls | None = None) -> None:
        super().__init__(
            step, calls or FunctionCalls(group_spec(step), step.code.call), function_state(step.code.state)
        )

    @property
    def _state(self) -> StructType:
        return self._code.state

    def _process(self, rows: pa.Table, batch: CodeBatch) -> None:
        first = [] if batch.initial is None else self._first_states(batch.initial, batch.state)
        called = set(self._new_rows(rows, batch))
        alone = [key for key in first if key not in called]
        for start in range(0, len(alone), ROWS_AT_ONCE):
            self._ask(Kind.ROWS, self._without_rows(alone[start : start + ROWS_AT_ONCE]), batch)
        now_ms = due_ms(batch.times)
        if now_ms is not None:
            for some in in_parts(self._timers.upto(now_ms - 1, batch.state)):
                self._ask(Kind.DUE, self._without_rows([key for _, key in some]), batch)
        if batch.times.mode is TimeMode.PROCESSING_TIME:
            next_ms = self._timers.first_ms(batch.state)
            self._next_ms = None if next_ms is None else next_ms + 1

    def _first_states(self, initial: pa.Table, state: StateBatch) -> list[bytes]:
        """Stage the first state of keys, a row each, and return the keys."""
        width = len(self._step.keys)
        keys = self._keys.encode(initial.select(range(width)))
        if len(set(keys)) < len(keys):
            raise self._repeated(keys)
        exists, timeouts = pa.array([True] * len(keys), pa.bool_()), pa.nulls(len(keys), pa.int64())
        columns = [*initial.columns[width:], exists, timeouts]
        state.put_many(self._step.id, keys, self._codec.encode(pa.table(columns, schema=self._codec.schema)))
        return keys

    def _repeated(self, keys: list[bytes]) -> StreamError:
        key = Counter(keys).most_common(1)[0][0]
        shown = tuple(self._keys.decode([key]).to_pylist()[0].values())
        message = f"{self._code.target}: the initial state has several rows of the key {shown!r}."
        hint = "Make them one in a view, for example with GROUP BY and max_by()."
        return StreamError("SQL_RUNTIME", message, hint=hint)
