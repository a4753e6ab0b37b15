"""Batch SQL: views, settings, static tables of a pipeline, files, and functions over windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.config.load import load
from headrace.errors import StreamError, StreamErrors

NOON_US = 1_577_880_000_000_000
PIPELINE = """
version: 1
name: shop
sources:
  clicks: {format: rate, options: {rowsPerSecond: 1}}
tables:
  users:
    schema: id BIGINT, name STRING
    rows: [{id: 1, name: Ann}, {id: 2, name: Bob}]
views:
  - {name: loud, sql: "SELECT id, upper(name) AS name FROM users"}
queries:
  q: {sql: SELECT value FROM clicks, output_mode: append, sink: {format: console}}
checkpoint: {location: ./checkpoints}
"""


@pytest.fixture
def session() -> Iterator[BatchSession]:
    """A session in UTC whose clock stands still."""
    found = BatchSession({}, ManualClock(NOON_US))
    yield found
    found.close()


def lines(session: BatchSession, *statements: str) -> list[str]:
    """Run statements and return the lines of the last."""
    return [list(session.run(statement).lines) for statement in statements][-1]


def test_a_view_is_a_query_under_a_name(session: BatchSession) -> None:
    """It can be replaced and dropped, and reads the views before it."""
    view = "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1 AS a UNION ALL SELECT 2"
    assert lines(session, view, "CREATE TEMP VIEW w AS SELECT sum(a) AS s FROM v", "SELECT s FROM w") == ["3"]
    with pytest.raises((StreamError, StreamErrors)):
        lines(session, "DROP VIEW w", "SELECT * FROM w")


def test_a_view_that_is_replaced_is_another_one_to_those_that_read_it(session: BatchSession) -> None:
    """Whatever the order; none may read itself, if by way of others."""
    lines(session, "CREATE TEMP VIEW a AS SELECT 1 AS x", "CREATE TEMP VIEW b AS SELECT x + 1 AS y FROM a")
    assert lines(session, "CREATE OR REPLACE TEMP VIEW a AS SELECT 10 AS x, 2 AS z", "SELECT y FROM b") == ["11"]
    lines(session, "CREATE TEMP VIEW c AS SELECT 5 AS v", "ALTER VIEW a AS SELECT v AS x FROM c")
    assert lines(session, "SELECT y FROM b") == ["6"]
    for own in ("SELECT x FROM a", "SELECT y AS x FROM b"):
        with pytest.raises(StreamError) as caught:
            session.run(f"CREATE OR REPLACE TEMP VIEW a AS {own}")
        assert caught.value.condition == "RECURSIVE_VIEW"
    assert lines(session, "SELECT y FROM b") == ["6"]


def test_a_view_may_name_its_columns(session: BatchSession) -> None:
    """As many names as columns; other mistakes have Spark's names too."""
    named = "CREATE TEMP VIEW v (a COMMENT 'first', `b c`) AS VALUES (1, 2)"
    assert lines(session, named, "SELECT `b c`, a FROM v") == ["2\t1"]
    for statement, condition in (
        ("CREATE TEMP VIEW w (a, b) AS SELECT 1", "CREATE_VIEW_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
        ("CREATE TEMP VIEW w (a) AS SELECT 1, 2", "CREATE_VIEW_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS"),
        ("ALTER VIEW w AS SELECT 1", "TABLE_OR_VIEW_NOT_FOUND"),
        ("CREATE TEMP VIEW v AS SELECT 1", "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"),
        ("CREATE TEMP VIEW IF NOT EXISTS v AS SELECT 1", "_LEGACY_ERROR_TEMP_0053"),
    ):
        with pytest.raises(StreamError) as caught:
            session.run(statement)
        assert caught.value.condition == condition


def test_relations_are_listed_and_described(session: BatchSession) -> None:
    """As the shell prints them; JSON has all columns."""
    view = "CREATE TEMP VIEW v AS SELECT 1 AS a, array(named_struct('b', 'x')) AS c"
    lines(session, view, "CREATE TEMP VIEW w AS SELECT 1")
    assert lines(session, "SHOW VIEWS") == lines(session, "SHOW TABLES") == ["v", "w"]
    assert lines(session, "SHOW VIEWS LIKE 'x|W*'") == ["w"]
    listed = session.run("SHOW VIEWS LIKE 'v'").rows.to_pylist()
    assert listed == [{"namespace": "", "viewName": "v", "isTemporary": True}]
    assert lines(session, "SHOW COLUMNS IN v") == ["a", "c"]
    shown = [f"{name:20}\t{kind:20}\t{'':20}" for name, kind in (("a", "int"), ("c", "array<struct<b:string>>"))]
    assert lines(session, "DESCRIBE v") == lines(session, "DESC TABLE v") == shown
    assert lines(session, "DESCRIBE QUERY SELECT a FROM v") == lines(session, "DESC SELECT a FROM v") == shown[:1]
    assert session.run("DESC v").rows.column("comment").to_pylist() == [None, None]
    with pytest.raises((StreamError, StreamErrors)):
        session.run("DESCRIBE nothing")


def test_settings_go_back_to_what_they_were(session: BatchSession) -> None:
    """One of them, or all."""
    lines(session, "SET spark.sql.ansi.enabled=false", "SET spark.sql.session.timeZone=Asia/Seoul")
    assert lines(session, "SET") == ["spark.sql.ansi.enabled\tfalse", "spark.sql.session.timeZone\tAsia/Seoul"]
    asked = "SELECT timestamp_seconds(0), 1 / 0"
    assert lines(session, "RESET spark.sql.session.timeZone", asked) == ["1970-01-01 00:00:00\tNULL"]
    assert lines(session, "RESET", "SET") == []


def test_what_is_no_query_is_said_to_be_none(session: BatchSession) -> None:
    """Nothing is written here."""
    with pytest.raises(StreamErrors) as caught:
        session.run("INSERT INTO t VALUES (1)")
    assert "Batch SQL runs queries, and this is an INSERT statement" in str(caught.value)


def test_a_setting_holds_for_what_follows(session: BatchSession) -> None:
    """The time zone, ANSI mode, and texts without escapes."""
    assert lines(session, "SET TIME ZONE 'Asia/Seoul'", "SELECT timestamp_seconds(0)") == ["1970-01-01 09:00:00"]
    assert lines(session, "SET spark.sql.ansi.enabled=false", "SELECT 1 / 0") == ["NULL"]
    assert lines(session, "SET spark.sql.parser.escapedStringLiterals=true", r"SELECT '\d'") == [r"\d"]
    assert lines(session, "SET spark.sql.ansi.enabled") == ["spark.sql.ansi.enabled\tfalse"]


def test_a_time_zone_that_is_none_changes_nothing(session: BatchSession) -> None:
    """The old zone stays."""
    with pytest.raises(StreamError) as caught:
        session.run("SET TIME ZONE 'Nowhere/Never'")
    assert caught.value.condition == "INVALID_CONF_VALUE.TIME_ZONE"
    assert lines(session, "SELECT timestamp_seconds(0)") == ["1970-01-01 00:00:00"]


def test_now_is_the_clocks(session: BatchSession) -> None:
    """The same instant in the whole statement."""
    assert lines(session, "SELECT current_timestamp(), current_date") == ["2020-01-01 12:00:00\t2020-01-01"]


def test_static_tables_and_views_of_a_pipeline_can_be_read(tmp_path: Path) -> None:
    """Its streams cannot, and are refused by name."""
    file = tmp_path / "shop.yaml"
    file.write_text(PIPELINE)
    session = BatchSession({}, ManualClock(NOON_US), load(file, overrides=(), environment={}))
    try:
        joined = "SELECT u.id, l.name FROM users u JOIN loud l ON u.id = l.id ORDER BY u.id DESC"
        assert lines(session, joined) == ["2\tBOB", "1\tANN"]
        with pytest.raises(StreamError) as caught:
            session.run("SELECT count(*) FROM clicks")
        assert caught.value.code == "SQL_UNSUPPORTED"
    finally:
        session.close()


def test_files_are_read_by_their_format(session: BatchSession, tmp_path: Path) -> None:
    """As Spark writes it: a format, a dot, and the path in backticks."""
    rows = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})
    pq.write_table(rows, tmp_path / "rows.parquet")
    pc.write_csv(rows, tmp_path / "rows.csv")
    (tmp_path / "rows.json").write_text('{"a": 1, "b": "x"}\n{"a": 4, "b": "z"}\n')
    assert lines(session, f"SELECT sum(a), count(b) FROM parquet.`{tmp_path}/rows.parquet`") == ["6\t2"]
    both = f"SELECT j.a FROM json.`{tmp_path}/rows.json` j JOIN parquet.`{tmp_path}/rows.parquet` p ON j.a = p.a"
    assert lines(session, both) == ["1"]
    assert lines(session, f"SELECT _c0, _c1 FROM csv.`{tmp_path}/rows.csv` LIMIT 2") == ["a\tb", "1\tx"]
    view = f"CREATE OR REPLACE TEMPORARY VIEW rows AS SELECT a FROM parquet.`{tmp_path}/rows.parquet`"
    twice = f"SELECT sum(r.a * p.a) FROM rows r JOIN parquet.`{tmp_path}/rows.parquet` p ON r.a = p.a"
    assert lines(session, view, twice, "DROP VIEW rows") == []
    assert lines(session, view, twice) == ["14"]
    session.run("DROP VIEW rows")
    with pytest.raises(StreamError):
        session.run("SELECT * FROM parquet.`/nowhere/at/all`")


