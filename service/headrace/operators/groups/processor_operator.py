"""Room 7: a StatefulProcessor, as Spark's transformWithState.

Takes a batch's rows; gives what the processor gives: first for each key's rows, then for each timer that has expired.
In the first batch an initial state comes before. Values whose time to live is over are removed at the end.
Source: Spark TransformWithStateExec.
"""

from __future__ import annotations

import pyarrow as pa

from headrace.incremental.steps import CallGroups
from headrace.operators.groups.code_operator import CodeBatch, CodeOperator, due_ms, group_spec, in_parts
from headrace.operators.groups.deadlines import Deadline, Deadlines
from headrace.operators.groups.keyed import KeyedRows
from headrace.stateful import TimeMode
from headrace.types import ArrayType, DataType, Field, MapType, StructType
from headrace.values import EventTime
from headrace.workers.groups.parts import GroupCalls, Kind
from headrace.workers.groups.processor_calls import ProcessorCalls
from headrace.workers.groups.records import processor_state
from headrace.workers.groups.variables import Variable
from headrace_state import StateBatch


class ProcessorOperator(CodeOperator):
    """Keeps one row of state a key: all variables of the processor, and its timers.

    Args:
        step: What to do.
        calls: The processor; it is called in this process unless given.
    """

    def __init__(self, step: CallGroups, calls: GroupCalls | None = None) -> None:
        called = calls or ProcessorCalls(group_spec(step), step.code.call)
        self._variables = called.declared()
        super().__init__(step, called, processor_state(self._variables))
        self._expiries = Deadlines(step.state_tables[2], self._keys)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What the processor declared."""
        return self._variables

    @property
    def signature(self) -> dict[str, object]:
        """As of a function, and kinds of the variables."""
        return {**super().signature, "variables": {variable.name: variable.kind for variable in self._variables}}

    @property
    def _state(self) -> StructType:
        found = sorted(self._variables, key=lambda variable: variable.name)  # their order may change
        return StructType(tuple(Field(variable.name, _written(variable)) for variable in found))

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved, unless timers go by processing time."""
        return self._code.time_mode is not TimeMode.PROCESSING_TIME and watermark_us > last_us

    def _process(self, rows: pa.Table, batch: CodeBatch) -> None:
        if batch.initial is not None:
            self._first_states(batch.initial, batch)
        self._new_rows(rows, batch)
        now_ms = due_ms(batch.times)
        due = [] if now_ms is None else self._timers.upto(now_ms, batch.state)
        for some in in_parts(due):
            keys = list(dict.fromkeys(key for _, key in some))
            places = {key: place for place, key in enumerate(keys)}
            self._ask(Kind.DUE, self._without_rows(keys), batch, [(time_ms, places[key]) for time_ms, key in some])
        if len(rows) or due or batch.initial is not None:
            self._calls.end()
        self._drop_expired(batch)
        if batch.times.mode is TimeMode.PROCESSING_TIME:
            self._next_ms = self._timers.first_ms(batch.state)

    def _first_states(self, initial: pa.Table, batch: CodeBatch) -> None:
        width = len(self._step.keys)
        names = [column.name for column in (self._step.initial or ("", ()))[1]]
        seen = initial.select(range(width, len(names))).rename_columns(names[width:])
        for part in KeyedRows(seen, initial.select(range(width)), self._keys).parts():
            self._ask(Kind.INITIAL, part, batch)

    def _drop_expired(self, batch: CodeBatch) -> None:
        if all(variable.ttl_ms is None for variable in self._variables):
            return
        for some in in_parts(self._expiries.upto(batch.times.batch_ms, batch.state)):
            self._expiries.change(some, [], batch.state)
            keys = list(dict.fromkeys(key for _, key in some))
            self._ask(Kind.EXPIRED, self._without_rows(keys), batch)

    def _stage_expiries(self, expiries: list[Deadline], state: StateBatch) -> None:
        # Entries of before may stay: they lead to a look at the key, which finds out what is over.
        self._expiries.change([], expiries, state)


def _written(variable: Variable) -> DataType:
    """Return the type of a variable as its author wrote it."""
    if variable.kind == "map":
        return MapType(variable.keys, variable.values)
    return ArrayType(variable.values) if variable.kind == "list" else variable.values
