"""Room 10: the progress of one batch, as values.

Takes what the engine measured. `BatchProgress` holds exactly the fields of Spark's StreamingQueryProgress; `BatchFacts`
stands beside it with what Spark does not report. Times inside are µs; only the JSON writer turns them into text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from headrace.contract import JsonValue, Offset, SourceLag
from headrace.dataclass import dataclass
from headrace.values import EventTime, ProcessingTime

LATEST_OFFSET = "latestOffset"
GET_BATCH = "getBatch"
QUERY_PLANNING = "queryPlanning"
WAL_COMMIT = "walCommit"
ADD_BATCH = "addBatch"
COMMIT_OFFSETS = "commitOffsets"
TRIGGER_EXECUTION = "triggerExecution"


def rows_per_second(rows: int, seconds: float | None) -> float:
    """Return a rate as Spark computes it: infinite or NaN for zero seconds, 0.0 for None.

    Args:
        rows: Rows of the batch.
        seconds: Time they took; None where there is nothing to measure against, such as before the first trigger.

    Source: Spark ProgressContext.finishTrigger (the first trigger's distance is infinite, so its rate is zero).
    """
    if seconds is None:
        return 0.0
    if seconds > 0:
        return rows / seconds
    return math.inf if rows else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTimeStats:
    """Event times of a batch; None for max, min, avg without rows, for the watermark without one."""

    max_us: EventTime | None = None
    min_us: EventTime | None = None
    avg_us: EventTime | None = None
    watermark_us: EventTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOperatorProgress:
    """One stateful operator; names such as ``stateStoreSave`` or ``dedupe`` are Spark's."""

    operator_name: str
    num_rows_total: int = 0
    num_rows_updated: int = 0
    all_updates_time_ms: int = 0
    num_rows_removed: int = 0
    all_removals_time_ms: int = 0
    commit_time_ms: int = 0
    memory_used_bytes: int = 0
    num_rows_dropped_by_watermark: int = 0
    num_shuffle_partitions: int = 1
    num_state_store_instances: int = 1
    custom_metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProgress:
    """One source; an offset is None where there is none yet (the start of a query's first batch)."""

    description: str
    start_offset: Offset | None
    end_offset: Offset | None
    latest_offset: Offset | None
    num_input_rows: int
    input_rows_per_second: float
    processed_rows_per_second: float
    metrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkProgress:
    """The sink; `num_output_rows` is -1 where the sink cannot tell."""

    description: str
    num_output_rows: int = -1
    metrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSeconds:
    """How long each phase of the batch took, in seconds, in the order of the protocol."""

    plan: float = 0.0
    wal: float = 0.0
    read: float = 0.0
    compute: float = 0.0
    produce: float = 0.0
    delta: float = 0.0
    commit: float = 0.0
    apply: float = 0.0


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far one partition is behind: `records` to the last stable offset, `lso_records` from there to its end."""

    topic: str
    partition: int
    records: int
    lso_records: int


def partition_lags(lag: SourceLag) -> tuple[PartitionLag, ...]:
    """Return a source's lag per partition, sorted; the source names partitions ``topic-partition``.

    A name without a number, as of a source that is no Kafka, counts as its partition 0.
    """
    lags = []
    for name in sorted({*lag.behind, *lag.stable_behind}):
        topic, _, number = name.rpartition("-")
        where = (topic, int(number)) if topic and number.isdigit() else (name, 0)
        lags.append(PartitionLag(*where, lag.behind.get(name, 0), lag.stable_behind.get(name, 0)))
    return tuple(sorted(lags, key=lambda each: (each.topic, each.partition)))


def newest_offset(end: Offset, lag: SourceLag) -> Offset:
    """Return the newest offset there is: the end of the batch plus what lies behind it, by topic and partition.

    Source: Spark KafkaMicroBatchStream.reportLatestOffset. Of a source that tells no lag it is the end of the batch.
    """
    if not lag.behind:
        return end
    found: dict[str, dict[str, Any]] = {
        topic: dict(places) for topic, places in end.items() if isinstance(places, dict)
    }
    for each in partition_lags(lag):
        places = found.setdefault(each.topic, {})
        places[str(each.partition)] = places.get(str(each.partition), 0) + each.records
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What Spark does not tell of a source; `name` is the one in the pipeline file.

    `decode_errors` maps a reason from a fixed list, never a text with data in it, to the batch's count.
    """

    name: str
    rows: int = 0
    bytes_read: int = 0
    lag: tuple[PartitionLag, ...] = ()
    max_event_time_us: EventTime | None = None
    decode_errors: Mapping[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    data_loss_records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """What Spark does not tell of a stateful operator; `name` is the step id that names its state.

    `late_rows` counts as Spark does, groups after partial aggregation; `late_input_rows` counts rows of the
    sources one by one, and is None where no watermark asks for it.
    """

    name: str
    late_rows: int = 0
    late_input_rows: int | None = None
    state_rows: int = 0
    state_bytes: Mapping[str, int] = field(default_factory=dict)  # sst | memtable | cache


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """What Spark's progress has no place for, of the same batch.

    Attributes:
        query: The query's name in the pipeline file; the label of every metric.
        completed_us: When the batch was done, by the clock.
        executed: False for the progress of a trigger that ran no batch.
        phases: Durations of the protocol's phases, seconds.
        sources: One for each source of the query.
        operators: One for each stateful operator, downstream first as in Spark's list.
        sink: The sink's name, such as its format.
        output_rows: Rows the sink took.
        transactions: Result, ``committed`` or ``aborted``, to how many ended so since the last progress.
        restarts: How often the query was restarted in this process.
        future_rows: Rows set aside because they lay too far in the future, by watermark step that looks for them.
    """

    query: str
    completed_us: ProcessingTime
    executed: bool = True
    phases: PhaseSeconds = field(default_factory=PhaseSeconds)
    sources: tuple[SourceFacts, ...] = ()
    operators: tuple[OperatorFacts, ...] = ()
    sink: str = "sink"
    output_rows: int = 0
    transactions: Mapping[str, int] = field(default_factory=dict)
    restarts: int = 0
    future_rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes_read(self) -> int:
        """Bytes read from all sources."""
        return sum(source.bytes_read for source in self.sources)

    @property
    def lag_records(self) -> int:
        """Records all partitions of all sources are behind."""
        return sum(part.records for source in self.sources for part in source.lag)

    @property
    def late_rows(self) -> int:
        """Rows dropped by the watermark, counted as Spark does."""
        return sum(operator.late_rows for operator in self.operators)

    @property
    def late_input_rows(self) -> int | None:
        """Rows of the sources that came too late, one by one; None where no watermark asks for it."""
        counts = [each.late_input_rows for each in self.operators if each.late_input_rows is not None]
        return sum(counts) if counts else None

    @property
    def state_rows(self) -> int:
        """Rows in the state of all operators."""
        return sum(operator.state_rows for operator in self.operators)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """One batch of one run of a query, with the fields of Spark's StreamingQueryProgress.

    Attributes:
        id: The query's id, the same for the checkpoint's life.
        run_id: New at each start.
        timestamp_us: When the trigger started.
        batch_duration_ms: From trigger start to the end of the batch.
        duration_ms: Spark's phase name, one of the constants of this module, to milliseconds; only phases that ran.
        state_operators: Downstream operator first.
        facts: What Spark has no field for.
    """

    id: str
    run_id: str
    name: str | None
    timestamp_us: ProcessingTime
    batch_id: int
    batch_duration_ms: int
    num_input_rows: int
    input_rows_per_second: float
    processed_rows_per_second: float
    duration_ms: Mapping[str, int]
    event_time: EventTimeStats
    state_operators: tuple[StateOperatorProgress, ...]
    sources: tuple[SourceProgress, ...]
    sink: SinkProgress
    facts: BatchFacts
    observed_metrics: Mapping[str, JsonValue] = field(default_factory=dict)
