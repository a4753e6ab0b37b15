"""Room 10: the JSON has Spark's fields, order and omissions."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from tests.progress.sample import PROGRESS

from headrace.progress.model import EventTimeStats, SinkProgress, rows_per_second
from headrace.progress.spark_json import to_spark_json
from headrace.values import EventTime

EXPECTED = """{
  "id" : "11111111-1111-1111-1111-111111111111",
  "runId" : "22222222-2222-2222-2222-222222222222",
  "name" : "counts",
  "timestamp" : "2023-11-14T22:13:20.123Z",
  "batchId" : 7,
  "batchDuration" : 250,
  "numInputRows" : 100,
  "inputRowsPerSecond" : 50.0,
  "processedRowsPerSecond" : 400.0,
  "durationMs" : {
    "addBatch" : 200,
    "triggerExecution" : 250,
    "walCommit" : 2
  },
  "eventTime" : {
    "avg" : "2023-11-14T22:13:08.000Z",
    "max" : "2023-11-14T22:13:10.000Z",
    "min" : "2023-11-14T22:13:06.000Z",
    "watermark" : "2023-11-14T22:12:50.000Z"
  },
  "stateOperators" : [ {
    "operatorName" : "stateStoreSave",
    "numRowsTotal" : 12,
    "numRowsUpdated" : 9,
    "allUpdatesTimeMs" : 3,
    "numRowsRemoved" : 2,
    "allRemovalsTimeMs" : 1,
    "commitTimeMs" : 4,
    "memoryUsedBytes" : 1000,
    "numRowsDroppedByWatermark" : 4,
    "numShufflePartitions" : 1,
    "numStateStoreInstances" : 1,
    "customMetrics" : {
      "alpha" : 2,
      "zed" : 1
    }
  } ],
  "sources" : [ {
    "description" : "KafkaV2[Subscribe[events]]",
    "startOffset" : { "events" : { "0" : 10 } },
    "endOffset" : { "events" : { "0" : 110 } },
    "latestOffset" : { "events" : { "0" : 117 } },
    "numInputRows" : 100,
    "inputRowsPerSecond" : 50.0,
    "processedRowsPerSecond" : 400.0,
    "metrics" : {
      "avgOffsetsBehindLatest" : "5.0",
      "minOffsetsBehindLatest" : "3"
    }
  } ],
  "sink" : {
    "description" : "KafkaSink[counts]",
    "numOutputRows" : 9
  }
}"""


def test_every_field_stands_in_sparks_order_with_map_keys_sorted() -> None:
    """Serialised, the object is the text Spark prints, white space aside."""
    assert json.dumps(to_spark_json(PROGRESS)) == json.dumps(json.loads(EXPECTED))


def test_empty_maps_and_rates_that_are_no_number_are_left_out() -> None:
    """NaN and infinity have no JSON; Spark omits them, and every map without entries."""
    source = replace(PROGRESS.sources[0], start_offset=None, input_rows_per_second=math.nan, metrics={})
    bare = replace(
        PROGRESS,
        name=None,
        input_rows_per_second=math.inf,
        processed_rows_per_second=math.nan,
        duration_ms={},
        event_time=EventTimeStats(),
        state_operators=(replace(PROGRESS.state_operators[0], custom_metrics={}),),
        sources=(source,),
        sink=SinkProgress(description="ConsoleTable"),
    )
    told = to_spark_json(bare)
    gone = {"inputRowsPerSecond", "processedRowsPerSecond", "durationMs", "eventTime", "observedMetrics"}
    assert gone.isdisjoint(told)
    assert told["name"] is None
    assert "customMetrics" not in told["stateOperators"][0]
    assert told["sources"][0]["startOffset"] is None
    assert {"inputRowsPerSecond", "metrics"}.isdisjoint(told["sources"][0])
    assert told["sink"] == {"description": "ConsoleTable", "numOutputRows": -1}


def test_without_rows_only_the_watermark_is_told_of_event_time() -> None:
    """A batch that only cleans up state has no max, min or avg."""
    told = to_spark_json(replace(PROGRESS, event_time=EventTimeStats(watermark_us=EventTime(0))))
    assert told["eventTime"] == {"watermark": "1970-01-01T00:00:00.000Z"}


def test_observed_metrics_are_sorted_by_name() -> None:
    """Each name maps to one row, as it came."""
    told = to_spark_json(replace(PROGRESS, observed_metrics={"b": {"n": 1}, "a": {"z": 1, "y": 2}}))
    assert json.dumps(told["observedMetrics"]) == '{"a": {"z": 1, "y": 2}, "b": {"n": 1}}'


def test_a_rate_before_the_first_trigger_is_zero_and_over_no_time_is_no_number() -> None:
    """Spark divides by an infinite distance before the first trigger and by zero within a millisecond."""
    assert rows_per_second(10, None) == 0.0
    assert rows_per_second(10, 2.0) == 5.0
    assert rows_per_second(10, 0.0) == math.inf
    assert math.isnan(rows_per_second(0, 0.0))
