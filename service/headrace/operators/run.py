"""Room 7: runs the steps of one batch.

Takes the batch's source tables, the static tables and a view of state; gives the result rows under their visible names,
the event times observed and what each operator did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.incremental.render import column_name
from headrace.incremental.steps import (
    AggregateGroups,
    AggregateSessions,
    CallGroups,
    DropDuplicates,
    JoinStreams,
    LimitRows,
    LookUp,
    Observe,
    ReadSource,
    ReadTable,
    Step,
    Steps,
    Stretch,
)
from headrace.operators.aggregate import AggregateOperator
from headrace.operators.deduplicate import DeduplicateOperator
from headrace.operators.groups.function_operator import FunctionOperator
from headrace.operators.groups.processor_operator import ProcessorOperator
from headrace.operators.join import JoinOperator
from headrace.operators.limit import LimitOperator
from headrace.operators.session import SessionOperator
from headrace.operators.stateful import NO_WATERMARK_US, Operator, StateCounts, Thresholds
from headrace.operators.statements import Statements, conform, inner_schema
from headrace.operators.static.static_steps import StaticSteps
from headrace.operators.stored.description import StoredState, stored_states
from headrace.operators.watermark import EventTimes, observe, without_future
from headrace.types import StructType
from headrace.values import EventTime
from headrace.workers.remote import RemoteGroups
from headrace_state import StateBatch

if TYPE_CHECKING:
    from headrace.workers.worker import Worker


@dataclass(frozen=True, slots=True)
class StepsResult:
    """What a batch gave: rows, event times by watermark step, counts of each stateful step, downstream first.

    `ahead` has the rows set aside as too far in the future, by watermark step that looks for them.
    """

    rows: pa.Table
    seen: Mapping[str, EventTimes]
    counts: tuple[StateCounts, ...]
    ahead: Mapping[str, int] = field(default_factory=dict)


class StepRunner:
    """Holds the running logic of a query's steps.

    Args:
        steps: Of the query.
        statements: Its session.
        worker: Where its stateful code runs; without one it is called in this process.
    """

    def __init__(self, steps: Steps, statements: Statements, worker: Worker | None = None) -> None:
        self._steps = steps
        self._statements = statements
        self.static = StaticSteps(statements)
        self._operators: dict[str, Operator] = {}
        self._joins: dict[str, JoinOperator] = {}
        self._codes: dict[str, FunctionOperator | ProcessorOperator] = {}
        self._first = steps.of_first_batch
        self._lags_us = _lags_us(steps)
        for step in steps.stateful:
            if isinstance(step, JoinStreams):
                self._joins[step.id] = JoinOperator(step, statements)
            elif isinstance(step, CallGroups):
                self._codes[step.id] = _code_operator(step, worker)
            else:
                self._operators[step.id] = _operator(step, statements)

    @property
    def _all(self) -> dict[str, Operator | JoinOperator]:
        return {**self._operators, **self._joins, **self._codes}

    @property
    def delays_us(self) -> dict[str, int]:
        """The delay of each watermark, by the first of its steps."""
        return {step.shared: step.delay_us for step in self._steps.steps if isinstance(step, Observe)}

    @property
    def idle_us(self) -> dict[str, int]:
        """The idle timeout of each watermark step that has one."""
        found = {step.shared: step.guard.idle_timeout_us for step in self._steps.steps if isinstance(step, Observe)}
        return {name: timeout_us for name, timeout_us in found.items() if timeout_us is not None}

    @property
    def signatures(self) -> dict[str, dict[str, object]]:
        """What a checkpoint must agree on, by stateful step."""
        return {name: operator.signature for name, operator in self._all.items()}

    @property
    def stored(self) -> tuple[StoredState, ...]:
        """What others can read of the state."""
        processors = {name: each for name, each in self._codes.items() if isinstance(each, ProcessorOperator)}
        found = stored_states(self._steps, {name: each.variables for name, each in processors.items()})
        older = {name: each.older for name, each in self._codes.items()}
        return tuple(replace(each, older=older.get(each.step, ())) for each in found)

    def follow(self, older: Mapping[str, Sequence[StructType]]) -> None:
        """Read rows of state that were written before the state of Python code grew; by step, oldest first."""
        for name, schemas in older.items():
            self._codes[name].follow(schemas)

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when any operator wants a batch without data under a new watermark."""
        return any(
            operator.wants_batch(watermark_us, last_us)
            for name, operator in self._all.items()
            if self._lag_before_us(name) != NO_WATERMARK_US
        )

    @property
    def next_timer_us(self) -> int | None:
        """The batch time from which on a timeout or timer by processing time is due, None when none is known."""
        found = [each.next_timer_us for each in self._codes.values()]
        return min((time for time in found if time is not None), default=None)

    def tables_past(self, batch: int) -> frozenset[str]:
        """Names of the tables that a batch does not read any more."""
        return self._steps.tables_of_first_batch if batch > 0 else frozenset()

    def _lag_before_us(self, name: str) -> int:
        step = next(step for step in self._steps.stateful if step.id == name)
        return _least([self._lags_us[before] for before in _inputs(step)])

    def run(
        self, sources: Mapping[str, pa.Table], tables: Mapping[str, pa.Table], at: Thresholds, state: StateBatch
    ) -> StepsResult:
        """Run every step once, in order.

        Args:
            sources: New rows by source name.
            tables: Static rows by table name.
            at: The batch's watermarks.
            state: Read and staged through; nothing is published.
        """
        results: dict[str, pa.Table] = {}
        seen: dict[str, EventTimes] = {}
        counts: list[StateCounts] = []
        ahead: dict[str, int] = {}
        for step in self._steps.steps:
            if step.id in self._first and state.batch > 0:
                self.static.forget(step.id)
                continue
            match step:
                case ReadSource():
                    results[step.id] = sources[step.source]
                case ReadTable() | LookUp() | Stretch(is_static=True):
                    results[step.id] = self.static.run(step, tables, results)
                case Stretch():
                    results[step.id] = self._stretch(step, results)
                case Observe():
                    results[step.id], times = _observed(step, results[step.input], at, ahead)
                    seen[step.shared] = times.with_those(seen.get(step.shared))
                case AggregateGroups() | DropDuplicates() | LimitRows():
                    here = at.behind(self._lags_us[step.input])
                    results[step.id], count = self._operators[step.id].run(results[step.input], here, state)
                    counts.append(count)
                case CallGroups():
                    here = at.behind(self._lags_us[step.input])
                    initial = results.get(step.initial[0]) if step.initial else None
                    given = self._codes[step.id].run(results[step.input], here, state, initial)
                    results[step.id], count = given
                    counts.append(count)
                case JoinStreams(left=left, right=right):
                    here = at.behind(_least([self._lags_us[left.input], self._lags_us[right.input]]))
                    sides = (results[left.input], results[right.input])
                    results[step.id], count = self._joins[step.id].run(*sides, here, state)
                    counts.append(count)
        return StepsResult(self._visible(results[self._steps.result.id]), seen, tuple(reversed(counts)), ahead)

    def _stretch(self, step: Stretch, results: Mapping[str, pa.Table]) -> pa.Table:
        if step.renames is not None:
            return conform(results[step.inputs[0]].select(list(step.renames)), inner_schema(step.output))
        schema = inner_schema(step.output) if step.output else None
        return self._statements.run(step.sql, {name: results[name] for name in step.inputs}, schema)

    def _visible(self, rows: pa.Table) -> pa.Table:
        return rows.rename_columns(list(self._steps.schema.names))


