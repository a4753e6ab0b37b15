"""Room 10: the JSON of a progress, equal to Spark's lastProgress field by field and rule by rule.

Takes a BatchProgress; gives a dict for json.dumps, in Spark's field order. Empty maps and rates that are no number are
left out, keys inside maps are sorted, times are ISO text with milliseconds.
Source: Spark org.apache.spark.sql.streaming.progress (StreamingQueryProgress.jsonValue).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from headrace.contract import JsonValue
from headrace.progress.model import (
    BatchProgress,
    EventTimeStats,
    SinkProgress,
    SourceProgress,
    StateOperatorProgress,
)
from headrace.values import iso_millis

JsonObject = dict[str, JsonValue]


def to_spark_json(progress: BatchProgress) -> JsonObject:
    """Return the JSON object that Spark's ``lastProgress`` shows for this batch."""
    return {
        "id": progress.id,
        "runId": progress.run_id,
        "name": progress.name,
        "timestamp": iso_millis(progress.timestamp_us),
        "batchId": progress.batch_id,
        "batchDuration": progress.batch_duration_ms,
        "numInputRows": progress.num_input_rows,
        **_rates(progress.input_rows_per_second, progress.processed_rows_per_second),
        **_sorted_map("durationMs", progress.duration_ms),
        **_sorted_map("eventTime", _event_time(progress.event_time)),
        "stateOperators": [_state_operator(operator) for operator in progress.state_operators],
        "sources": [_source(source) for source in progress.sources],
        "sink": _sink(progress.sink),
        **_sorted_map("observedMetrics", progress.observed_metrics),
    }


def _rates(input_rate: float, processed_rate: float) -> JsonObject:
    rates = {"inputRowsPerSecond": input_rate, "processedRowsPerSecond": processed_rate}
    return {name: rate for name, rate in rates.items() if math.isfinite(rate)}


def _sorted_map(name: str, entries: Mapping[str, JsonValue]) -> JsonObject:
    return {name: dict(sorted(entries.items()))} if entries else {}


def _event_time(stats: EventTimeStats) -> dict[str, str]:
    times = {"max": stats.max_us, "min": stats.min_us, "avg": stats.avg_us, "watermark": stats.watermark_us}
    return {name: iso_millis(time) for name, time in times.items() if time is not None}


def _state_operator(operator: StateOperatorProgress) -> JsonObject:
    return {
        "operatorName": operator.operator_name,
        "numRowsTotal": operator.num_rows_total,
        "numRowsUpdated": operator.num_rows_updated,
        "allUpdatesTimeMs": operator.all_updates_time_ms,
        "numRowsRemoved": operator.num_rows_removed,
        "allRemovalsTimeMs": operator.all_removals_time_ms,
        "commitTimeMs": operator.commit_time_ms,
        "memoryUsedBytes": operator.memory_used_bytes,
        "numRowsDroppedByWatermark": operator.num_rows_dropped_by_watermark,
        "numShufflePartitions": operator.num_shuffle_partitions,
        "numStateStoreInstances": operator.num_state_store_instances,
        **_sorted_map("customMetrics", operator.custom_metrics),
    }


def _source(source: SourceProgress) -> JsonObject:
    return {
        "description": source.description,
        "startOffset": source.start_offset,
        "endOffset": source.end_offset,
        "latestOffset": source.latest_offset,
        "numInputRows": source.num_input_rows,
        **_rates(source.input_rows_per_second, source.processed_rows_per_second),
        **_sorted_map("metrics", source.metrics),
    }


def _sink(sink: SinkProgress) -> JsonObject:
    return {
        "description": sink.description,
        "numOutputRows": sink.num_output_rows,
        **_sorted_map("metrics", sink.metrics),
    }
