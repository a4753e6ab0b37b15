"""Room 7: a function of (key, rows, state) called once a key, as Spark's flatMapGroupsWithState.

Takes a batch's rows; gives what the function gives. Keys with rows come first, then those whose timeout has passed.
Source: Spark FlatMapGroupsWithStateExec, GroupStateImpl.
"""

from __future__ import annotations

import pyarrow as pa

from headrace.incremental.steps import CallGroups
from headrace.operators.groups.code_operator import CodeBatch, CodeOperator, due_ms, group_spec, in_parts
from headrace.stateful import TimeMode
from headrace.workers.groups.function_calls import FunctionCalls, function_state
from headrace.workers.groups.parts import GroupCalls, Kind


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
    def signature(self) -> dict[str, object]:
        """Names and types of the keys, types of the state, and what timeouts go by; the code may change."""
        return {
            "operator": self._code.operator,
            "grouping": [key.name for key in self._step.keys],
            "keys": self._keys.signature,
            "buffers": self._codec.signature,
            "timeout": self._code.time_mode.value,
        }

    def _process(self, rows: pa.Table, batch: CodeBatch) -> None:
        self._new_rows(rows, batch)
        now_ms = due_ms(batch.times)
        if now_ms is not None:
            for some in in_parts(self._timers.upto(now_ms - 1, batch.state)):
                self._ask(Kind.DUE, self._without_rows([key for _, key in some]), batch)
        if batch.times.mode is TimeMode.PROCESSING_TIME:
            first = self._timers.first_ms(batch.state)
            self._next_ms = None if first is None else first + 1