def _observed(step: Observe, rows: pa.Table, at: Thresholds, ahead: dict[str, int]) -> tuple[pa.Table, EventTimes]:
    """Return the rows that pass a watermark step and their event times; rows from the future are counted in `ahead`."""
    name = column_name(step.event_time)
    times = observe(rows.column(name))
    if step.guard.max_future_skew_us is None:
        return rows, times
    kept = without_future(rows, name, times, at.batch_time_us + step.guard.max_future_skew_us)
    ahead[step.id] = len(rows) - len(kept)
    return kept, times if kept is rows else observe(kept.column(name))


def state_tables(steps: Steps) -> tuple[str, ...]:
    """Return the names of the state tables a query needs."""
    return tuple(table for step in steps.stateful for table in step.state_tables)


def _code_operator(step: CallGroups, worker: Worker | None) -> FunctionOperator | ProcessorOperator:
    calls = None if worker is None else RemoteGroups(worker, step.id)
    return ProcessorOperator(step, calls) if step.code.is_processor else FunctionOperator(step, calls)


def _operator(step: AggregateGroups | DropDuplicates | LimitRows, statements: Statements) -> Operator:
    match step:
        case AggregateSessions():
            return SessionOperator(step, statements)
        case AggregateGroups():
            return AggregateOperator(step, statements)
        case DropDuplicates():
            return DeduplicateOperator(step)
        case LimitRows():
            return LimitOperator(step)


def _lags_us(steps: Steps) -> dict[str, int]:
    """Return how far the watermark behind each step lies behind the query's, negative or 0. Source: spark.md 1.6."""
    lags: dict[str, int] = {}
    for step in steps.steps:
        lags[step.id] = _least([lags[name] for name in _inputs(step)])
        if isinstance(step, JoinStreams) and lags[step.id] != NO_WATERMARK_US:
            lags[step.id] += step.lag_us
        if isinstance(step, CallGroups) and not step.code.passes_watermark:
            lags[step.id] = NO_WATERMARK_US
    return lags


def _least(lags_us: Sequence[int]) -> int:
    """Return how far behind the watermark of several inputs lies; those without one do not count."""
    known = [lag for lag in lags_us if lag != NO_WATERMARK_US]
    return min(known, default=NO_WATERMARK_US if lags_us else 0)


def _inputs(step: Step) -> tuple[str, ...]:
    match step:
        case Stretch(inputs=inputs):
            return inputs
        case AggregateGroups(input=name) | DropDuplicates(input=name) | LimitRows(input=name) | CallGroups(input=name):
            return (name,)
        case JoinStreams(left=left, right=right):
            return (left.input, right.input)
    return ()  # sources, tables, and watermarks, behind which the query's own one holds
