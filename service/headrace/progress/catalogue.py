"""Room 10: the names of all metrics, with what they count and their labels.

One table, from which the collectors are built and the reference page is checked. Labels come from the configuration or
from a fixed list, never from data. Units are Prometheus' base units: seconds, bytes; counters end in ``_total``.
"""

from __future__ import annotations

from enum import Enum

from headrace.dataclass import dataclass

_SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class MetricKind(Enum):
    """Prometheus' kinds."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its full name as scraped, what it says, its labels, and buckets of a histogram."""

    name: str
    kind: MetricKind
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = _SECONDS_BUCKETS


def _counter(name: str, doc: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"headrace_{name}", MetricKind.COUNTER, doc, ("query", *labels))


def _gauge(name: str, doc: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"headrace_{name}", MetricKind.GAUGE, doc, ("query", *labels))


def _histogram(name: str, doc: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"headrace_{name}", MetricKind.HISTOGRAM, doc, ("query", *labels))


_PARTITION = ("source", "topic", "partition")

BUILD = MetricSpec("headrace_build_info", MetricKind.GAUGE, "Always 1; the label is the running version.", ("version",))

QUERY_STATE = _gauge("query_state", "1 for the state the query is in, 0 for those it was in.", "state")
TRIGGER_INTERVAL = _gauge("trigger_interval_seconds", "Configured trigger interval; 0 for as soon as possible.")
LAST_TRIGGER = _gauge("last_trigger_timestamp_seconds", "When the loop last finished a trigger, batch or none.")
BATCH_ID = _gauge("batch_id", "Number of the last completed batch.")
LAST_BATCH = _gauge("last_batch_completed_timestamp_seconds", "When the last batch was completed.")
BATCH_DURATION = _histogram("batch_duration_seconds", "From trigger start to the end of the batch.")
PHASE_DURATION = _histogram("batch_phase_duration_seconds", "Time in one phase of a batch.", "phase")

INPUT_ROWS = _counter("input_rows_total", "Rows read.", "source")
INPUT_BYTES = _counter("input_bytes_total", "Bytes of keys and values read.", "source")
OUTPUT_ROWS = _counter("output_rows_total", "Rows the sink took.", "sink")
CONSUMER_LAG = _gauge("consumer_lag_records", "Records from the batch's end to the last stable offset.", *_PARTITION)
LSO_LAG = _gauge(
    "lso_lag_records",
    "Records from the last stable offset to the end; open transactions hold them back.",
    *_PARTITION,
)
EVENT_TIME_LAG = _gauge(
    "source_event_time_lag_seconds", "Completion of the batch minus the newest event time in it.", "source"
)
DATA_LOSS = _counter("data_loss_records_total", "Offsets that were gone before they were read.", "source")
DECODE_ERRORS = _counter("decode_errors_total", "Records that could not be decoded.", "source", "reason")
DLQ_RECORDS = _counter("dlq_records_total", "Records sent to the dead-letter topic.", "source")

WATERMARK = _gauge("watermark_timestamp_seconds", "The watermark of the last batch, as event time.")
WATERMARK_DELAY = _gauge("watermark_delay_seconds", "Completion of the batch minus its watermark.")
ALLOWED_DELAY = _gauge("watermark_allowed_delay_seconds", "Largest watermark delay configured in the query.")
LATE_ROWS = _counter(
    "late_rows_dropped_total",
    "Rows dropped because they were behind the watermark, as Spark counts them: groups, where rows were grouped first.",
    "operator",
)
LATE_INPUT_ROWS = _counter(
    "late_input_rows_total", "Rows of the sources that came too late, one by one; with late_rows set.", "operator"
)
FUTURE_ROWS = _counter(
    "future_rows_total", "Rows set aside because they lay too far in the future; with max_future_skew set.", "operator"
)

STATE_ROWS = _gauge("state_rows", "Rows in the state of an operator.", "operator")
STATE_BYTES = _gauge("state_bytes", "Bytes of state; kind is sst, memtable or cache.", "operator", "kind")
RESTORE_DURATION = _gauge("state_restore_duration_seconds", "How long the last restore of state took.")
CHECKPOINT_DURATION = _histogram("checkpoint_duration_seconds", "Time to write a snapshot of the state.")
CHECKPOINT_BYTES = _gauge("checkpoint_bytes", "Size of the last snapshot.")
CHECKPOINT_FAILURES = _counter("checkpoint_failures_total", "Snapshots that could not be written.")
LAST_SNAPSHOT = _gauge("last_snapshot_timestamp_seconds", "When the last snapshot was written.")
STATE_CORRUPTION = _counter("state_corruption_total", "Times the local state failed a checksum.")

TRANSACTIONS = _counter("transactions_total", "Ended transactions; result is committed or aborted.", "result")
PRODUCER_RECREATED = _counter("producer_recreated_total", "Producers thrown away for a new one.", "reason")
FENCED = _counter("fenced_total", "Times the broker fenced the producer; cause is superseded or timeout.", "cause")
SINK_ERRORS = _counter("sink_errors_total", "Batches the sink refused.", "sink")
RESTARTS = _counter("restarts_total", "Starts on an old checkpoint, by what recovery did.", "recovery_case")

METRICS: tuple[MetricSpec, ...] = (
    BUILD,
    QUERY_STATE,
    TRIGGER_INTERVAL,
    LAST_TRIGGER,
    BATCH_ID,
    LAST_BATCH,
    BATCH_DURATION,
    PHASE_DURATION,
    INPUT_ROWS,
    INPUT_BYTES,
    OUTPUT_ROWS,
    CONSUMER_LAG,
    LSO_LAG,
    EVENT_TIME_LAG,
    DATA_LOSS,
    DECODE_ERRORS,
    DLQ_RECORDS,
    WATERMARK,
    WATERMARK_DELAY,
    ALLOWED_DELAY,
    LATE_ROWS,
    LATE_INPUT_ROWS,
    FUTURE_ROWS,
    STATE_ROWS,
    STATE_BYTES,
    RESTORE_DURATION,
    CHECKPOINT_DURATION,
    CHECKPOINT_BYTES,
    CHECKPOINT_FAILURES,
    LAST_SNAPSHOT,
    STATE_CORRUPTION,
    TRANSACTIONS,
    PRODUCER_RECREATED,
    FENCED,
    SINK_ERRORS,
    RESTARTS,
)
"""Every metric of ours, in the order of the reference page."""
