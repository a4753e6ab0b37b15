"""The parts of a query, built from its file: the session's time zone reaches each that has one, as in Spark."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from headrace.assembly.build import build_sink, producer_options, static_table
from headrace.assembly.compile import compile_query
from headrace.clock import ManualClock
from headrace.config.load import load
from headrace.contract import Marker
from headrace.inputs.tables import InlineTable

FILE = """\
version: 1
name: zones
sources:
  ticks: {format: rate}
tables:
  days: {format: csv, schema: "at TIMESTAMP", options: {path: days.csv}}
queries:
  all: {sql: SELECT timestamp AS at FROM ticks, sink: {format: %s, options: {%s}}}
checkpoint: {location: state}
settings: {spark.sql.session.timeZone: "%s"}
"""
ZONES = [("UTC", 0, "Z"), ("Europe/Berlin", 1, "+01:00"), ("+05:30", 5.5, "+05:30")]


@pytest.mark.parametrize(("zone", "ahead_hours", "_suffix"), ZONES)
def test_texts_without_a_zone_are_read_in_the_sessions(
    tmp_path: Path, zone: str, ahead_hours: float, _suffix: str
) -> None:
    """The files of static tables; a table with a timeZone of its own keeps to that."""
    (tmp_path / "days.csv").write_text("2024-01-01 12:00:00\n")
    (tmp_path / "p.yaml").write_text(FILE % ("memory", "", zone))
    pipeline = load(tmp_path / "p.yaml", environment={})
    table = static_table(pipeline, "days")
    assert not isinstance(table, InlineTable)
    noon_us = 1_704_110_400_000_000
    assert table.load()["at"].cast(pa.int64()).to_pylist() == [noon_us - ahead_hours * 3_600_000_000]
    own = load(tmp_path / "p.yaml", overrides=["tables.days.options.timeZone=UTC"], environment={})
    utc = static_table(own, "days")
    assert not isinstance(utc, InlineTable)
    assert utc.load()["at"].cast(pa.int64()).to_pylist() == [noon_us]


@pytest.mark.parametrize(("zone", "ahead_hours", "suffix"), ZONES)
def test_times_are_written_in_the_sessions_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str, ahead_hours: float, suffix: str
) -> None:
    """To files and to the terminal."""
    clock, shown = ManualClock(), "12:00:00" if not ahead_hours else "13:00:00" if ahead_hours == 1 else "17:30:00"
    rows = pa.table({"at": pa.array([1_704_110_400_000_000], pa.timestamp("us", tz="UTC"))})
    for kind, options in (("json", "path: out"), ("console", "")):
        (tmp_path / "p.yaml").write_text(FILE % (kind, options, zone))
        sink = build_sink(compile_query(load(tmp_path / "p.yaml", environment={}), "all"), "q", clock)
        sink.recover()
        sink.claim(Marker("q", -1, "", 1))
        sink.begin(Marker("q", 0, "d", 1))
        sink.write(rows)
        sink.commit(Marker("q", 0, "d", 1))
        sink.close()
    [file] = (tmp_path / "out").glob("part-*.json")
    assert file.read_text() == f'{{"at":"2024-01-01T{shown}.000{suffix}"}}\n'
    assert f"|2024-01-01 {shown}|" in capsys.readouterr().out


TUNED = """\
version: 1
name: tuned
sources:
  events:
    format: kafka
    options:
      kafka.bootstrap.servers: "localhost:1"
      subscribe: events
      kafka.allow.auto.create.topics: "true"
      kafka.check.crcs: "false"
      kafka.client.rack: a
      kafka.fetch.wait.max.ms: 50
      kafka.heartbeat.interval.ms: 1000
      kafka.isolation.level: read_uncommitted
      kafka.max.partition.fetch.bytes: 500000
      kafka.max.poll.interval.ms: 600000
      kafka.partition.assignment.strategy: range
      kafka.queued.max.messages.kbytes: 2048
      kafka.session.timeout.ms: 10000
    decode: {format: json, schema: "k INT", on_error: dead_letter, dead_letter: {topic: dead}}
queries:
  all: {sql: SELECT k FROM events, sink: {format: memory}}
checkpoint: {location: state}
"""


def test_dead_letters_get_the_sources_settings_but_those_of_consumers(tmp_path: Path) -> None:
    """Where the brokers are and what both kinds of clients have."""
    (tmp_path / "p.yaml").write_text(TUNED)
    pipeline = load(tmp_path / "p.yaml", environment={})
    assert producer_options(pipeline.sources["events"]) == {
        "kafka.bootstrap.servers": "localhost:1",
        "kafka.client.rack": "a",
    }
