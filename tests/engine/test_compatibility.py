"""Engine: which changes of a query an old checkpoint follows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.parts import MakePipeline, Notes, OpenQuery, feed

from headrace.config.quantities import TriggerKind
from headrace.engine.checkpoint import BatchPlan, SourceRange
from headrace.engine.compatibility import differences, older_states
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.startup import recover
from headrace.errors import StreamErrors
from headrace.values import BatchId, EventTime, ProcessingTime

AGGREGATE = {"operator": "aggregate", "keys": "k1", "buffers": "b1", "functions": ["count(INT)"]}


def record(sources: list[str], **operators: Any) -> dict[str, Any]:
    """What a checkpoint remembers of a query."""
    return {"sources": sources, "operators": {name.replace("_", "-"): found for name, found in operators.items()}}


TABLE = [
    ("nothing changed", record(["a"], aggregate_0=AGGREGATE), []),
    (
        "another key",
        record(["a"], aggregate_0={**AGGREGATE, "keys": "k2"}),
        [("STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE", "keys of aggregate-0 was k1 and is k2")],
    ),
    (
        "another aggregate",
        record(["a"], aggregate_0={**AGGREGATE, "buffers": "b2", "functions": ["sum(INT)"]}),
        [
            ("STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "buffers of aggregate-0 was b1 and is b2"),
            (
                "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
                'functions of aggregate-0 was ["count(INT)"] and is ["sum(INT)"]',
            ),
        ],
    ),
    (
        "the operator is gone",
        record(["a"]),
        [
            (
                "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
                "the stateful operator aggregate-0 was removed",
            )
        ],
    ),
    (
        "another source",
        record(["b"], aggregate_0=AGGREGATE),
        [
            ("STREAMING_QUERY_EVOLUTION_ERROR", 'source "a" was removed'),
            ("STREAMING_QUERY_EVOLUTION_ERROR", 'source "b" was added'),
        ],
    ),
]


GROUPS = {"operator": "flatMapGroupsWithState", "buffers": "b1"}
NARROW = {**GROUPS, "state": "n INT", "stored": "v0 INT"}
WIDE = {**GROUPS, "buffers": "b2", "state": "n BIGINT", "stored": "v0 BIGINT"}
GROWTH = [
    ("a record without schemas", GROUPS, NARROW, {}, 0, {}),
    ("nothing changed", NARROW, NARROW, {}, 0, {}),
    ("wider", NARROW, WIDE, {}, 0, {"groups-0": ["v0 INT"]}),
    (
        "wider for the second time",
        NARROW,
        WIDE,
        {"groups-0": ["v0 TINYINT"]},
        0,
        {"groups-0": ["v0 TINYINT", "v0 INT"]},
    ),
    ("narrower", WIDE, NARROW, {}, 1, None),
    ("wider without a record of what was", GROUPS, WIDE, {}, 1, None),
    ("wider for the hundredth time", NARROW, WIDE, {"groups-0": ["v0 TINYINT"] * 100}, 1, None),
]


@pytest.mark.parametrize(("case", "old", "new", "older", "found", "schemas"), GROWTH, ids=[row[0] for row in GROWTH])
def test_state_of_code_may_grow(
    case: str, old: Any, new: Any, older: Any, found: int, schemas: dict[str, list[str]] | None
) -> None:
    """Schemas of before are remembered, oldest first."""
    was, now = {**record(["a"], groups_0=old), "older": older}, record(["a"], groups_0=new)
    assert len(differences(was, now)) == found, case
    if schemas is not None:
        assert older_states(was, now) == schemas


@pytest.mark.parametrize(("case", "new", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_differences_name_what_changed(case: str, new: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Every difference is found, sources first."""
    assert differences(record(["a"], aggregate_0=AGGREGATE), new) == expected, case


def test_a_plan_comes_back_from_its_log_lines_as_it_was() -> None:
    """Times are whole milliseconds in the log, as Spark writes them."""
    plan = BatchPlan(
        BatchId(7),
        ProcessingTime(1_704_067_200_123_000),
        EventTime(5_000),
        EventTime(2_000),
        {"events": SourceRange({"t": {"0": 1}}, {"t": {"0": 9}}, {"t": "id"})},
        {"spark.sql.streaming.multipleWatermarkPolicy": "min"},
    )
    assert BatchPlan.from_lines(7, plan.lines()) == plan


def run(parts: Any) -> Notes:
    """Run what is there."""
    notes = Notes()
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes).run(recover(parts))
    return notes


def test_a_filter_may_change_and_state_goes_on(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """The count continues from 1 with the new filter."""
    parts = open_query()
    feed(parts, [1])
    run(parts)
    parts.close()
    changed = make_pipeline(
        sql="SELECT window.start AS s, count(*) AS n FROM clicks WHERE v > 5 GROUP BY window(ts, '10 seconds')"
    )
    again = open_query(changed)
    feed(again, [2, 7])
    assert [row["n"] for row in run(again).rows[0]] == [2]


def test_another_grouping_is_refused_before_anything_is_touched(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """The folder holds the same files with the same content afterwards."""
    parts = open_query()
    feed(parts, [1])
    run(parts)
    folder = parts.checkpoint.folder
    parts.close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"}
    with pytest.raises(StreamErrors) as caught:
        open_query(make_pipeline(sql="SELECT user, count(*) AS n FROM clicks GROUP BY user"))
    assert {error.code for error in caught.value.errors} == {"CHECKPOINT_INCOMPATIBLE"}
    assert caught.value.errors[0].condition == "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"
    after = {path: path.read_bytes() for path in before if path.exists() and path.name != ".lock"}
    assert after == {path: content for path, content in before.items() if path.name != ".lock"}
