"""The corridor: the opened parts of one running query.

`QueryParts` is what a batch needs; `open_parts` opens them in the order of start-up (lock first) and closes what it
opened when a later part refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path

from headrace.assembly.build import build_dead_letters, build_inputs, build_sink, build_tables
from headrace.assembly.compile import CompiledQuery
from headrace.clock import Clock
from headrace.contract import Delivery, Sink
from headrace.dataclass import dataclass
from headrace.engine.checkpoint import Checkpoint
from headrace.inputs.deadletters import DeadLetters
from headrace.inputs.stream import StreamInput
from headrace.inputs.tables import StaticTables
from headrace.operators.records import RecordTracer
from headrace.operators.run import StepRunner, state_tables
from headrace.operators.statements import Statements
from headrace.operators.stored.description import to_json
from headrace.operators.watermark import WatermarkPolicy, WatermarkTracker
from headrace.sql.session import open_session
from headrace.values import EventTime, ProcessingTime
from headrace.workers.worker import Worker
from headrace_state import JobThread, QueryState, StateBatch, StoreKind

WATERMARK_TABLE = "watermark"
"""A state table of the next batch's watermark and of what idle timeouts are measured from.

So a batch's delta holds all that the batch changed.
"""

_WATERMARK_KEY = b"next"
_ACTIVE_KEY = b"active."


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query may use: threads and memory of DuckDB, and which state store keeps its state."""

    threads: int = 2
    memory_bytes: int = 1 << 30
    state_store: StoreKind = "rocksdb"


@dataclass(slots=True)
class QueryParts:
    """One running query; close() closes everything, once.

    Attributes:
        journal: Writes what a batch must not lose, in order.
        upkeep: Does what no batch waits for: takes snapshots, purges, unmaps the start's code.
    """

    compiled: CompiledQuery
    checkpoint: Checkpoint
    state: QueryState
    inputs: Mapping[str, StreamInput]
    tables: StaticTables
    runner: StepRunner
    statements: Statements
    journal: JobThread
    upkeep: JobThread
    sink: Sink
    dead_letters: DeadLetters | None
    tracer: RecordTracer
    clock: Clock
    tracker: WatermarkTracker
    owner: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def keeps_marker(self) -> bool:
        """True when the sink's marker decides about a batch."""
        return self.sink.delivery is Delivery.EXACTLY_ONCE

    def keep_watermark(self, staged: StateBatch, watermark: EventTime) -> None:
        """Stage the next batch's watermark beside the state changes, when it has moved.

        The commit log has it too, but only after the sink's commit: a crash in between would lose it, and the batch,
        being decided, is not run again to find it out.
        """
        if watermark != self.kept_watermark(staged):
            staged.put_many(WATERMARK_TABLE, [_WATERMARK_KEY], [watermark.to_bytes(8, "big", signed=True)])

    def kept_watermark(self, staged: StateBatch) -> EventTime:
        """Return the watermark that the state holds, the epoch when it holds none."""
        [found] = staged.get_many(WATERMARK_TABLE, [_WATERMARK_KEY])
        return EventTime(int.from_bytes(found, "big", signed=True) if found else 0)

    def keep_activity(self, staged: StateBatch) -> None:
        """Stage when each watermark with an idle timeout last had rows, where that has changed."""
        if not self.tracker.active_us:
            return
        names = list(self.tracker.active_us)
        values = [self.tracker.active_us[name].to_bytes(8, "big", signed=True) for name in names]
        found = staged.get_many(WATERMARK_TABLE, [_ACTIVE_KEY + name.encode() for name in names])
        changed = [place for place, value in enumerate(values) if value != found[place]]
        keys = [_ACTIVE_KEY + names[place].encode() for place in changed]
        staged.put_many(WATERMARK_TABLE, keys, [values[place] for place in changed])

    def kept_activity(self, staged: StateBatch) -> dict[str, ProcessingTime]:
        """Return what `keep_activity` kept, of the watermarks that have an idle timeout now."""
        names = list(self.runner.idle_us)
        found = staged.get_many(WATERMARK_TABLE, [_ACTIVE_KEY + name.encode() for name in names])
        return {
            name: ProcessingTime(int.from_bytes(value, "big", signed=True))
            for name, value in zip(names, found, strict=True)
            if value is not None
        }

    def close(self) -> None:
        """Close everything in the reverse order of opening."""
        self._stack.close()


