"""Engine: late rows counted one by one, rows from the future set aside, and both sent to dead letters once."""

from __future__ import annotations

import uuid
from typing import Any, cast

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from tests.engine.parts import START_US, MakePipeline, Notes, OpenQuery

from headrace.assembly.compile import compile_query
from headrace.assembly.rows import rows_to_table
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.contract import Marker
from headrace.ddl import parse_schema
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryParts
from headrace.engine.report import QueryReporter
from headrace.engine.startup import recover
from headrace.errors import StreamErrors
from headrace.inputs.deadletters import DeadLetters
from headrace.progress.history import ProgressHistory
from headrace.progress.line import batch_fields
from headrace.progress.metrics import Metrics
from headrace.progress.spark_json import to_spark_json
from headrace.values import US_PER_S, to_datetime

RECORD = (
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
)
DECODED = "ts TIMESTAMP, user STRING, times ARRAY<TIMESTAMP>"
COUNTS = "SELECT window.start AS start, count(*) AS n FROM clicks GROUP BY window(ts, '10 seconds')"
SLIDING = "SELECT window.start AS start, count(*) AS n FROM clicks GROUP BY window(ts, '10 seconds', '5 seconds')"
ROWS = "SELECT ts, user FROM clicks"


class Letters:
    """A topic of dead letters that keeps what each transaction wrote, and its marker, as Kafka does."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._open: list[dict[str, Any]] = []
        self._marker: Marker | None = None

    def recover(self, owner: int = 0) -> Marker | None:
        """The marker of the last transaction."""
        del owner
        return self._marker

    def claim(self, marker: Marker) -> None:
        """Take over."""
        self._marker = marker

    def begin(self, marker: Marker) -> None:
        """Open a transaction."""
        del marker
        self._open = []

    def write(self, rows: pa.Table) -> int:
        """Write, still invisible."""
        self._open += rows.to_pylist()
        return len(rows)

    def commit(self, marker: Marker) -> None:
        """Make visible."""
        self._marker = marker
        self.batches.append(self._open)

    def close(self) -> None:
        """Nothing to close."""


def pipeline_of(make_pipeline: MakePipeline, sql: str, mode: str = "update", **watermark: str) -> Pipeline:
    """Return a query over JSON records as Kafka gives them; keyword arguments go to the watermark."""
    source = {
        "format": "memory",
        "schema": RECORD,
        "options": {"name": uuid.uuid4().hex},
        "decode": {"format": "json", "schema": DECODED},
        "dead_letter": {"topic": "dead", "options": {"kafka.bootstrap.servers": "localhost:1"}},
        "watermark": {"column": "ts", "delay": "0 seconds", **watermark},
    }
    tables = {"users": {"schema": "user STRING, city STRING", "rows": [{"user": "a", "city": "x"}] * 2}}
    return make_pipeline(sources={"clicks": source}, tables=tables, sql=sql, output_mode=mode)


class Run:
    """One opened query, its dead letters and what it told."""

    def __init__(self, parts: QueryParts, clock: ManualClock, letters: Letters) -> None:
        self.parts, self.clock, self.notes, self.letters = parts, clock, Notes(), letters
        if parts.dead_letters is not None:
            parts.dead_letters.close()
            parts.dead_letters = DeadLetters({"clicks": cast("Any", letters)}, "id")
        self._loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), self.notes)
        self._loop.begin(recover(parts))
        self._offset = 0

    def add(self, *seconds: float | None, user: str = "a") -> Run:
        """Feed a step of records at so many seconds after the start, and settle."""
        rows = []
        for second in seconds:
            stamp = "null" if second is None else f'"{stamp_of(second)}"'
            value = f'{{"ts": {stamp}, "user": "{user}", "times": [{stamp}]}}'
            rows.append(
                {
                    "key": b"k".hex(), "value": value.encode().hex(), "topic": "t", "partition": 3,
                    "offset": self._offset, "timestamp": "2024-01-01T00:00:00Z", "headers": [],
                }
            )  # fmt: skip
            self._offset += 1
        table = rows_to_table([{**row, "key": None, "value": None} for row in rows], parse_schema(RECORD))
        for place, name in enumerate(("key", "value")):
            values = pa.array([bytes.fromhex(cast("str", row[name])) for row in rows], pa.binary())
            table = table.set_column(place, name, values)
        cast("Any", self.parts.inputs["clicks"].source).add(table)
        self._loop.settle()
        return self

    @property
    def late(self) -> list[int]:
        """Late input rows of each batch."""
        return [sum(outcome.left_out.late.values()) for outcome in self.notes.outcomes]

    @property
    def groups(self) -> list[int]:
        """Spark's count of each batch."""
        return [sum(counts.dropped_late for counts in outcome.result.counts) for outcome in self.notes.outcomes]