def test_functions_over_windows_read_whole_partitions(session: BatchSession) -> None:
    """Any aggregate may stand before OVER; frames are Spark's."""
    sql = """SELECT a, b, row_number() OVER (PARTITION BY a ORDER BY b), sum(b) OVER (PARTITION BY a ORDER BY b),
      lag(b, 1, -1) OVER (PARTITION BY a ORDER BY b), collect_list(b) OVER (PARTITION BY a ORDER BY b),
      stddev_pop(b) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
      FROM VALUES ('x', 1), ('x', 3), ('y', 5) t(a, b) ORDER BY a, b"""
    assert lines(session, sql) == [
        "x\t1\t1\t1\t-1\t[1]\t0.0",
        "x\t3\t2\t4\t1\t[1,3]\t1.0",
        "y\t5\t1\t5\t-1\t[5]\t0.0",
    ]


def test_sessions_of_a_table_merge_where_they_touch(session: BatchSession) -> None:
    """Five minutes after the first row comes the second: one session, for its gap ends where the other begins."""
    sql = """SELECT session_window.start, session_window.end, sum(v) FROM VALUES
      (timestamp'2020-01-01 00:00:00', 1), (timestamp'2020-01-01 00:05:00', 2), (timestamp'2020-01-01 00:11:00', 3)
      AS t(ts, v) GROUP BY session_window(ts, '5 minutes') ORDER BY 1"""
    assert lines(session, sql) == [
        "2020-01-01 00:00:00\t2020-01-01 00:10:00\t3",
        "2020-01-01 00:11:00\t2020-01-01 00:16:00\t3",
    ]


def test_a_malformed_record_is_told_whichever_fields_are_read(session: BatchSession) -> None:
    """Its text stands in the field for malformed records, read alone or beside others."""
    read = """from_json('{"a":"no"}', 'a INT, _corrupt_record STRING')"""
    assert lines(session, f"SELECT {read}._corrupt_record") == ['{"a":"no"}']
    assert lines(session, f"SELECT j.a, j._corrupt_record FROM (SELECT {read} AS j)") == ['NULL\t{"a":"no"}']


@pytest.mark.parametrize("option", ["ignoreNullFields", "sortKeys"])
def test_an_option_that_is_neither_true_nor_false_is_refused(session: BatchSession, option: str) -> None:
    """By its name, with what was written."""
    with pytest.raises((StreamError, StreamErrors)) as caught:
        session.run(f"SELECT to_json(named_struct('a', 1), map('{option}', 'maybe'))")
    assert f"The option {option} of to_json is true or false; seen: 'maybe'." in str(caught.value)
