"""What docs/compatibility.md says is refused, taken without effect, or read again: shown on a pipeline file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from headrace import stateful
from headrace.assembly.build import build_tables
from headrace.assembly.compile import compile_query
from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.config.load import load
from headrace.config.run_options import RunOptions
from headrace.engine.service import Service
from headrace.errors import StreamError, StreamErrors
from headrace.values import US_PER_S

SCHEMA = "ts TIMESTAMP, user STRING, v BIGINT, gap STRING"
EMPTY = RunOptions()

SQL = [
    ("SELECT struct(user, user) AS twice FROM clicks", "A struct with two fields called user is not done"),
    ("SELECT approx_count_distinct(v, 0.01) FROM clicks GROUP BY user", "an error other than 0.05 is not done"),
    ("SELECT count(DISTINCT *) FROM clicks GROUP BY user", "is not done"),
    ("SELECT user FROM clicks EXCEPT ALL SELECT user FROM users", "not supported"),
    ("SELECT * FROM (SELECT user, v FROM clicks) PIVOT (sum(v) FOR user IN (upper('a')))", "gives its column no name"),
    ("SELECT * FROM clicks JOIN users TABLESAMPLE (10 PERCENT) USING (user)", "hangs on chance"),
    ("SELECT user FROM clicks LEFT JOIN LATERAL explode(array(1)) AS e(j) ON true", "stands without ON"),
    ("SELECT TRANSFORM(user) USING 'cat' FROM clicks", "PARSE_SYNTAX_ERROR"),
    ("SELECT user COLLATE UTF8_LCASE FROM clicks", "does not know"),
    ("SELECT from_xml(user, 'a INT', map('rowValidationXSDPath', 'x')) FROM clicks", "is not done"),
    ("SELECT to_xml(named_struct('_a', 1)) FROM clicks", "names no element"),
    ("SELECT xpath(user, 'a[1]/following-sibling::b') FROM clicks", "is not done"),
    ("SELECT from_avro(cast(user AS BINARY), 'a') FROM clicks", "UNRESOLVED_ROUTINE"),
    ("SELECT from_protobuf(cast(user AS BINARY), 'a') FROM clicks", "UNRESOLVED_ROUTINE"),
    ("SELECT rand() FROM clicks", "depends on chance"),
    ("SELECT uuid() FROM clicks", "depends on chance"),
    ("SELECT shuffle(array(1)) FROM clicks", "depends on chance"),
    ("SELECT input_file_name() FROM clicks", "tells of the engine"),
    ("SELECT spark_partition_id() FROM clicks", "where a row stands"),
    ("SELECT user() FROM clicks", "tells of the engine"),
    ("SELECT reflect('a', 'b') FROM clicks", "tells of the engine"),
    ("SELECT aes_encrypt(user, 'k') FROM clicks", "initialization vector"),
    ("SELECT * FROM STREAM clicks", "TABLE_OR_VIEW_NOT_FOUND"),
    ("SELECT * FROM STREAM clicks WATERMARK ts DELAY OF INTERVAL 10 SECONDS", "PARSE_SYNTAX_ERROR"),
    ("SELECT c.user FROM clicks c ASOF JOIN users u ON c.user = u.user", "PARSE_SYNTAX_ERROR"),
    ("SELECT * FROM clicks, LATERAL mine(user)", "ROUTINE_NOT_FOUND"),
    ("SELECT user FROM clicks WHERE v = :least", "UNBOUND_SQL_PARAMETER"),
    ("INSERT INTO counts SELECT user FROM clicks", "WRITE_STREAM_NOT_ALLOWED"),
    ("CREATE TABLE counts AS SELECT user FROM clicks", "WRITE_STREAM_NOT_ALLOWED"),
    ("DECLARE x INT", "WRITE_STREAM_NOT_ALLOWED"),
    ("SELECT user FROM users", "WRITE_STREAM_NOT_ALLOWED"),
]
FORMATS = [
    *(("sources", name) for name in ("text", "csv", "json", "parquet", "orc", "avro", "xml")),
    *(("sources", name) for name in ("socket", "rate-micro-batch", "mine")),
    *(("tables", name) for name in ("text", "orc", "avro", "xml", "jdbc", "delta", "kafka")),
    *(("encode", name) for name in ("avro", "protobuf")),
    *(("sink", name) for name in ("text", "orc", "avro", "foreach", "foreachBatch", "noop", "toTable", "delta")),
]
ASKED = [
    ({"trigger": {"continuous": "1 second"}}, "trigger"),
    ({"trigger": {"real_time": "1 second"}}, "trigger"),
    ({"trigger": {"processing_time": "1 month"}}, "has the unit 'month'"),
    ({"engine": "spark"}, 'unknown key "engine"|not known|engine'),
    ({"observe": {"n": "count(*)"}}, "observe"),
    ({"listeners": ["mine"]}, "listeners"),
]


UNKNOWN_OPTIONS = [
    ("sink", "console", "checkpointLocation"),
    ("sink", "console", "asyncProgressTrackingEnabled"),
    ("sink", "parquet", "checkpointLocation"),
    ("sources", "kafka", "maxOffsetPerTrigger"),
    ("tables", "csv", "dateFormat"),
    ("tables", "json", "columnNameOfCorruptRecord"),
]


def _written(folder: Path, *, query: dict[str, Any] | None = None, **parts: Any) -> Path:
    source = {"format": "memory", "options": {"name": "refusals", "schema": SCHEMA}}
    sink = {"format": "memory", "options": {"name": "refused"}}
    raw: dict[str, Any] = {
        "version": 1,
        "name": "refusals",
        "sources": {"clicks": {**source, "watermark": {"column": "ts", "delay": "1 second"}}},
        "tables": {"users": {"schema": "user STRING, city STRING", "rows": [{"user": "a", "city": "b"}]}},
        "queries": {"q": {"sql": "SELECT user FROM clicks", "sink": sink, **(query or {})}},
        "checkpoint": {"location": str(folder / "checkpoints")},
        **parts,
    }
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def _refusal(path: Path) -> str:
    """Return everything that is said of a file or its query, an empty text when nothing is."""
    try:
        compile_query(load(path, environment={}), "q")
    except (StreamError, StreamErrors) as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("sql", "said"), SQL, ids=lambda value: str(value)[:60])
def test_sql_that_is_not_done_is_refused(sql: str, said: str, tmp_path: Path) -> None:
    """Before anything runs, and never answered in another way."""
    mode = "update" if sql.endswith("GROUP BY user") else "append"
    assert re.search(said, _refusal(_written(tmp_path, query={"sql": sql, "output_mode": mode})))


def test_a_watermark_is_not_defined_twice(tmp_path: Path) -> None:
    """A view over a source that has one."""
    view = {"name": "again", "sql": "SELECT ts, user FROM clicks", "watermark": {"column": "ts", "delay": "1 hour"}}
    path = _written(tmp_path, views=[view], query={"sql": "SELECT user FROM again"})
    assert "redefining it is not allowed" in _refusal(path)


@pytest.mark.parametrize("text", ["1.5e3", '{"a": 1e30}'])
def test_values_that_are_not_done_are_refused(text: str) -> None:
    """A VARIANT of a DOUBLE would not keep its digits as Spark's does."""
    session = BatchSession({}, ManualClock(0))
    with pytest.raises(StreamError, match="DOUBLE, which is not done in a VARIANT"):
        session.run(f"SELECT parse_json('{text}')")
    session.close()


