"""Room 10: each metric has the value the batch gave it, and no label comes from data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from tests.progress.sample import EVENT_US, FACTS, IDLE, PROGRESS, START_US

from headrace.progress.catalogue import METRICS, MetricKind
from headrace.progress.metrics import Metrics
from headrace.progress.model import PartitionLag
from headrace.values import ProcessingTime

DONE_S = (START_US + 250_000) / 1e6
PLACE = {"query": "counts", "source": "events", "topic": "events"}
Q = {"query": "counts"}
FROM_CONFIGURATION = {
    *("query", "source", "topic", "partition", "operator", "sink", "phase", "reason"),
    *("state", "kind", "result", "cause", "recovery_case", "version"),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of this test alone."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """Fresh metrics on it."""
    return Metrics(registry, version="1.2.3")


def test_a_batch_sets_every_metric_it_knows(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Each value is asserted, not only its name."""
    metrics.observe(PROGRESS)
    source, operator = {**Q, "source": "events"}, {**Q, "operator": "aggregate-1"}
    expected: list[tuple[str, dict[str, str], float]] = [
        ("headrace_build_info", {"version": "1.2.3"}, 1),
        ("headrace_batch_id", Q, 7),
        ("headrace_last_batch_completed_timestamp_seconds", Q, DONE_S),
        ("headrace_last_trigger_timestamp_seconds", Q, DONE_S),
        ("headrace_batch_duration_seconds_sum", Q, 0.25),
        ("headrace_batch_duration_seconds_count", Q, 1),
        ("headrace_batch_duration_seconds_bucket", {**Q, "le": "0.1"}, 0),
        ("headrace_batch_duration_seconds_bucket", {**Q, "le": "0.25"}, 1),
        ("headrace_input_rows_total", source, 100),
        ("headrace_input_bytes_total", source, 21_000),
        ("headrace_output_rows_total", {**Q, "sink": "kafka"}, 9),
        ("headrace_consumer_lag_records", {**PLACE, "partition": "0"}, 7),
        ("headrace_consumer_lag_records", {**PLACE, "partition": "1"}, 3),
        ("headrace_lso_lag_records", {**PLACE, "partition": "0"}, 1),
        ("headrace_lso_lag_records", {**PLACE, "partition": "1"}, 0),
        ("headrace_source_event_time_lag_seconds", source, (START_US + 250_000 - EVENT_US) / 1e6),
        ("headrace_data_loss_records_total", source, 5),
        ("headrace_decode_errors_total", {**source, "reason": "malformed"}, 2),
        ("headrace_dlq_records_total", source, 2),
        ("headrace_watermark_timestamp_seconds", Q, EVENT_US / 1e6 - 20),
        ("headrace_watermark_delay_seconds", Q, (START_US + 250_000 - EVENT_US + 20_000_000) / 1e6),
        ("headrace_late_rows_dropped_total", operator, 4),
        ("headrace_late_input_rows_total", operator, 11),
        ("headrace_future_rows_total", {**Q, "operator": "watermark-0"}, 3),
        ("headrace_state_rows", operator, 12),
        ("headrace_state_bytes", {**operator, "kind": "sst"}, 900),
        ("headrace_state_bytes", {**operator, "kind": "cache"}, 100),
        ("headrace_transactions_total", {**Q, "result": "committed"}, 1),
        *(
            ("headrace_batch_phase_duration_seconds_sum", {**Q, "phase": phase}, number / 1000)
            for number, phase in enumerate(("plan", "wal", "read", "compute", "produce", "delta", "commit", "apply"), 1)
        ),
    ]
    seen = [(name, labels, registry.get_sample_value(name, labels)) for name, labels, _ in expected]
    assert seen == expected