def open_parts(compiled: CompiledQuery, folder: Path, clock: Clock, limits: QueryLimits) -> QueryParts:
    """Open a query's parts; nothing is read or written but locks and what the checkpoint needs.

    Args:
        compiled: The query.
        folder: Its checkpoint folder.
        clock: Time.
        limits: Resources.

    Raises:
        StreamError, StreamErrors: locked, corrupt or incompatible checkpoint; a part that cannot be built.
    """
    with ExitStack() as stack:
        checkpoint = Checkpoint(folder)
        stack.callback(checkpoint.close)
        worker = _started(stack, compiled)
        statements = _session(compiled, folder / "tmp", limits, worker)
        stack.callback(statements.close)
        runner = StepRunner(compiled.steps, statements, worker)
        runner.follow(checkpoint.require({"sources": sorted(compiled.sources), "operators": runner.signatures}))
        checkpoint.describe(to_json(runner.stored))
        state = checkpoint.open_state((*state_tables(compiled.steps), WATERMARK_TABLE), limits.state_store)
        stack.callback(state.close)
        inputs = _opened(stack, build_inputs(compiled, checkpoint.query_id, clock))
        sink = build_sink(compiled, checkpoint.query_id, clock)
        stack.callback(sink.close)
        dead_letters = build_dead_letters(compiled, checkpoint.query_id, clock)
        if dead_letters is not None:
            stack.callback(dead_letters.close)
        # Threads end before what they work on is closed.
        journal, upkeep = (_thread(stack, kind, compiled.name) for kind in ("journal", "upkeep"))
        if worker is not None:
            worker.wait_ready()
        return QueryParts(
            compiled=compiled,
            checkpoint=checkpoint,
            state=state,
            inputs=inputs,
            tables=build_tables(compiled, clock),
            runner=runner,
            statements=statements,
            journal=journal,
            upkeep=upkeep,
            sink=sink,
            dead_letters=dead_letters,
            tracer=RecordTracer(compiled.guarded, statements, compiled.sources),
            clock=clock,
            tracker=WatermarkTracker(
                runner.delays_us, WatermarkPolicy(compiled.watermark_policy), idle_us=runner.idle_us
            ),
            _stack=stack.pop_all(),
        )


def _thread(stack: ExitStack, kind: str, query: str) -> JobThread:
    thread = JobThread(f"headrace-{kind}-{query}")
    stack.callback(thread.close)
    return thread


def _started(stack: ExitStack, compiled: CompiledQuery) -> Worker | None:
    """Start the process of the query's Python code; it imports the code while other parts are opened."""
    if compiled.code.is_empty:
        return None
    worker = Worker(compiled.name, compiled.code)
    stack.callback(worker.close)
    worker.start()
    return worker


def _session(compiled: CompiledQuery, temp_folder: Path, limits: QueryLimits, worker: Worker | None) -> Statements:
    session = open_session(
        compiled.settings,
        threads=limits.threads,
        memory_limit_bytes=limits.memory_bytes,
        temp_folder=temp_folder,
    )
    return Statements(session, limits.threads, [function.arrow(worker) for function in compiled.functions])


def _opened(stack: ExitStack, builders: Mapping[str, Callable[[], StreamInput]]) -> dict[str, StreamInput]:
    inputs = {}
    for name, build in builders.items():
        inputs[name] = build()
        stack.callback(inputs[name].source.close)
    return inputs