@pytest.mark.parametrize(("kind", "name"), FORMATS)
def test_a_format_without_a_plugin_is_refused_by_its_name(kind: str, name: str, tmp_path: Path) -> None:
    """With the names of those that there are."""
    part = {"format": name, "options": {"path": "x"}}
    kafka = {"format": "kafka", "options": {"kafka.bootstrap.servers": "localhost:1", "topic": "t"}}
    parts: dict[str, dict[str, Any]] = {
        "encode": {"query": {"sink": {**kafka, "encode": {"format": name}}}},
        "sink": {"query": {"sink": part}},
        "sources": {"sources": {"clicks": part}},
        "tables": {"tables": {"users": part}, "query": {"sql": "SELECT c.user FROM clicks c JOIN users USING (user)"}},
    }
    assert "PLUGIN_UNKNOWN" in _refusal(_written(tmp_path, **parts[kind]))


@pytest.mark.parametrize(("kind", "name", "option"), UNKNOWN_OPTIONS)
def test_an_option_that_is_none_is_refused(kind: str, name: str, option: str, tmp_path: Path) -> None:
    """Spark passes over it, so that one that is misspelt has no effect and nobody is told."""
    needed: dict[str, dict[str, Any]] = {
        "console": {},
        "kafka": {"subscribe": "t", "kafka.bootstrap.servers": "localhost:1"},
        "parquet": {"path": "x"},
    }
    part: dict[str, Any] = {"format": name, "options": {option: "1", **needed.get(name, {"path": "x"})}}
    if kind == "tables":
        part["schema"] = "user STRING"
    users = "SELECT c.user FROM clicks c JOIN users USING (user)"
    parts: dict[str, dict[str, Any]] = {
        "sink": {"query": {"sink": part}},
        "sources": {"sources": {"clicks": part}},
        "tables": {"tables": {"users": part}, "query": {"sql": users}},
    }
    assert f'{name} has no option "{option}"' in _refusal(_written(tmp_path, **parts[kind]))


def test_a_file_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    """Spark makes a temporary one for the console and for memory."""
    path = _written(tmp_path)
    raw = yaml.safe_load(path.read_text())
    del raw["checkpoint"]
    path.write_text(yaml.safe_dump(raw))
    assert re.search(r"CONFIG_MISSING_KEY.*checkpoint", _refusal(path))


def test_a_delay_of_months_is_refused(tmp_path: Path) -> None:
    """Months have no length."""
    source = {"format": "memory", "options": {"name": "m", "schema": SCHEMA}}
    sources = {"clicks": {**source, "watermark": {"column": "ts", "delay": "1 month"}}}
    assert "has the unit 'month'" in _refusal(_written(tmp_path, sources=sources))