def test_counters_add_up_over_batches(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A counter never falls, a gauge holds the last value."""
    metrics.observe(PROGRESS)
    metrics.observe(replace(PROGRESS, batch_id=8))
    assert registry.get_sample_value("headrace_input_rows_total", {**Q, "source": "events"}) == 200
    assert registry.get_sample_value("headrace_batch_id", Q) == 8


def test_an_idle_trigger_moves_the_last_trigger_and_counts_no_batch(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """A quiet topic is told apart from a stuck loop."""
    metrics.observe(PROGRESS)
    metrics.observe(IDLE)
    assert registry.get_sample_value("headrace_last_trigger_timestamp_seconds", Q) == START_US / 1e6 + 10
    assert registry.get_sample_value("headrace_last_batch_completed_timestamp_seconds", Q) == DONE_S
    assert registry.get_sample_value("headrace_batch_duration_seconds_count", Q) == 1
    assert registry.get_sample_value("headrace_input_rows_total", {**Q, "source": "events"}) == 100


def test_the_lag_of_a_partition_that_is_gone_disappears(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Its last value would keep an alert firing for ever."""
    metrics.observe(PROGRESS)
    left = replace(FACTS.sources[0], lag=(PartitionLag("events", 1, 4, 0),))
    metrics.observe(replace(PROGRESS, facts=replace(FACTS, sources=(left,))))
    assert registry.get_sample_value("headrace_consumer_lag_records", {**PLACE, "partition": "0"}) is None
    assert registry.get_sample_value("headrace_lso_lag_records", {**PLACE, "partition": "0"}) is None
    assert registry.get_sample_value("headrace_consumer_lag_records", {**PLACE, "partition": "1"}) == 4


def test_exactly_one_state_of_a_query_is_one(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The state it left shows 0, so that a sum over states is the number of queries."""
    for state in ("initializing", "running", "running", "failed"):
        metrics.query_state("counts", state)
    shown = {
        state: registry.get_sample_value("headrace_query_state", {**Q, "state": state})
        for state in ("initializing", "running", "failed")
    }
    assert shown == {"initializing": 0, "running": 0, "failed": 1}


def test_events_between_batches_are_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Every event method moves its own metric by what it was given."""
    metrics.query_configured("counts", trigger_interval_s=1.5, allowed_delay_s=10)
    metrics.trigger_finished("counts", ProcessingTime(5_000_000))
    metrics.restarted("counts", "rerun")
    metrics.fenced("counts", "superseded")
    metrics.producer_recreated("counts", "indoubt")
    metrics.sink_failed("counts", "kafka")
    metrics.state_corrupted("counts")
    metrics.snapshot_written("counts", seconds=0.5, size_bytes=4096, at_us=ProcessingTime(6_000_000))
    metrics.snapshot_failed("counts")
    metrics.decode_failed("counts", "events", {"malformed": 3})
    source = {**Q, "source": "events"}
    expected: list[tuple[str, dict[str, str], float]] = [
        ("headrace_trigger_interval_seconds", Q, 1.5),
        ("headrace_watermark_allowed_delay_seconds", Q, 10),
        ("headrace_last_trigger_timestamp_seconds", Q, 5),
        ("headrace_restarts_total", {**Q, "recovery_case": "rerun"}, 1),
        ("headrace_fenced_total", {**Q, "cause": "superseded"}, 1),
        ("headrace_producer_recreated_total", {**Q, "reason": "indoubt"}, 1),
        ("headrace_sink_errors_total", {**Q, "sink": "kafka"}, 1),
        ("headrace_state_corruption_total", Q, 1),
        ("headrace_checkpoint_duration_seconds_sum", Q, 0.5),
        ("headrace_checkpoint_bytes", Q, 4096),
        ("headrace_last_snapshot_timestamp_seconds", Q, 6),
        ("headrace_checkpoint_failures_total", Q, 1),
        ("headrace_decode_errors_total", {**source, "reason": "malformed"}, 3),
    ]
    assert [(name, labels, registry.get_sample_value(name, labels)) for name, labels, _ in expected] == expected
    metrics.restored("counts", 2.0)
    assert registry.get_sample_value("headrace_state_restore_duration_seconds", Q) == 2


def test_rare_counters_stand_at_zero_from_the_start(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Prometheus sees no increase in a counter that appears with its first event."""
    metrics.query_configured("counts", trigger_interval_s=0, allowed_delay_s=None)
    rare: list[tuple[str, dict[str, str]]] = [
        ("headrace_state_corruption_total", Q),
        ("headrace_checkpoint_failures_total", Q),
        ("headrace_fenced_total", {**Q, "cause": "superseded"}),
        ("headrace_fenced_total", {**Q, "cause": "timeout"}),
        ("headrace_transactions_total", {**Q, "result": "aborted"}),
    ]
    assert [registry.get_sample_value(name, labels) for name, labels in rare] == [0, 0, 0, 0, 0]
    assert registry.get_sample_value("headrace_watermark_allowed_delay_seconds", Q) is None


def test_memory_and_cpu_of_the_process_are_there(registry: CollectorRegistry, metrics: Metrics) -> None:
    """They come from prometheus-client's own collector."""
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        value = registry.get_sample_value(name)
        assert value is not None
        assert value > 0


def test_names_and_labels_follow_the_rules() -> None:
    """Prefix, base units and ``_total`` for counters; labels only from configuration or a fixed list."""
    assert len({spec.name for spec in METRICS}) == len(METRICS)
    for spec in METRICS:
        assert spec.name.startswith("headrace_")
        assert spec.name.endswith("_total") == (spec.kind is MetricKind.COUNTER)
        assert not spec.name.endswith(("_ms", "_us", "_mb"))
        assert set(spec.labels) <= FROM_CONFIGURATION
        assert spec.doc.endswith(".")


def test_two_registries_stand_side_by_side(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Nothing is shared, so tests and embedders can have several."""
    other = CollectorRegistry()
    Metrics(other).observe(PROGRESS)
    assert registry.get_sample_value("headrace_batch_id", Q) is None
    assert other.get_sample_value("headrace_batch_id", Q) == 7


def test_importing_registers_nothing_of_ours_globally() -> None:
    """The global registry belongs to the program that embeds us."""
    code = "import headrace.progress.metrics, prometheus_client as p; print(p.generate_latest().decode())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "headrace_" not in shown.stdout
