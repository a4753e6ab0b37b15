"""Engine: the custom metrics of Spark's stateful operators in lastProgress."""

from __future__ import annotations

from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from tests.engine.parts import WINDOWED, MakePipeline, Notes, OpenQuery, feed

from headrace.config.quantities import TriggerKind
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryParts
from headrace.engine.report import QueryReporter
from headrace.engine.startup import recover
from headrace.progress.history import ProgressHistory
from headrace.progress.metrics import Metrics
from headrace.progress.spark_json import to_spark_json


def told(parts: QueryParts, *batches: list[int]) -> list[dict[str, Any]]:
    """Return what lastProgress says of the only stateful operator after each batch, those without data included."""
    notes = Notes()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes)
    loop.begin(recover(parts))
    for seconds in batches:
        feed(parts, seconds)
        loop.settle()
    reporter = QueryReporter(
        parts, ProgressHistory(), Metrics(CollectorRegistry()), listen=lambda _: None, beat=lambda: None
    )
    shown = [to_spark_json(reporter.progress(outcome, outcome.plan.batch_time, 0.0)) for outcome in notes.outcomes]
    return [operator for progress in shown for operator in cast("list[dict[str, Any]]", progress["stateOperators"])]


@pytest.mark.parametrize(
    ("within", "columns", "removed"),
    [(False, ["user", "ts"], [0, 2, 0, 1]), (True, ["user"], [0, 1, 0, 1])],
    ids=["dedupe", "dedupeWithinWatermark"],
)
def test_a_deduplication_tells_how_many_duplicates_it_dropped(
    within: bool, columns: list[str], removed: list[int], make_pipeline: MakePipeline, open_query: OpenQuery
) -> None:
    """In every batch, also 0, also in one without data; late rows are not among them."""
    view = {"name": "once", "deduplicate": {"input": "clicks", "columns": columns, "within_watermark": within}}
    parts = open_query(make_pipeline(sql="SELECT ts, user FROM once", output_mode="append", views=[view]))
    found = told(parts, [10, 10, 11] if not within else [10, 10, 10], [5, 20, 20])
    assert {operator["operatorName"] for operator in found} == {"dedupeWithinWatermark" if within else "dedupe"}
    dropped = [operator["customMetrics"] for operator in found]
    assert dropped == [{"numDroppedDuplicateRows": rows} for rows in (1 + within, 0, 1, 0)]
    assert [operator["numRowsDroppedByWatermark"] for operator in found] == [0, 0, 1, 0]
    assert [operator["numRowsRemoved"] for operator in found] == removed


def test_an_aggregation_has_no_such_metric(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """An empty map is left out, as in Spark."""
    found = told(open_query(make_pipeline(sql=WINDOWED)), [10, 10])
    assert [operator["operatorName"] for operator in found] == ["stateStoreSave"] * 2
    assert [operator for operator in found if "customMetrics" in operator] == []
