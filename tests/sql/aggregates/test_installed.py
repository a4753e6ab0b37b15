"""Aggregates of other packages run as Spark's do: in parts, over windows, DISTINCT, and refused by name when broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.batch.session import BatchSession
from headrace.clock import SystemClock
from headrace.errors import StreamError, StreamErrors
from headrace.sql.aggregates.installed import installed
from headrace.testing.pipeline_tests import Verdict, judge

MODULE = '''
import pyarrow as pa
import pyarrow.compute as pc


class Weighted:
    """The weighted mean, over arrays."""

    arguments = "x DOUBLE, w DOUBLE"
    buffer = "total DOUBLE, weights DOUBLE"
    returns = "DOUBLE"

    def reduce(self, groups):
        parents = pc.list_parent_indices(groups)
        rows = groups.flatten()
        x, w = rows.field("x"), rows.field("w")
        table = pa.table({"g": parents, "t": pc.multiply(x, w), "w": pc.if_else(pc.is_valid(x), w, None)})
        sums = table.group_by("g").aggregate([("t", "sum"), ("w", "sum")])
        every = pa.table({"g": pa.array(range(len(groups)), pa.int64())})
        found = every.join(sums, "g").sort_by("g")
        columns = [pc.fill_null(found.column(name), 0.0).combine_chunks() for name in ("t_sum", "w_sum")]
        return pa.StructArray.from_arrays(columns, ["total", "weights"])

    def merge(self, older, newer):
        columns = [pc.add(older.field(i), newer.field(i)) for i in range(2)]
        return pa.StructArray.from_arrays(columns, ["total", "weights"])

    def finish(self, buffers):
        weights = buffers.field("weights")
        return pc.divide(buffers.field("total"), pc.if_else(pc.equal(weights, 0.0), None, weights))


class Longest:
    """The longest text, the first of several, row by row."""

    arguments = "text STRING"
    buffer = "best STRING"
    returns = "STRING"

    def zero(self):
        return (None,)

    def reduce(self, buffer, text):
        if text == "boom":
            raise ValueError("cannot measure")
        return self.merge(buffer, (text,))

    def merge(self, older, newer):
        return newer if older[0] is None or (newer[0] is not None and len(newer[0]) > len(older[0])) else older

    def finish(self, buffer):
        return buffer[0]


class Untyped:
    arguments = "x NUMBER"
    buffer = "y INT"
    returns = "INT"
'''
ENTRIES = """[headrace.aggregates]
weighted_mean = own_aggregates:Weighted
Longest = own_aggregates:Longest
untyped = own_aggregates:Untyped
absent = own_aggregates:Absent
sum = own_aggregates:Longest
"""
CASE = """version: 1
extensions: [distinct_aggregates]
sources:
  s: {schema: "ts TIMESTAMP, k STRING, x DOUBLE, t STRING", watermark: {column: ts, delay: 10 seconds}}
query:
  sql: >
    SELECT k, weighted_mean(x, 2 * x) AS w, longest(t) AS l, longest(t) FILTER (WHERE x > 1) AS f,
    weighted_mean(DISTINCT x, 1) AS d FROM s GROUP BY window(ts, '10 seconds'), k
  output_mode: append
steps:
  - add: {s: [{ts: "2024-01-01 00:00:01", k: a, x: 1.0, t: x}, {ts: "2024-01-01 00:00:01", k: b, x: null, t: null}]}
    expect: []
  - restart: true
  - add: {s: [{ts: "2024-01-01 00:00:02", k: a, x: 3.0, t: abc}, {ts: "2024-01-01 00:00:03", k: a, x: 3.0, t: xyz}]}
    expect: []
  - add: {s: [{ts: "2024-01-01 00:01:00", k: a, x: 1.0, t: late}]}
    expect:
      - {k: a, w: 2.7142857142857144, l: abc, f: abc, d: 2.0}
      - {k: b, w: null, l: null, f: null, d: null}
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchSession]:
    """A session beside an installed package with aggregates."""
    folder = tmp_path / "own_aggregates-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own-aggregates\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(ENTRIES)
    (tmp_path / "own_aggregates.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    opened = BatchSession({}, SystemClock())
    yield opened
    opened.close()
    monkeypatch.undo()
    installed.cache_clear()


def test_an_installed_aggregate_is_called_as_sparks_are(session: BatchSession) -> None:
    """By any case of its name, with arguments cast, in groups, over no rows, and with OVER."""
    rows = "VALUES ('a', 1, 'x'), ('a', 3, 'abc'), ('b', NULL, NULL) AS t(k, x, t)"
    grouped = session.run(f"SELECT k, Weighted_Mean(x, 1), LONGEST(t) FROM {rows} GROUP BY k ORDER BY k")
    assert list(grouped.lines) == ["a\t2.0\tabc", "b\tNULL\tNULL"]
    assert list(session.run(f"SELECT weighted_mean(x, x), longest(t) FROM {rows} WHERE x > 5").lines) == ["NULL\tNULL"]
    over = session.run(f"SELECT weighted_mean(x, 1) OVER (ORDER BY x) FROM {rows} WHERE x > 0")
    assert list(over.lines) == ["1.0", "2.0"]


def test_parts_are_merged_over_batches_and_restarts(session: BatchSession, tmp_path: Path) -> None:
    """The buffer is what a checkpoint keeps."""
    assert session.time_zone == "UTC"
    path = tmp_path / "case.yaml"
    path.write_text(CASE)
    for crash in (False, True):
        assert judge(path, crash=crash) == Verdict(path)


def test_none_of_sparks_is_replaced(session: BatchSession) -> None:
    """An entry point of the name sum changes nothing."""
    assert list(session.run("SELECT sum(v) FROM VALUES (1), (2) AS t(v)").lines) == ["3"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("untyped(v)", "own_aggregates:Untyped is declared wrongly"),
        ("absent(v)", "own_aggregates:Absent cannot be loaded: AttributeError"),
        ("longest('boom')", "cannot measure"),
        ("longest(v, v)", "requires 1 parameters but the actual number is 2"),
    ],
)
def test_what_is_wrong_with_it_is_said(session: BatchSession, call: str, says: str) -> None:
    """Queries that do not name it run all the same."""
    with pytest.raises((StreamError, StreamErrors)) as caught:
        session.run(f"SELECT {call} FROM VALUES (1) AS t(v)")
    assert says in str(caught.value)
