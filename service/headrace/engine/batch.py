"""The corridor: one batch, in the order that makes it exactly once.

    1 log    the plan: offsets, batch time, watermarks                        offsets/N, durable before 4
    2 read   exactly [start, end) of every source
    3 run    the steps; state changes are staged, nothing is published
    4 write  hand all rows to the sink, still invisible
    5 seal   the state changes and the next watermark                         delta N, durable before 6
    6 commit the sink, with a marker that names the batch and its delta       THE DECISION
    7 apply  the delta to the state, then record that the batch is done       commits/N, durable before offsets/N+1
    8 report progress

A crash before 6 leaves nothing; a crash after it leaves what recovery needs to finish. The journal's thread writes the
three files while the batch goes on, in this order. Takes a plan, gives measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter

from headrace.contract import Marker
from headrace.dataclass import dataclass
from headrace.engine.checkpoint import BatchPlan, CommitEntry
from headrace.engine.query import QueryParts
from headrace.failpoints import failpoint
from headrace.inputs.deadletters import DeadRecords, dead_records
from headrace.inputs.stream import InputRows
from headrace.operators.records import BatchRows, LeftOut
from headrace.operators.run import StepsResult
from headrace.operators.stateful import Thresholds
from headrace.values import EventTime
from headrace_state import StateBatch


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What one batch did.

    Attributes:
        plan: What it was to do.
        inputs: What was read, by source.
        result: What the steps gave.
        written: Rows the sink took.
        next_watermark: The watermark of the next batch.
        left_out: Records that were late or in the future, where they are watched.
        letters: Records that went to dead letters, by source.
        seconds: Duration of each phase of the protocol, by name.
    """

    plan: BatchPlan
    inputs: Mapping[str, InputRows]
    result: StepsResult
    written: int
    next_watermark: EventTime
    left_out: LeftOut
    letters: Mapping[str, int]
    seconds: Mapping[str, float]


class _Watch:
    """Notes how long each phase took, in seconds, and tells that it is over."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def done(self, phase: str) -> None:
        now = perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now
        self._beat()


def run_batch(
    query: QueryParts, plan: BatchPlan, *, rerun: bool = False, beat: Callable[[], None] = lambda: None
) -> BatchOutcome:
    """Run one batch to its end; the numbers are those of the module's docstring.

    Args:
        query: The opened query, its state at the end of batch plan.batch - 1.
        plan: What to read and by which watermarks.
        rerun: The plan stands in the log already.
        beat: Called after each phase.

    Raises:
        StreamError: the batch did not happen, or (IndoubtError) nobody knows; recovery decides at the next start.
    """
    watch = _Watch(beat)
    failpoint("before_wal")
    logged = query.journal.hand(partial(_log, query, plan, rerun=rerun))  # 1
    inputs = _read(query, plan)  # 2
    failpoint("after_read")
    watch.done("read")
    staged = query.state.begin(plan.batch)
    query.statements.set_batch_time(plan.batch_time)
    given = BatchRows(
        {name: read.rows for name, read in inputs.items()},
        query.tables.current(without=query.runner.tables_past(plan.batch)),
        Thresholds(plan.late, plan.watermark, plan.batch_time),
        staged,
    )
    result = query.runner.run(given.sources, given.tables, given.at, given.state)  # 3
    left_out = query.tracer.left_out(result, given)
    next_watermark = query.tracker.advance(result.seen, plan.batch_time)
    query.keep_watermark(staged, next_watermark)
    query.keep_activity(staged)
    failpoint("after_compute")
    watch.done("compute")
    logged.result()
    watch.done("wal")
    marker = Marker(query.checkpoint.query_id, plan.batch, staged.uuid, query.owner)
    sealed = query.journal.hand(partial(_seal, query, staged))  # 5
    query.sink.begin(marker)
    written = query.sink.write(result.rows)  # 4
    failpoint("after_write")
    watch.done("produce")
    sealed.result()
    watch.done("delta")
    dead = {name: dead_records(read, left_out.reasons.get(name, {})) for name, read in inputs.items()}
    letters = {name: records for name, records in dead.items() if records is not None}
    for name, bounds in plan.ranges.items():
        query.inputs[name].source.check_identity(bounds.identity)
    _commit(query, letters, marker)  # 6
    failpoint("after_commit")
    watch.done("commit")
    query.state.apply(staged.uuid)  # 7
    failpoint("after_apply")
    query.journal.hand(partial(_record, query, CommitEntry(plan.batch, staged.uuid, next_watermark)))
    watch.done("apply")
    sent = {name: len(records.reasons) for name, records in letters.items()}
    return BatchOutcome(plan, inputs, result, written, next_watermark, left_out, sent, watch.seconds)  # 8


def _log(query: QueryParts, plan: BatchPlan, *, rerun: bool) -> None:
    if not rerun:
        query.checkpoint.log_plan(plan)
    failpoint("after_wal")


def _seal(query: QueryParts, staged: StateBatch) -> None:
    query.state.seal(staged)
    failpoint("after_delta")


def _record(query: QueryParts, entry: CommitEntry) -> None:
    query.checkpoint.log_commit(entry)
    failpoint("after_commit_log")


def _read(query: QueryParts, plan: BatchPlan) -> dict[str, InputRows]:
    inputs = {}
    for name, source in query.inputs.items():
        bounds = plan.ranges.get(name)
        if bounds is None or bounds.start == bounds.end:
            inputs[name] = InputRows(source.empty(), 0, 0, {})
        else:
            inputs[name] = source.read(bounds.start, bounds.end)
    return inputs


def _commit(query: QueryParts, letters: Mapping[str, DeadRecords], marker: Marker) -> None:
    if query.dead_letters is not None:
        query.dead_letters.commit(letters, marker)
    failpoint("before_commit")
    query.sink.commit(marker)
