"""Engine: rows whose event times no calendar has."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
from prometheus_client import CollectorRegistry
from tests.engine.parts import START_US, WINDOWED, MakePipeline, Notes, OpenQuery

from headrace.config.quantities import TriggerKind
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.report import QueryReporter
from headrace.engine.startup import recover
from headrace.progress.history import ProgressHistory
from headrace.progress.line import batch_fields
from headrace.progress.metrics import Metrics
from headrace.progress.spark_json import to_spark_json


def test_a_time_in_the_wrong_unit_does_not_end_the_query(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """Nanoseconds taken for microseconds are a year with five digits, which the progress says as Spark does."""
    parts, notes = open_query(make_pipeline(sql=WINDOWED)), Notes()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes)
    loop.begin(recover(parts))
    times = pa.array([START_US, START_US * 1_000], pa.timestamp("us", tz="UTC"))
    rows = pa.table({"ts": times, "user": pa.array(["a", "b"]), "v": pa.array([1, 2], pa.int64())})
    cast("Any", parts.inputs["clicks"].source).add(rows)
    loop.settle()
    reporter = QueryReporter(
        parts, ProgressHistory(), Metrics(CollectorRegistry()), listen=lambda _: None, beat=lambda: None
    )
    told = [reporter.progress(outcome, outcome.plan.batch_time, 0.0) for outcome in notes.outcomes]
    assert to_spark_json(told[0])["eventTime"] == {
        "avg": "+28996-11-13T12:00:00.000Z",
        "max": "+55969-09-28T00:00:00.000Z",
        "min": "2024-01-01T00:00:00.000Z",
        "watermark": "1970-01-01T00:00:00.000Z",
    }
    assert [batch_fields(progress)["watermark"] for progress in told] == [
        "1970-01-01T00:00:00.000Z",
        "+55969-09-28T00:00:00.000Z",
    ]