def test_rules_hold_whatever_the_settings_say(tmp_path: Path) -> None:
    """What would give wrong answers is not switched on."""
    off = ("unsupportedOperationCheck", "statefulOperator.checkCorrectness.enabled")
    settings = {f"spark.sql.streaming.{name}": "false" for name in off}
    path = _written(tmp_path, settings=settings, query={"sql": "SELECT user, count(*) AS n FROM clicks GROUP BY user"})
    assert "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION" in _refusal(path)


SETTINGS = [
    ("spark.sql.caseSensitive", "true"),
    ("spark.sql.ansi.enabled", "flase"),
    ("spark.sql.streaming.multipleWatermarkPolicy", "mean"),
    ("spark.sql.legacy.timeParserPolicy", "LEGACY"),
    ("spark.sql.legacy.castComplexTypesToString.enabled", "true"),
    ("spark.sql.mapKeyDedupPolicy", "LAST_WIN"),
    ("spark.sql.timestampType", "TIMESTAMP_NTZ"),
    ("spark.sql.optimizer.excludedRules", "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates"),
]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_that_would_change_answers_is_refused(name: str, value: str, tmp_path: Path) -> None:
    """Of a pipeline, at its place in the file, and of batch SQL."""
    found = _refusal(_written(tmp_path, settings={name: value}))
    assert re.search(rf"CONFIG_INVALID_VALUE.*pipeline.yaml:\d+:\d+ {name} .*seen: {value}", found)
    session = BatchSession({name: value}, ManualClock(0))
    with pytest.raises(StreamError, match="would change answers"):
        session.run("SELECT 1")
    session.close()


@pytest.mark.parametrize("statement", ["INSERT INTO t SELECT 1", "CREATE TABLE t AS SELECT 1", "DROP TABLE t"])
def test_batch_sql_writes_nothing(statement: str) -> None:
    """It answers questions."""
    session = BatchSession({}, ManualClock(0))
    with pytest.raises((StreamError, StreamErrors)):
        session.run(statement)
    session.close()


@pytest.mark.parametrize(("asked", "said"), ASKED, ids=lambda value: str(value)[:40])
def test_what_the_file_may_not_ask_for_is_refused(asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    """By the key."""
    assert re.search(said, _refusal(_written(tmp_path, query=asked)))


def test_what_the_service_may_not_run_is_refused(tmp_path: Path) -> None:
    """State that outlives the machine is to come."""
    checkpoint = {"location": "s3://bucket/folder", "durability": "remote"}
    pipeline = load(_written(tmp_path, checkpoint=checkpoint), environment={})
    with pytest.raises(StreamError, match="durability: remote is not in this release"):
        Service(pipeline, EMPTY, ManualClock(0))


def test_what_has_no_effect_is_taken(tmp_path: Path) -> None:
    """Files that were written for a cluster can be read."""
    provider = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    settings = {
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.streaming.stateStore.providerClass": provider,
        "spark.sql.caseSensitive": "false",
    }
    options = {"kafka.bootstrap.servers": "localhost:1", "subscribe": "t", "minPartitions": 4}
    sources = {"clicks": {"format": "kafka", "options": {**options, "maxRecordsPerPartition": 10}}}
    sql = "SELECT CAST(KEY AS STRING) AS k FROM Clicks"
    assert _refusal(_written(tmp_path, settings=settings, sources=sources, query={"sql": sql})) == ""


def test_python_that_is_not_there_is_no_name() -> None:
    """An author's editor says so before headrace does."""
    absent = ("deleteIfExists", "mapGroupsWithState", "cogroup", "mapInPandas", "mapInArrow")
    classes = [getattr(stateful, name) for name in stateful.__all__]
    assert [name for name in absent if any(hasattr(kind, name) for kind in (*classes, stateful))] == []


@pytest.mark.parametrize(("refresh", "seen"), [("never", [1, 1, 1]), ("every_batch", [1, 2, 3]), ("10 s", [1, 1, 3])])
def test_a_table_is_read_again_by_its_policy(refresh: str, seen: list[int], tmp_path: Path) -> None:
    """Three batches six seconds apart, and a row more before each."""
    tables = {"users": {"format": "parquet", "options": {"path": str(tmp_path / "users")}, "refresh": refresh}}
    (tmp_path / "users").mkdir()
    clock, rows = ManualClock(0), []
    sql = "SELECT c.user FROM clicks c JOIN users u ON c.user = u.user"
    loaded = None
    for number in range(3):
        pq.write_table(pa.table({"user": ["a"]}), tmp_path / "users" / f"{number}.parquet")
        if loaded is None:
            pipeline = load(_written(tmp_path, tables=tables, query={"sql": sql}), environment={})
            loaded = build_tables(compile_query(pipeline, "q"), clock)
        rows.append(len(loaded.current()["users"]))
        clock.advance(6 * US_PER_S)
    assert rows == seen