def stamp_of(second: float) -> str:
    """An ISO time so many seconds after the start."""
    return to_datetime(START_US + int(second * US_PER_S)).strftime("%Y-%m-%dT%H:%M:%SZ")


def opened(open_query: OpenQuery, pipeline: Pipeline, letters: Letters | None = None) -> Run:
    """Open a query at the start of its clock."""
    clock = ManualClock(START_US)
    return Run(open_query(pipeline, clock), clock, letters or Letters())


def test_late_rows_are_counted_one_by_one_beside_spark_s_groups(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """Watermark 25: three rows of window 0 and one of window 10 are late, in two groups; 22 and null are not."""
    run = opened(open_query, pipeline_of(make_pipeline, COUNTS, late_rows="drop"))
    run.add(25).add(1, 2, 3, 12, 22, None)
    assert (run.late, run.groups) == ([0, 0, 4], [0, 0, 2])
    assert run.letters.batches == []


def test_a_row_is_late_when_no_window_takes_it(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """Sliding windows, watermark 25: 18 is lost for [10,20) and [15,25); 22 only for [15,25), so it is not late."""
    run = opened(open_query, pipeline_of(make_pipeline, SLIDING, late_rows="drop"))
    run.add(25).add(18, 22)
    assert (run.late[-1], run.groups[-1]) == (1, 2)


@pytest.mark.parametrize(
    ("sql", "mode", "late"),
    [
        (COUNTS, "update", [1, 2]),
        (COUNTS, "append", [1, 2]),
        ("SELECT count(*) AS n FROM clicks GROUP BY session_window(ts, '10 seconds'), user", "append", [1, 2]),
        ("SELECT DISTINCT ts FROM clicks", "append", [1, 2, 21]),
        ("SELECT count(*) AS n FROM clicks WHERE user = 'b' GROUP BY window(ts, '10 seconds')", "update", []),
        (
            "SELECT count(*) AS n FROM clicks c JOIN users u ON c.user = u.user GROUP BY window(ts, '10 seconds')",
            "append",
            [1, 2],
        ),
        (
            "SELECT count(*) AS n FROM clicks LATERAL VIEW explode(times) t AS x GROUP BY window(ts, '10 seconds')",
            "append",
            [1, 2],
        ),
        (
            "SELECT count(*) AS n FROM (SELECT window_time(window) AS w, c FROM (SELECT window, count(*) AS c FROM "
            "clicks GROUP BY window(ts, '5 seconds'))) GROUP BY window(w, '10 seconds')",
            "append",
            [1, 2, 21],
        ),
        ("SELECT count(*) AS n, user FROM clicks GROUP BY user", "update", []),
    ],
)
def test_exactly_the_late_records_go_to_dead_letters(
    open_query: OpenQuery, make_pipeline: MakePipeline, sql: str, mode: str, late: list[int]
) -> None:
    """The watermark is at 25 when 1, 2, 21 and 27 come; null is never late."""
    run = opened(open_query, pipeline_of(make_pipeline, sql, mode, late_rows="dead_letter"))
    run.add(25).add(1, 27, 2, 21, None)
    sent = [letter["value"] for batch in run.letters.batches for letter in batch]
    assert sent == [f'{{"ts": "{stamp_of(s)}", "user": "a", "times": ["{stamp_of(s)}"]}}'.encode() for s in late]
    assert sum(run.late) == len(late)


def test_a_record_that_is_late_on_both_sides_of_a_join_is_one_letter(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """A self join judges each record twice, once a side; 27 is on time."""
    sql = "SELECT a.user FROM clicks a JOIN clicks b ON a.user = b.user AND a.ts = b.ts"
    run = opened(open_query, pipeline_of(make_pipeline, sql, "append", late_rows="dead_letter"))
    run.add(25).add(1, 27, 21)
    assert [len(batch) for batch in run.letters.batches] == [2]
    assert (sum(run.late), sum(run.groups)) == (4, 4)


@pytest.mark.parametrize("within", [True, False])
def test_what_deduplication_finds_late_goes_to_dead_letters_and_the_counts_above_it_lose_nothing(
    open_query: OpenQuery, make_pipeline: MakePipeline, within: bool
) -> None:
    """Rows are judged by their own time at the first operator with state: 21 is late there, 27 is counted."""
    raw = pipeline_of(make_pipeline, COUNTS, late_rows="dead_letter").model_dump(by_alias=True, mode="json")
    once = {"input": "clicks", "columns": ["user", "ts"], "within_watermark": within}
    sql = COUNTS.replace("FROM clicks", "FROM once")
    views = [{"name": "once", "deduplicate": once}]
    pipeline = make_pipeline(sources=raw["sources"], views=views, sql=sql, output_mode="append")
    run = opened(open_query, pipeline)
    run.add(25).add(1, 27, 27, 21).add(60)
    assert [letter["value"][8:27] for batch in run.letters.batches for letter in batch] == [
        b"2024-01-01T00:00:01",
        b"2024-01-01T00:00:21",
    ]
    assert [row["n"] for rows in run.notes.rows for row in rows] == [2]


def test_a_raw_source_under_a_view_sends_its_records(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """Without decode, the event time is read in a view; only the value is read otherwise, and yet all columns go."""
    raw = pipeline_of(make_pipeline, COUNTS).model_dump(by_alias=True, mode="json")["sources"]["clicks"]
    source = {**raw, "decode": None, "watermark": None}
    view = {
        "name": "parsed",
        "sql": "SELECT d.ts FROM (SELECT from_json(CAST(value AS STRING), 'ts TIMESTAMP') AS d FROM clicks)",
        "watermark": {"column": "ts", "delay": "0 seconds", "late_rows": "dead_letter", "max_future_skew": "1 minute"},
    }
    sql = COUNTS.replace("FROM clicks", "FROM parsed")
    run = opened(open_query, make_pipeline(sources={"clicks": source}, views=[view], sql=sql))
    run.add(25).add(3, 26, 99)
    [letters] = run.letters.batches
    assert [(letter["key"], letter["value"][8:27]) for letter in letters] == [
        (b"k", b"2024-01-01T00:00:03"),
        (b"k", b"2024-01-01T00:01:39"),
    ]


def test_a_dead_letter_is_the_record_byte_for_byte_with_the_reason(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """Key, value, timestamp; topic, partition and offset in headers."""
    run = opened(open_query, pipeline_of(make_pipeline, COUNTS, late_rows="dead_letter"))
    run.add(25).add(3)
    [[letter]] = run.letters.batches
    assert letter["key"] == b"k"
    assert letter["value"] == b'{"ts": "2024-01-01T00:00:03Z", "user": "a", "times": ["2024-01-01T00:00:03Z"]}'
    assert [(header["key"], header["value"]) for header in letter["headers"]] == [
        (
            "headrace.error",
            b"the event time 2024-01-01T00:00:10.000Z is at or before the watermark 2024-01-01T00:00:25.000Z",
        ),
        ("headrace.topic", b"t"),
        ("headrace.partition", b"3"),
        ("headrace.offset", b"1"),
    ]


def test_rows_from_the_future_do_not_move_the_watermark(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """The clock stands at 0 and 60 s are allowed: 60 counts, 61 and 8 Ms do not; honest rows stay on time."""
    run = opened(open_query, pipeline_of(make_pipeline, COUNTS, max_future_skew="1 minute"))
    run.add(1, 61, 8_000_000, 60)
    assert run.parts.tracker.watermark_us == START_US + 60 * US_PER_S
    assert [dict(outcome.result.ahead) for outcome in run.notes.outcomes] == [{"watermark-0": 2}, {"watermark-0": 0}]
    assert [row["n"] for row in run.notes.rows[0]] == [1, 1]
    [[first, second]] = run.letters.batches
    reasons = [letter["headers"][0]["value"] for letter in (first, second)]
    assert reasons[0] == (
        b"the event time 2024-01-01T00:01:01.000Z is more than 60000 ms ahead of 2024-01-01T00:00:00.000Z"
    )
    run.clock.advance(2 * US_PER_S)
    run.add(62)
    assert run.parts.tracker.watermark_us == START_US + 62 * US_PER_S


def test_a_batch_that_runs_again_leaves_out_the_same_rows_and_writes_no_letter_twice(
    open_query: OpenQuery, make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the dead letters' transaction and the batch's; then the clock has moved."""
    letters = Letters()
    pipeline = pipeline_of(make_pipeline, COUNTS, late_rows="dead_letter", max_future_skew="1 minute")
    run = opened(open_query, pipeline, letters)
    run.add(25)

    def dies(marker: Marker) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run.parts.sink, "commit", dies)
    with pytest.raises(KeyboardInterrupt):
        run.add(3, 26, 100)
    run.parts.close()
    clock = ManualClock(START_US + 3600 * US_PER_S)
    again = Run(open_query(pipeline, clock), clock, letters)
    [outcome] = again.notes.outcomes
    assert (dict(outcome.left_out.late), dict(outcome.result.ahead)) == ({"aggregate-0": 1}, {"watermark-0": 1})
    assert [len(batch) for batch in letters.batches] == [2]


def test_progress_tells_of_rows_left_out(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """In lastProgress, in the log line and in the metrics; a query that watches nothing shows none of them."""
    run = opened(open_query, pipeline_of(make_pipeline, COUNTS, late_rows="drop", max_future_skew="1 minute"))
    run.add(25).add(1, 2, 3, 100)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    reporter = QueryReporter(run.parts, ProgressHistory(), metrics, listen=lambda _: None, beat=lambda: None)
    progress = reporter.progress(run.notes.outcomes[-1], run.clock.now_us(), 0.0)
    metrics.observe(progress)
    shown = cast("Any", to_spark_json(progress))
    assert shown["stateOperators"][0]["numRowsDroppedByWatermark"] == 1
    assert shown["stateOperators"][0]["customMetrics"] == {"lateInputRows": 3}
    assert shown["observedMetrics"] == {"watermark-0": {"futureRows": 1}}
    fields = batch_fields(progress)
    assert (fields["late_rows"], fields["late_input_rows"], fields["future_rows"]) == (1, 3, 1)
    labels = {"query": "q", "operator": "aggregate-0"}
    assert registry.get_sample_value("headrace_late_input_rows_total", labels) == 3
    labels = {"query": "q", "operator": "watermark-0"}
    assert registry.get_sample_value("headrace_future_rows_total", labels) == 1


EXPLODED = {"name": "each", "sql": "SELECT explode(times) AS x, user FROM clicks"}
REFUSED = [
    (
        {"views": [{**EXPLODED, "watermark": {"column": "x", "delay": "0 seconds", "late_rows": "dead_letter"}}]},
        "SELECT count(*) AS n FROM each GROUP BY window(x, '1 second')",
        "late rows of aggregate-0 cannot go to dead letters: one record becomes several rows with times of their own, "
        "and only some of them may be late.",
    ),
    (
        {"views": [{**EXPLODED, "watermark": {"column": "x", "delay": "0 seconds", "max_future_skew": "1 second"}}]},
        "SELECT x FROM each",
        "rows from the future cannot go to dead letters: one record becomes several rows with times of their own.",
    ),
    (
        {"watermark": {"column": "ts", "delay": "0 seconds", "late_rows": "dead_letter"}},
        "SELECT count(*) AS n FROM clicks a JOIN clicks b ON a.user = b.user GROUP BY window(a.ts, '1 second')",
        "late rows of aggregate-0 cannot go to dead letters: it drops rows that came out of state, and those are no "
        "records.",
    ),
    (
        {"watermark": {"column": "ts", "delay": "0 seconds", "late_rows": "dead_letter"}, "dead_letter": None},
        COUNTS,
        'late rows of source "clicks" go to dead letters, but it names no topic for them.',
    ),
    (
        {"watermark": {"column": "ts", "delay": "0 seconds", "late_rows": "dead_letter"}, "schema": "value BINARY"},
        COUNTS,
        'source "clicks" has no records to send to dead letters: it lacks key, topic, partition, offset, timestamp.',
    ),
]


@pytest.mark.parametrize(("changes", "sql", "message"), REFUSED)
def test_what_could_not_be_exact_is_refused(
    make_pipeline: MakePipeline, changes: dict[str, Any], sql: str, message: str
) -> None:
    """At start, with what to do instead."""
    raw = pipeline_of(make_pipeline, sql, "append").model_dump(by_alias=True, mode="json")
    source = raw["sources"]["clicks"]
    source["watermark"] = None
    views = changes.pop("views", [])
    source.update(changes)
    pipeline = make_pipeline(sources=raw["sources"], views=views, sql=sql, output_mode="append")
    with pytest.raises(StreamErrors) as raised:
        compile_query(pipeline, "q")
    assert [error.message for error in raised.value.errors] == [message]
    assert all(error.hint for error in raised.value.errors)
