"""Crash tests: one pipeline as a user runs it: a folder, a file, and child processes that are killed.

Takes a broker and queries; gives `Job`, whose children die by failpoints or signals, and what was published. A process
with many queries costs little more than one with one, so a failpoint holds every query until all are there.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.crash.stream import ACTIVITY, PER_BATCH, Kind, Row

from headrace.failpoints import VARIABLE
from headrace.testing.kafka import Kafka, Record
from headrace.testing.kafka.ports import pause_between_looks
from headrace.testing.processes import freeze, wait_until_stopped

DEADLINE_S = 60.0
Cell = tuple[Kind, str]
"""A kind of query, and `kafka` or `parquet` for its sink."""


def until(condition: Callable[[], bool], awaited: str, deadline_s: float = DEADLINE_S) -> None:
    """Return once the condition holds; AssertionError after the deadline, in seconds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited {deadline_s:g} s in vain for {awaited}"
        pause_between_looks()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit code, negative for a signal, and what it logged."""

    code: int
    log: str

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of one event."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]


class Child:
    """A running `headrace run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def log(self) -> str:
        """Return what it has logged so far."""
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop it; returns when its last thread stands still."""
        freeze(self.process)

    def wait_for_stop(self, point: str, times: int) -> None:
        """Return when it has stopped itself at a failpoint, reached so many times."""
        self.wait_for_log(f"failpoint {point} reached {times} times: stop")
        wait_until_stopped(self.process)

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Return once a text stands in the log so many times; fails when the child ends before."""
        until(lambda: self.log().count(text) >= times or self.process.poll() is not None, f"{text!r} in the log")
        assert self.log().count(text) >= times, self.log()

    def wait(self) -> Ended:
        """Return how it ended."""
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the child did not end; its log:\n{self.log()}") from None
        return self.ended()

    def ended(self) -> Ended:
        """Return how it ended, when it has."""
        return Ended(self.process.returncode, self.log())


@dataclass(slots=True)
class Job:
    """A pipeline in a folder of its own; `settings` is the file's content. A job of one query calls it q."""

    kafka: Kafka
    folder: Path
    settings: dict[str, Any]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def queries(self) -> dict[str, dict[str, Any]]:
        """The queries' parts of the file."""
        found: dict[str, dict[str, Any]] = self.settings["queries"]
        return found

    @property
    def query(self) -> dict[str, Any]:
        """The only query's part of the file."""
        return self.queries["q"]

    @property
    def source(self) -> dict[str, Any]:
        """The source's part of the file."""
        found: dict[str, Any] = self.settings["sources"]["events"]
        return found

    @property
    def checkpoint(self) -> Path:
        """The only query's checkpoint folder."""
        return self.checkpoint_of("q")

    def checkpoint_of(self, name: str) -> Path:
        """Return a query's checkpoint folder."""
        return self.folder / str(self.settings["checkpoint"]["location"]) / name

    def start(self, *flags: str, failpoint: str = "") -> Child:
        """Start a child on the settings as they are now; `name:n:action` hits all queries at once."""
        path = self.folder / "pipeline.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        log = self.folder / f"log-{len(self.children)}"
        command = [sys.executable, "-m", "headrace", "run", str(path), "--log-format", "json", *flags]
        env = {**os.environ, VARIABLE: f"{failpoint}:{len(self.queries)}"} if failpoint else None
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
        self.children.append(process)
        return Child(process, log)

    def drain(self, *flags: str, failpoint: str = "") -> Ended:
        """Run a child over everything that is there."""
        return self.start("--available-now", *flags, failpoint=failpoint).wait()

    def crash(self, failpoint: str) -> None:
        """Run a child that must die by SIGKILL at `name:n`, every one of its queries at that point."""
        point, count = failpoint.split(":")
        ended = self.drain(failpoint=f"{failpoint}:kill")
        reached = f"failpoint {point} reached {count} times"
        there = re.findall(rf"{reached} by headrace-(?:query|journal|upkeep)-(\w+?)(?:_0)?\n", ended.log)
        missing = sorted(self.queries.keys() - set(there))
        assert missing == [], ended.log
        assert f"{reached}: kill" in ended.log, ended.log
        assert ended.code == -signal.SIGKILL

    def finish(self) -> Ended:
        """Run a child to the end, which must succeed."""
        ended = self.drain()
        assert ended.code == 0, ended.log
        return ended

    def published(self, name: str = "q") -> Counter[Row]:
        """Return every row readers of a query's sink see."""
        options = self.queries[name]["sink"]["options"]
        if "topic" in options:
            return rows_of(self.kafka.read_committed(options["topic"]))
        files = sorted(Path(options["path"]).glob("part-*"))
        return Counter(_row(row) for file in files for row in pq.read_table(file).to_pylist())

    def batches(self, name: str = "q") -> list[int]:
        """Return the numbers of the batches that are done."""
        folder = self.checkpoint_of(name) / "commits"
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.exists() else []

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.children:
            if process.poll() is None:
                process.kill()
                process.wait()


def rows_of(records: Sequence[Record]) -> Counter[Row]:
    """Return the rows that records of a Kafka sink hold."""
    return Counter(_row(json.loads(record.value or b"")) for record in records)


def metric(port: int, name: str, **labels: str) -> float:
    """Return the value of a metric that a child shows."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        found = [s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
    return found[0]


def settings(kafka: Kafka, topics: Mapping[str, str], queries: Mapping[str, tuple[Kind, Any]]) -> dict[str, Any]:
    """Return a pipeline file's content.

    Args:
        kafka: The broker of the sources.
        topics: Of each source.
        queries: By name, what each computes and its sink's part of the file.
    """
    views = {view["name"]: view for kind, _ in queries.values() for view in kind.views}
    return {
        "version": 1,
        "name": "crash",
        "on_failure": {"restart": {"backoff": "200 milliseconds", "attempts": 40}},
        "sources": {name: _source(kafka, topic) for name, topic in topics.items()},
        "views": [deepcopy(view) for view in (ACTIVITY, *views.values())],
        "queries": {
            name: {"sql": kind.sql, "output_mode": kind.mode, "sink": sink} for name, (kind, sink) in queries.items()
        },
        "checkpoint": {"location": "checkpoints", "snapshot_every_batches": 2},
    }


def _source(kafka: Kafka, topic: str) -> dict[str, Any]:
    return {
        "format": "kafka",
        "options": {
            "kafka.bootstrap.servers": kafka.bootstrap,
            "subscribe": topic,
            "startingOffsets": "earliest",
            "maxOffsetsPerTrigger": PER_BATCH,
        },
        "decode": {"format": "json", "schema": "ts BIGINT, k STRING, v BIGINT", "on_error": "fail"},
    }


def kafka_sink(kafka: Kafka, topic: str) -> dict[str, Any]:
    """Return a sink that publishes JSON to a topic."""
    options = {"kafka.bootstrap.servers": kafka.bootstrap, "topic": topic}
    return {"format": "kafka", "options": options, "encode": {"format": "json", "key": "k"}}


def parquet_sink(folder: Path) -> dict[str, Any]:
    """Return a sink that appends Parquet files to a folder."""
    return {"format": "parquet", "options": {"path": str(folder)}}


def _row(row: Mapping[str, Any]) -> Row:
    return tuple(_moment(value) if name == "start" else value for name, value in row.items())


def _moment(value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()
