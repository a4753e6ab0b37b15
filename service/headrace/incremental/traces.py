"""Room 5: for each step that leaves rows out by their time, the statements that say which records those were.

Takes an optimized plan and its steps; gives traces, which run only in a batch in which the step did leave rows out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.dataclass import dataclass
from headrace.incremental.compile import compile_steps
from headrace.incremental.record_plan import Traced, traced
from headrace.incremental.steps import (
    AggregateGroups,
    CallGroups,
    DropDuplicates,
    JoinStreams,
    Observe,
    StatefulStep,
    Steps,
)
from headrace.plan.expressions import Expression
from headrace.plan.nodes import Aggregate, Deduplicate, GroupsWithState, Join, Plan, Watermark
from headrace.sql.settings import SqlSettings

EventTimes = Callable[[Plan], frozenset[int]]
"""Gives the ids of a node's columns that carry the watermark."""


@dataclass(frozen=True, slots=True)
class Trace:
    """How the records behind a step's input are found.

    Attributes:
        step: Id of the step that leaves rows out.
        node: Its node in the plan.
        steps: Give the record's number and the time its rows are judged by; None when the input comes out of state.
        is_exact: All rows of a record are judged by one time.
    """

    step: str
    node: Plan
    steps: Steps | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a query watches beyond Spark: traces of late rows and of rows from the future, and whose records are kept.

    Attributes:
        late: One for each input of a step that drops late rows; empty unless some watermark counts them.
        future: One for each watermark that sets rows from the future aside.
        late_letters: Sources whose late records go to dead letters.
        future_letters: Sources whose records from the future do.
    """

    late: tuple[Trace, ...] = ()
    future: tuple[Trace, ...] = ()
    late_letters: frozenset[str] = frozenset()
    future_letters: frozenset[str] = frozenset()

    @property
    def letters(self) -> frozenset[str]:
        """Sources whose records must be kept until the batch is done."""
        return self.late_letters | self.future_letters


def late_traces(plan: Plan, steps: Steps, settings: SqlSettings, event_times: EventTimes) -> tuple[Trace, ...]:
    """Return a trace for each input of a stateful step that drops late rows, in running order."""
    # A step is made when all below it is, left before right; so the two orders are the same.
    judging = (
        step for step in steps.stateful if isinstance(step, AggregateGroups | CallGroups | DropDuplicates | JoinStreams)
    )
    found = []
    for node, step in zip(_upwards(plan, _is_judge), judging, strict=True):
        for child, time in _judged(node, step, event_times):
            found.append(_trace(step.id, node, child, time, settings, event_times))
    return tuple(found)


def future_traces(plan: Plan, steps: Steps, settings: SqlSettings, event_times: EventTimes) -> tuple[Trace, ...]:
    """Return a trace for each watermark that sets rows from the future aside."""
    observing = (step for step in steps.steps if isinstance(step, Observe))
    nodes = _upwards(plan, lambda node: isinstance(node, Watermark))
    return tuple(
        _trace(step.id, node, node.child, node.event_time, settings, event_times)
        for node, step in zip(nodes, observing, strict=True)
        if isinstance(node, Watermark) and node.guard.max_future_skew_us is not None
    )


def _trace(
    step: str, node: Plan, child: Plan, time: Expression, settings: SqlSettings, event_times: EventTimes
) -> Trace:
    below: Traced | None = traced(child)
    if below is None:
        return Trace(step, node, None, is_exact=False)
    steps = compile_steps(below.beside(time), "append", settings, event_times)
    return Trace(step, node, steps, below.is_same_for_all_rows_of_a_record(time))


def _upwards(plan: Plan, wanted: Callable[[Plan], bool]) -> Iterator[Plan]:
    for child in plan.inputs:
        yield from _upwards(child, wanted)
    if wanted(plan):
        yield plan


def _is_judge(node: Plan) -> bool:
    if isinstance(node, Join):
        return node.left.is_streaming and node.right.is_streaming
    return isinstance(node, Aggregate | Deduplicate | GroupsWithState) and node.is_streaming


def _judged(node: Plan, step: StatefulStep, event_times: EventTimes) -> Iterator[tuple[Plan, Expression]]:
    """Yield each input whose rows can be late, and what they are judged by."""
    match node, step:
        case Aggregate(), AggregateGroups(state=state, mode=mode):
            if state.event_time is not None and mode != "complete":
                yield node.child, node.keys[state.event_time].child
        case (Deduplicate(child=child), DropDuplicates(event_time=column)) | (
            GroupsWithState(child=child),
            CallGroups(event_time=column),
        ):
            if column is not None:
                yield child, column
        case Join(), JoinStreams():
            for side in (node.left, node.right):
                marked = event_times(side)
                for column in [column for column in side.columns if column.id in marked][:1]:
                    yield side, column
