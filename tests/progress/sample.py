"""A progress with every field set, for the tests of progress and web."""

from __future__ import annotations

from dataclasses import replace

from headrace.progress.model import (
    BatchFacts,
    BatchProgress,
    EventTimeStats,
    OperatorFacts,
    PartitionLag,
    PhaseSeconds,
    SinkProgress,
    SourceFacts,
    SourceProgress,
    StateOperatorProgress,
)
from headrace.values import EventTime, ProcessingTime

START_US = 1_700_000_000_123_456  # 2023-11-14T22:13:20.123456Z
EVENT_US = 1_699_999_990_000_000

FACTS = BatchFacts(
    query="counts",
    completed_us=ProcessingTime(START_US + 250_000),
    phases=PhaseSeconds(
        plan=0.001, wal=0.002, read=0.003, compute=0.004, produce=0.005, delta=0.006, commit=0.007, apply=0.008
    ),
    sources=(
        SourceFacts(
            name="events",
            rows=100,
            bytes_read=21_000,
            lag=(PartitionLag("events", 0, 7, 1), PartitionLag("events", 1, 3, 0)),
            max_event_time_us=EventTime(EVENT_US),
            decode_errors={"malformed": 2},
            dead_letters=2,
            data_loss_records=5,
        ),
    ),
    operators=(
        OperatorFacts(
            name="aggregate-1",
            late_rows=4,
            late_input_rows=11,
            state_rows=12,
            state_bytes={"sst": 900, "cache": 100},
        ),
    ),
    sink="kafka",
    output_rows=9,
    transactions={"committed": 1},
    restarts=1,
    future_rows={"watermark-0": 3},
)

PROGRESS = BatchProgress(
    id="11111111-1111-1111-1111-111111111111",
    run_id="22222222-2222-2222-2222-222222222222",
    name="counts",
    timestamp_us=ProcessingTime(START_US),
    batch_id=7,
    batch_duration_ms=250,
    num_input_rows=100,
    input_rows_per_second=50.0,
    processed_rows_per_second=400.0,
    duration_ms={"walCommit": 2, "addBatch": 200, "triggerExecution": 250},
    event_time=EventTimeStats(
        max_us=EventTime(EVENT_US),
        min_us=EventTime(EVENT_US - 4_000_000),
        avg_us=EventTime(EVENT_US - 1_999_999),
        watermark_us=EventTime(EVENT_US - 20_000_000),
    ),
    state_operators=(
        StateOperatorProgress(
            operator_name="stateStoreSave",
            num_rows_total=12,
            num_rows_updated=9,
            all_updates_time_ms=3,
            num_rows_removed=2,
            all_removals_time_ms=1,
            commit_time_ms=4,
            memory_used_bytes=1000,
            num_rows_dropped_by_watermark=4,
            custom_metrics={"zed": 1, "alpha": 2},
        ),
    ),
    sources=(
        SourceProgress(
            description="KafkaV2[Subscribe[events]]",
            start_offset={"events": {"0": 10}},
            end_offset={"events": {"0": 110}},
            latest_offset={"events": {"0": 117}},
            num_input_rows=100,
            input_rows_per_second=50.0,
            processed_rows_per_second=400.0,
            metrics={"minOffsetsBehindLatest": "3", "avgOffsetsBehindLatest": "5.0"},
        ),
    ),
    sink=SinkProgress(description="KafkaSink[counts]", num_output_rows=9),
    facts=FACTS,
)

IDLE = replace(
    PROGRESS,
    batch_id=8,
    num_input_rows=0,
    duration_ms={"latestOffset": 1, "triggerExecution": 1},
    facts=replace(FACTS, executed=False, transactions={}, completed_us=ProcessingTime(START_US + 10_000_000)),
)
