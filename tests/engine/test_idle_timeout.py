"""Engine: a watermark with an idle timeout does not hold the others back, and a restart remembers since when."""

from __future__ import annotations

import uuid
from typing import Any, cast

from tests.engine.parts import SCHEMA, START_US, MakePipeline, Notes, OpenQuery

from headrace.assembly.rows import rows_to_table
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.ddl import parse_schema
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryParts
from headrace.engine.startup import recover
from headrace.values import US_PER_S

SQL = """
SELECT window.start AS start, count(*) AS n FROM (SELECT * FROM a UNION ALL SELECT * FROM b)
GROUP BY window(ts, '10 seconds')
"""


def two_streams(make_pipeline: MakePipeline, **b_watermark: str) -> Pipeline:
    """Return a query over the streams a and b; keyword arguments go to b's watermark."""
    name = uuid.uuid4().hex
    sources = {
        stream: {
            "format": "memory",
            "schema": SCHEMA,
            "options": {"name": f"{name}/{stream}"},
            "watermark": {"column": "ts", "delay": "0 seconds", **(b_watermark if stream == "b" else {})},
        }
        for stream in ("a", "b")
    }
    return make_pipeline(sources=sources, sql=SQL, output_mode="append")


def feed(parts: QueryParts, stream: str, *seconds: int) -> None:
    """Add rows at so many seconds after the clock's start."""
    rows = [{"ts": f"2024-01-01T00:{s // 60:02d}:{s % 60:02d}Z", "user": "u", "v": s} for s in seconds]
    cast("Any", parts.inputs[stream].source).add(rows_to_table(rows, parse_schema(SCHEMA)))


def opened(parts: QueryParts, notes: Notes) -> QueryLoop:
    """Return a loop that has recovered."""
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes)
    loop.begin(recover(parts))
    return loop


def watermark_s(parts: QueryParts) -> float:
    """The watermark of the next batch, in seconds after the clock's start; negative for the epoch."""
    return max(-1.0, (parts.tracker.watermark_us - START_US) / US_PER_S)


def closed(notes: Notes) -> int:
    """How many windows have been given."""
    return sum(len(rows) for rows in notes.rows)


def test_an_idle_source_closes_windows_without_any_row(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """The stream b is silent from the start; 30 s later a batch without data closes what a has passed."""
    clock, notes = ManualClock(START_US), Notes()
    parts = open_query(two_streams(make_pipeline, idle_timeout="30 seconds"), clock)
    loop = opened(parts, notes)
    feed(parts, "a", 1, 25)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (-1, 0)
    clock.advance(29 * US_PER_S)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (-1, 0)
    clock.advance(1 * US_PER_S)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (25, 1)
    feed(parts, "b", 21, 3)  # 3 is late by now, and b holds the watermark again
    feed(parts, "a", 47)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (25, 1)
    assert sum(counts.dropped_late for outcome in notes.outcomes for counts in outcome.result.counts) == 1
    clock.advance(30 * US_PER_S)
    feed(parts, "a", 48)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (48, 2)


def test_without_a_timeout_an_idle_source_holds_the_watermark(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """As in Spark."""
    clock, notes = ManualClock(START_US), Notes()
    parts = open_query(two_streams(make_pipeline), clock)
    loop = opened(parts, notes)
    feed(parts, "a", 1, 25)
    loop.settle()
    clock.advance(3600 * US_PER_S)
    loop.settle()
    assert (watermark_s(parts), closed(notes)) == (-1, 0)


def test_a_restart_remembers_since_when_a_source_is_idle(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """20 of 30 s pass before the restart: 10 s after it, b holds the watermark no longer."""
    clock, notes = ManualClock(START_US), Notes()
    pipeline = two_streams(make_pipeline, idle_timeout="30 seconds")
    parts = open_query(pipeline, clock)
    loop = opened(parts, notes)
    feed(parts, "a", 1, 25)
    loop.settle()
    clock.advance(20 * US_PER_S)
    parts.close()
    again = open_query(pipeline, clock)
    loop = opened(again, notes)
    feed(again, "a", 26)
    loop.settle()
    assert watermark_s(again) == -1
    clock.advance(10 * US_PER_S)
    loop.settle()
    assert (watermark_s(again), closed(notes)) == (26, 1)


def test_a_woken_source_counts_from_the_batch_it_speaks_in(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """A query stopped for an hour finds rows of both streams: b, long silent, holds the watermark in that batch."""
    clock, notes = ManualClock(START_US), Notes()
    pipeline = two_streams(make_pipeline, idle_timeout="30 seconds")
    parts = open_query(pipeline, clock)
    loop = opened(parts, notes)
    feed(parts, "a", 5)
    loop.settle()
    parts.close()
    clock.advance(3600 * US_PER_S)
    again = open_query(pipeline, clock)
    loop = opened(again, notes)
    feed(again, "a", 600)
    feed(again, "b", 15)
    loop.settle()
    assert watermark_s(again) == 15
