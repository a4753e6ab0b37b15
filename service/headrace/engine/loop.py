"""The corridor: the loop of one query: plan the next batch, run it, report, wait for the trigger.

Takes opened and recovered parts; gives outcomes to a reporter, one a batch. A stop request is honoured between batches;
a batch that runs is finished. Source: Spark MicroBatchExecution (constructNextBatch, runActivatedStream).
"""

from __future__ import annotations

import threading
from typing import Protocol

from headrace.config.quantities import TriggerKind
from headrace.contract import Marker, Offset
from headrace.dataclass import dataclass
from headrace.engine.batch import BatchOutcome, run_batch
from headrace.engine.checkpoint import BatchPlan, SourceRange
from headrace.engine.query import QueryParts
from headrace.engine.startup import StartingPoint
from headrace.engine.trigger import next_after
from headrace.failpoints import failpoint
from headrace.values import US_PER_MS, US_PER_S, BatchId, EventTime, ProcessingTime

POLLING_DELAY_S = 0.01
"""Seconds between looks at idle sources. Source: spark.sql.streaming.pollingDelay."""

MARKER_REFRESH_S = 3600.0
"""Seconds after which an idle query writes its marker anew."""


class Reporter(Protocol):
    """What the loop tells of itself; must return soon. Of snapshots it hears on the thread of upkeep."""

    def heartbeat(self) -> None:
        """The loop is alive; called at least once a second while no batch runs, and after each phase of one."""
        ...

    def started(self, batch: int) -> None:
        """A batch begins."""
        ...

    def finished(self, outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> None:
        """A batch is done."""
        ...

    def idle(self) -> None:
        """There is nothing to do now."""
        ...

    def snapshot_taken(self, seconds: float) -> None:
        """A snapshot of the state was written, which took so many seconds."""
        ...

    def snapshot_failed(self) -> None:
        """A snapshot of the state could not be written; what it raised ends the loop."""
        ...


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """When the loop ends by itself: trigger kind and interval in µs, and a number of batches."""

    trigger: TriggerKind
    interval_us: int = 0
    max_batches: int | None = None

    @property
    def drains(self) -> bool:
        """True when the loop ends once nothing is left to do."""
        return self.trigger in (TriggerKind.AVAILABLE_NOW, TriggerKind.ONCE)


class QueryLoop:
    """Runs batches of one query until stopped, drained or failed."""

    def __init__(
        self, query: QueryParts, limits: LoopLimits, reporter: Reporter, stop: threading.Event | None = None
    ) -> None:
        self._query = query
        self._limits = limits
        self._reporter = reporter
        self._stop = stop or threading.Event()
        self._next = 0
        self._last: BatchPlan | None = None
        self._executed: BatchPlan | None = None
        self._batches = 0
        self._marked_s = query.clock.monotonic_s()

    def run(self, start: StartingPoint) -> None:
        """Run until told to stop, until drained, or until max_batches; raises what a batch raises."""
        self._run(start)
        self._settle()

    def _run(self, start: StartingPoint) -> None:
        self.begin(start)
        if self._limits.trigger is TriggerKind.AVAILABLE_NOW:
            for name, source in self._query.inputs.items():
                self._start_of(name)  # found after the end was fixed, the newest place could lie behind it
                source.source.freeze()
        while not self._finished():
            self._reporter.heartbeat()
            began = self._query.clock.now_us()
            plan = self._plan(began)
            if plan is None:
                if self._limits.drains:
                    return
                self._idle()
            else:
                self._batch(plan, began=began)
                if self._limits.trigger is TriggerKind.ONCE:
                    return
                self._wait_for_trigger(began)

    def begin(self, start: StartingPoint) -> None:
        """Take up where recovery left off, running an unfinished batch again."""
        self._next, self._last = start.next_batch, start.last
        if start.rerun is not None:
            self._batch(start.rerun, rerun=True)

    def settle(self) -> None:
        """Run batches, those without data included, until there is nothing to do; for tests and notebooks."""
        while (plan := self._plan(self._query.clock.now_us())) is not None:
            self._batch(plan)
        self._settle()

    def _settle(self) -> None:
        self._query.journal.settle()
        self._query.upkeep.settle()

    def _finished(self) -> bool:
        limit = self._limits.max_batches
        return self._stop.is_set() or (limit is not None and self._batches >= limit)

    def _plan(self, now: ProcessingTime) -> BatchPlan | None:
        ranges = self._ranges()
        watermark = self._query.tracker.tick(now)
        new_rows = any(r.start != r.end for r in ranges.values())
        if not new_rows and not self._wants_no_data_batch(watermark, now):
            return None
        return BatchPlan(
            batch=BatchId(self._next),
            batch_time=ProcessingTime(now - now % US_PER_MS),
            watermark=watermark,
            late=self._last.watermark if self._last else EventTime(0),
            ranges=ranges,
            conf=self._query.compiled.pinned,
        )

    def _wants_no_data_batch(self, watermark: EventTime, now: ProcessingTime) -> bool:
        if self._executed is None or not self._query.compiled.no_data_batches:
            return False
        if self._limits.trigger is TriggerKind.ONCE:
            return False
        timer_us = self._query.runner.next_timer_us
        if timer_us is not None and timer_us <= now and not self._limits.drains:
            return True  # a loop that ends must not wait for code that sets its timers anew
        return self._query.runner.wants_batch(watermark, self._executed.watermark)

    def _ranges(self) -> dict[str, SourceRange]:
        limited = self._limits.trigger is not TriggerKind.ONCE
        ranges = {}
        for name, source in self._query.inputs.items():
            start = self._start_of(name)
            end = source.source.latest_offset(start, limited=limited)
            ranges[name] = SourceRange(start, end, source.source.identity())
        return ranges

    def _start_of(self, name: str) -> Offset:
        if self._last is not None and name in self._last.ranges:
            return self._last.ranges[name].end
        checkpoint = self._query.checkpoint
        start = checkpoint.start_of(name)
        if start is None:
            start = self._query.inputs[name].source.initial_offset()
            checkpoint.remember_start(name, start)
        return start

    def _batch(self, plan: BatchPlan, *, began: ProcessingTime | None = None, rerun: bool = False) -> None:
        clock = self._query.clock
        began = clock.now_us() if began is None else began
        self._reporter.started(plan.batch)
        planning_s = max(0, clock.now_us() - began) / US_PER_S
        outcome = run_batch(self._query, plan, rerun=rerun, beat=self._reporter.heartbeat)
        self._last = self._executed = plan
        self._next = plan.batch + 1
        self._batches += 1
        self._marked_s = clock.monotonic_s()
        for name, bounds in plan.ranges.items():
            self._query.inputs[name].source.commit(bounds.end)
        self._reporter.finished(outcome, began, planning_s)
        failpoint("after_progress")
        self._maintain(plan.batch)

    def _maintain(self, batch: int) -> None:
        self._query.upkeep.check()
        if (batch + 1) % self._query.compiled.checkpoint.snapshot_every_batches == 0:
            self._query.upkeep.settle()  # one that is slower than so many batches is waited for
            self._query.upkeep.hand(self._snapshot_and_purge)

    def _snapshot_and_purge(self) -> None:
        failpoint("before_snapshot")
        before_s = self._query.clock.monotonic_s()
        try:
            self._query.state.snapshot()
        except Exception:
            self._reporter.snapshot_failed()
            raise
        self._reporter.snapshot_taken(self._query.clock.monotonic_s() - before_s)
        failpoint("after_snapshot")
        keep = self._query.compiled.checkpoint.keep_batches
        self._query.state.purge(keep)
        self._query.checkpoint.purge(keep)
        failpoint("after_purge")

    def _idle(self) -> None:
        self._reporter.idle()
        self._query.journal.settle()
        self._refresh_marker()
        delay = POLLING_DELAY_S
        if self._limits.interval_us:
            now = self._query.clock.now_us()
            delay = (next_after(now, now, self._limits.interval_us) - now) / US_PER_S
        self._wait(delay)

    def _refresh_marker(self) -> None:
        """Keep the marker of an idle query younger than brokers keep offsets (offsets.retention.minutes)."""
        now_s = self._query.clock.monotonic_s()
        if self._query.keeps_marker and now_s - self._marked_s > MARKER_REFRESH_S:
            commit = self._query.checkpoint.last_commit()
            done, delta = (commit.batch, commit.delta) if commit else (-1, "")
            self._query.sink.claim(Marker(self._query.checkpoint.query_id, done, delta, self._query.owner))
            self._marked_s = now_s

    def _wait_for_trigger(self, began: ProcessingTime) -> None:
        if self._limits.interval_us:
            now = self._query.clock.now_us()
            self._wait((next_after(began, now, self._limits.interval_us) - now) / US_PER_S)

    def _wait(self, seconds: float) -> None:
        left = seconds
        while left > 0 and not self._stop.is_set():
            self._reporter.heartbeat()
            self._query.clock.wait(self._stop, min(left, 1.0))
            left -= 1.0
