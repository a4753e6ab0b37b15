"""Room 10: the Prometheus collectors, on a registry that is passed in.

Takes a BatchProgress a batch and single events between batches; the registry is what `/metrics` shows. Nothing is
registered when this module is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from headrace import __version__
from headrace.progress import catalogue as names
from headrace.progress.catalogue import METRICS, MetricKind, MetricSpec
from headrace.progress.model import BatchFacts, BatchProgress, OperatorFacts, SourceFacts
from headrace.values import US_PER_MS, US_PER_S, ProcessingTime

_Labels = tuple[str, ...]
_RARE: tuple[tuple[MetricSpec, *tuple[str, ...]], ...] = (
    (names.STATE_CORRUPTION,),
    (names.CHECKPOINT_FAILURES,),
    (names.FENCED, "superseded"),
    (names.FENCED, "timeout"),
    (names.TRANSACTIONS, "committed"),
    (names.TRANSACTIONS, "aborted"),
)


class Metrics:
    """All metrics of one process; safe to call from the threads of several queries.

    Args:
        registry: Where the collectors live; each registry can carry one Metrics.
        version: The label of headrace_build_info.
    """

    def __init__(self, registry: CollectorRegistry, *, version: str = __version__) -> None:
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for spec in METRICS:
            self._register(spec, registry)
        ProcessCollector(registry=registry)
        self._gauges[names.BUILD.name].labels(version).set(1)
        self._states: dict[str, str] = {}
        self._shown: dict[tuple[str, str], set[_Labels]] = {}  # (metric, query) -> label values it has now
        self._lock = threading.Lock()

    def _register(self, spec: MetricSpec, registry: CollectorRegistry) -> None:
        match spec.kind:
            case MetricKind.COUNTER:
                self._counters[spec.name] = Counter(spec.name, spec.doc, spec.labels, registry=registry)
            case MetricKind.GAUGE:
                self._gauges[spec.name] = Gauge(spec.name, spec.doc, spec.labels, registry=registry)
            case MetricKind.HISTOGRAM:
                self._histograms[spec.name] = Histogram(
                    spec.name, spec.doc, spec.labels, registry=registry, buckets=spec.buckets
                )

    def observe(self, progress: BatchProgress) -> None:
        """Count one progress; one of a trigger that ran no batch only moves lag and the time of the last trigger."""
        facts = progress.facts
        self.trigger_finished(facts.query, facts.completed_us)
        self._show_lag(facts)
        self._count(names.TRANSACTIONS, facts.query, facts.transactions)
        if not facts.executed:
            return
        query = facts.query
        self._set(names.BATCH_ID, progress.batch_id, query)
        self._set(names.LAST_BATCH, facts.completed_us / US_PER_S, query)
        self._measure(names.BATCH_DURATION, progress.batch_duration_ms * US_PER_MS / US_PER_S, query)
        for phase, seconds in asdict(facts.phases).items():
            self._measure(names.PHASE_DURATION, seconds, query, phase)
        for source in facts.sources:
            self._observe_source(facts, source)
        for operator in facts.operators:
            self._observe_operator(query, operator)
        self._count(names.FUTURE_ROWS, query, facts.future_rows)
        self._inc(names.OUTPUT_ROWS, facts.output_rows, query, facts.sink)
        watermark_us = progress.event_time.watermark_us
        if watermark_us is not None:
            self._set(names.WATERMARK, watermark_us / US_PER_S, query)
            self._set(names.WATERMARK_DELAY, (facts.completed_us - watermark_us) / US_PER_S, query)

    def query_configured(self, query: str, *, trigger_interval_s: float, allowed_delay_s: float | None) -> None:
        """Publish what alerts compare with: the trigger interval and the largest watermark delay, in seconds.

        Also shows the rare counters at 0, since a counter that appears with its first event has not increased.
        """
        for spec, *labels in _RARE:
            self._inc(spec, 0, query, *labels)
        self._set(names.TRIGGER_INTERVAL, trigger_interval_s, query)
        if allowed_delay_s is not None:
            self._set(names.ALLOWED_DELAY, allowed_delay_s, query)

    def query_state(self, query: str, state: str) -> None:
        """Show 1 for this state of the query and 0 for the one it leaves."""
        with self._lock:
            before = self._states.get(query)
            self._states[query] = state
            if before is not None:
                self._set(names.QUERY_STATE, 0, query, before)
            self._set(names.QUERY_STATE, 1, query, state)

    def trigger_finished(self, query: str, at_us: ProcessingTime) -> None:
        """Move the time of the last trigger; called for idle triggers too, so that a stuck loop shows."""
        self._set(names.LAST_TRIGGER, at_us / US_PER_S, query)

    def restarted(self, query: str, recovery_case: str) -> None:
        """Count a start on an old checkpoint by the case recovery found, a word from its fixed list."""
        self._inc(names.RESTARTS, 1, query, recovery_case)

    def fenced(self, query: str, cause: str) -> None:
        """Count a fencing; cause is superseded or timeout."""
        self._inc(names.FENCED, 1, query, cause)

    def producer_recreated(self, query: str, reason: str) -> None:
        """Count a producer thrown away; reason is a word from a fixed list."""
        self._inc(names.PRODUCER_RECREATED, 1, query, reason)

    def sink_failed(self, query: str, sink: str) -> None:
        """Count a batch the sink refused."""
        self._inc(names.SINK_ERRORS, 1, query, sink)

    def state_corrupted(self, query: str) -> None:
        """Count a failed checksum of the local state."""
        self._inc(names.STATE_CORRUPTION, 1, query)

    def snapshot_written(self, query: str, *, seconds: float, size_bytes: int, at_us: ProcessingTime) -> None:
        """Record a snapshot: how long it took, its size in bytes, when it was done."""
        self._measure(names.CHECKPOINT_DURATION, seconds, query)
        self._set(names.CHECKPOINT_BYTES, size_bytes, query)
        self._set(names.LAST_SNAPSHOT, at_us / US_PER_S, query)

    def snapshot_failed(self, query: str) -> None:
        """Count a snapshot that could not be written."""
        self._inc(names.CHECKPOINT_FAILURES, 1, query)

    def restored(self, query: str, seconds: float) -> None:
        """Show how long the restore took."""
        self._set(names.RESTORE_DURATION, seconds, query)

    def decode_failed(self, query: str, source: str, reasons: Mapping[str, int]) -> None:
        """Count records that could not be decoded, by reason; the engine's progress reports those of batches."""
        for reason, records in reasons.items():
            self._inc(names.DECODE_ERRORS, records, query, source, reason)

    def _observe_source(self, facts: BatchFacts, source: SourceFacts) -> None:
        query, name = facts.query, source.name
        self._inc(names.INPUT_ROWS, source.rows, query, name)
        self._inc(names.INPUT_BYTES, source.bytes_read, query, name)
        self._inc(names.DATA_LOSS, source.data_loss_records, query, name)
        self._inc(names.DLQ_RECORDS, source.dead_letters, query, name)
        self.decode_failed(query, name, source.decode_errors)
        if source.max_event_time_us is not None:
            self._set(names.EVENT_TIME_LAG, (facts.completed_us - source.max_event_time_us) / US_PER_S, query, name)

    def _observe_operator(self, query: str, operator: OperatorFacts) -> None:
        self._inc(names.LATE_ROWS, operator.late_rows, query, operator.name)
        if operator.late_input_rows is not None:
            self._inc(names.LATE_INPUT_ROWS, operator.late_input_rows, query, operator.name)
        self._set(names.STATE_ROWS, operator.state_rows, query, operator.name)
        for kind, size_bytes in operator.state_bytes.items():
            self._set(names.STATE_BYTES, size_bytes, query, operator.name, kind)

    def _show_lag(self, facts: BatchFacts) -> None:
        parts = [(source.name, part) for source in facts.sources for part in source.lag]
        behind: dict[_Labels, float] = {(name, part.topic, str(part.partition)): part.records for name, part in parts}
        held_back: dict[_Labels, float] = {
            (name, part.topic, str(part.partition)): part.lso_records for name, part in parts
        }
        self._show_only(names.CONSUMER_LAG, facts.query, behind)
        self._show_only(names.LSO_LAG, facts.query, held_back)

    def _show_only(self, spec: MetricSpec, query: str, values: Mapping[_Labels, float]) -> None:
        # A deleted topic's last lag would stand for ever and keep an alert firing.
        for gone in self._shown.get((spec.name, query), set()) - values.keys():
            self._gauges[spec.name].remove(query, *gone)
        for labels, value in values.items():
            self._set(spec, value, query, *labels)
        self._shown[spec.name, query] = set(values)

    def _count(self, spec: MetricSpec, query: str, amounts: Mapping[str, int]) -> None:
        for label, amount in amounts.items():
            self._inc(spec, amount, query, label)

    def _inc(self, spec: MetricSpec, amount: float, *labels: str) -> None:
        self._counters[spec.name].labels(*labels).inc(amount)

    def _set(self, spec: MetricSpec, value: float, *labels: str) -> None:
        self._gauges[spec.name].labels(*labels).set(value)

    def _measure(self, spec: MetricSpec, seconds: float, *labels: str) -> None:
        self._histograms[spec.name].labels(*labels).observe(seconds)
