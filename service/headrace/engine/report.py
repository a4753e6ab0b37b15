"""The corridor: what the loop measured, to the progress that metrics, logs, status page and terminal read.

Takes outcomes on the loop's thread; gives `BatchProgress` to everyone who listens.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable

from headrace.engine.batch import BatchOutcome
from headrace.engine.query import QueryParts
from headrace.inputs.stream import InputRows
from headrace.operators.stateful import StateCounts
from headrace.operators.watermark import EventTimes
from headrace.progress.history import Activity, ProgressHistory
from headrace.progress.metrics import Metrics
from headrace.progress.model import (
    ADD_BATCH,
    COMMIT_OFFSETS,
    GET_BATCH,
    LATEST_OFFSET,
    QUERY_PLANNING,
    TRIGGER_EXECUTION,
    WAL_COMMIT,
    BatchFacts,
    BatchProgress,
    EventTimeStats,
    OperatorFacts,
    PhaseSeconds,
    SinkProgress,
    SourceFacts,
    SourceProgress,
    StateOperatorProgress,
    newest_offset,
    partition_lags,
    rows_per_second,
)
from headrace.values import US_PER_MS, US_PER_S, EventTime, ProcessingTime


class QueryReporter:
    """Turns the outcomes of one run of a query into progress.

    Args:
        query: The opened query.
        history: Where progress is kept.
        metrics: Where events between batches are counted.
        listen: Called with each progress.
        beat: Called when the loop shows life.
        restarts: How often the query was started before in this process.
    """

    def __init__(
        self,
        query: QueryParts,
        history: ProgressHistory,
        metrics: Metrics,
        listen: Callable[[BatchProgress], None],
        beat: Callable[[], None],
        *,
        restarts: int = 0,
    ) -> None:
        self._query = query
        self._history = history
        self._metrics = metrics
        self._lost: dict[str, int] = {}
        self._listen = listen
        self._beat = beat
        self._restarts = restarts
        self._last_start: ProcessingTime | None = None
        self.run_id = str(uuid.uuid4())

    def heartbeat(self) -> None:
        """The loop is alive."""
        self._beat()

    def started(self, batch: int) -> None:
        """A batch begins."""
        del batch
        self._beat()
        self._history.now(Activity.PROCESSING)

    def idle(self) -> None:
        """There is nothing to do now."""
        self._history.now(Activity.WAITING_FOR_DATA)
        self._metrics.trigger_finished(self._query.compiled.name, self._query.clock.now_us())

    def snapshot_taken(self, seconds: float) -> None:
        """A snapshot of the state was written."""
        size, now = self._query.state.disk_bytes(), self._query.clock.now_us()
        self._metrics.snapshot_written(self._query.compiled.name, seconds=seconds, size_bytes=size, at_us=now)

    def snapshot_failed(self) -> None:
        """A snapshot of the state could not be written."""
        self._metrics.snapshot_failed(self._query.compiled.name)

    def finished(self, outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> None:
        """A batch is done."""
        progress = self.progress(outcome, started, planning_s)
        self._history.add(progress)
        self._history.now(Activity.WAITING_FOR_TRIGGER)
        self._beat()
        self._listen(progress)

    def progress(self, outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> BatchProgress:
        """Return the progress of an outcome."""
        now = self._query.clock.now_us()
        took_s = max(0, now - started) / US_PER_S
        since_s = None if self._last_start is None else (started - self._last_start) / US_PER_S
        self._last_start = started
        rows = sum(read.records for read in outcome.inputs.values())
        return BatchProgress(
            id=self._query.checkpoint.query_id,
            run_id=self.run_id,
            name=self._query.compiled.name,
            timestamp_us=started,
            batch_id=outcome.plan.batch,
            batch_duration_ms=round(took_s * 1000),
            num_input_rows=rows,
            input_rows_per_second=rows_per_second(rows, since_s),
            processed_rows_per_second=rows_per_second(rows, took_s),
            duration_ms=_durations(outcome, planning_s, took_s),
            event_time=self._event_time(outcome),
            state_operators=self._operators(outcome),
            sources=tuple(self._source(name, read, outcome, since_s, took_s) for name, read in outcome.inputs.items()),
            sink=SinkProgress(description=self._query.sink.describe(), num_output_rows=outcome.written),
            facts=self._facts(outcome, now, planning_s),
            observed_metrics={step: {"futureRows": rows} for step, rows in outcome.result.ahead.items()},
        )

    def _event_time(self, outcome: BatchOutcome) -> EventTimeStats:
        if not self._query.runner.delays_us:
            return EventTimeStats()
        seen = [times for times in outcome.result.seen.values() if times.rows]
        watermark = outcome.plan.watermark
        if not seen:
            return EventTimeStats(watermark_us=watermark)
        return EventTimeStats(
            max_us=EventTime(max(times.greatest_us for times in seen)),
            min_us=EventTime(min(times.least_us for times in seen)),
            avg_us=EventTime(_mean_us(seen)),
            watermark_us=watermark,
        )

    def _operators(self, outcome: BatchOutcome) -> tuple[StateOperatorProgress, ...]:
        memory = self._query.state.memory_bytes()
        commit_ms = round((outcome.seconds["delta"] + outcome.seconds["apply"]) * 1000)
        return tuple(
            StateOperatorProgress(
                operator_name=counts.operator,
                num_rows_total=counts.total,
                num_rows_updated=counts.updated,
                all_updates_time_ms=round(counts.update_s * 1000),
                num_rows_removed=counts.removed,
                all_removals_time_ms=round(counts.removal_s * 1000),
                commit_time_ms=commit_ms,
                memory_used_bytes=memory,
                num_rows_dropped_by_watermark=counts.dropped_late,
                custom_metrics=_custom_metrics(outcome, counts),
            )
            for counts in outcome.result.counts
        )

    def _source(
        self, name: str, read: InputRows, outcome: BatchOutcome, since_s: float | None, took_s: float
    ) -> SourceProgress:
        source = self._query.inputs[name].source
        bounds = outcome.plan.ranges[name]
        lag = source.lag(bounds.end)
        behind = list(lag.behind.values())
        metrics = {}
        if behind:
            metrics = {
                "avgOffsetsBehindLatest": str(sum(behind) / len(behind)),
                "maxOffsetsBehindLatest": str(max(behind)),
                "minOffsetsBehindLatest": str(min(behind)),
            }
        return SourceProgress(
            description=source.describe(),
            start_offset=bounds.start,
            end_offset=bounds.end,
            latest_offset=newest_offset(bounds.end, lag),
            num_input_rows=read.records,
            input_rows_per_second=rows_per_second(read.records, since_s),
            processed_rows_per_second=rows_per_second(read.records, took_s),
            metrics=metrics,
        )

    def _newly_lost(self, name: str, lost: int) -> int:
        """Offsets lost since the last batch, from the count since the source was opened."""
        new = lost - self._lost.get(name, 0)
        self._lost[name] = lost
        return new

    def _facts(self, outcome: BatchOutcome, now: ProcessingTime, planning_s: float) -> BatchFacts:
        seconds = outcome.seconds
        lags = {n: self._query.inputs[n].source.lag(outcome.plan.ranges[n].end) for n in outcome.inputs}
        greatest = [times.greatest_us for times in outcome.result.seen.values() if times.rows]
        return BatchFacts(
            query=self._query.compiled.name,
            completed_us=now,
            phases=PhaseSeconds(plan=planning_s, **seconds),
            sources=tuple(
                SourceFacts(
                    name=name,
                    rows=read.records,
                    bytes_read=read.read_bytes,
                    lag=partition_lags(lags[name]),
                    max_event_time_us=EventTime(max(greatest)) if greatest else None,
                    decode_errors=dict(Counter("malformed" for _ in read.malformed)),
                    dead_letters=outcome.letters.get(name, 0),
                    data_loss_records=self._newly_lost(name, lags[name].lost),
                )
                for name, read in outcome.inputs.items()
            ),
            operators=tuple(
                OperatorFacts(
                    name=counts.step,
                    late_rows=counts.dropped_late,
                    late_input_rows=outcome.left_out.late.get(counts.step),
                    state_rows=counts.total,
                    state_bytes={"sst": self._query.state.disk_bytes(), "memtable": self._query.state.memory_bytes()},
                )
                for counts in outcome.result.counts
            ),
            sink=self._query.compiled.config.sink.format,
            output_rows=outcome.written,
            transactions={"committed": 1} if self._query.keeps_marker else {},
            restarts=self._restarts,
            future_rows=outcome.result.ahead,
        )


def _custom_metrics(outcome: BatchOutcome, counts: StateCounts) -> dict[str, int]:
    """Return Spark's own metric of a deduplication, and ours of watched late rows."""
    found = {
        "numDroppedDuplicateRows": counts.dropped_duplicates,
        "lateInputRows": outcome.left_out.late.get(counts.step),
    }
    return {name: rows for name, rows in found.items() if rows is not None}


def _mean_us(seen: list[EventTimes]) -> int:
    rows = sum(times.rows for times in seen)
    return int(sum(times.mean_us * times.rows for times in seen) / rows) // US_PER_MS * US_PER_MS


def _durations(outcome: BatchOutcome, planning_s: float, took_s: float) -> dict[str, int]:
    seconds = outcome.seconds
    add_batch = seconds["compute"] + seconds["produce"] + seconds["delta"] + seconds["commit"]
    phases = {
        ADD_BATCH: add_batch,
        COMMIT_OFFSETS: seconds["apply"],
        GET_BATCH: seconds["read"],
        LATEST_OFFSET: planning_s,
        QUERY_PLANNING: 0.0,
        TRIGGER_EXECUTION: took_s,
        WAL_COMMIT: seconds["wal"],
    }
    return {name: round(value * 1000) for name, value in phases.items()}
