"""Crash tests: one pipeline as a user runs it: a folder, a file, and child processes that are killed.

Takes a broker and a query; gives `Job`, whose children die by failpoints or signals, and what was published.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from tests.crash.stream import PER_BATCH, Kind, Row

from headrace.failpoints import VARIABLE
from headrace.testing.kafka import Kafka
from headrace.testing.kafka.ports import pause_between_looks

DEADLINE_S = 60.0


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
        return Ended(self.process.returncode, self.log())


@dataclass(slots=True)
class Job:
    """A pipeline of one query, named q, in a folder of its own; `settings` is the file's content."""

    kafka: Kafka
    folder: Path
    settings: dict[str, Any]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def checkpoint(self) -> Path:
        """The query's checkpoint folder."""
        return self.folder / str(self.settings["checkpoint"]["location"]) / "q"

    @property
    def query(self) -> dict[str, Any]:
        """The query's part of the file."""
        found: dict[str, Any] = self.settings["queries"]["q"]
        return found

    @property
    def source(self) -> dict[str, Any]:
        """The source's part of the file."""
        found: dict[str, Any] = self.settings["sources"]["events"]
        return found

    def start(self, *flags: str, failpoint: str = "", env: Mapping[str, str] | None = None) -> Child:
        """Start a child on the settings as they are now."""
        path = self.folder / "pipeline.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        log = self.folder / f"log-{len(self.children)}"
        command = [sys.executable, "-m", "headrace", "run", str(path), "--log-format", "json", *flags]
        full = {**os.environ, **(env or {})}
        if failpoint:
            full[VARIABLE] = failpoint
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=full)
        self.children.append(process)
        return Child(process, log)

    def drain(self, *flags: str, failpoint: str = "", env: Mapping[str, str] | None = None) -> Ended:
        """Run a child over everything that is there."""
        return self.start("--available-now", *flags, failpoint=failpoint, env=env).wait()

    def crash(self, failpoint: str) -> None:
        """Run a child that must die by SIGKILL at `name:n`."""
        name, count = failpoint.split(":")
        ended = self.drain(failpoint=f"{failpoint}:kill")
        assert f"failpoint {name} reached {count} times: kill" in ended.log, ended.log
        assert ended.code == -signal.SIGKILL

    def finish(self) -> Ended:
        """Run a child to the end, which must succeed."""
        ended = self.drain()
        assert ended.code == 0, ended.log
        return ended

    def published(self) -> Counter[Row]:
        """Return every row readers of the sink see."""
        options = self.query["sink"]["options"]
        if "topic" in options:
            rows = [json.loads(record.value or b"") for record in self.kafka.read_committed(options["topic"])]
            return Counter(_row(row) for row in rows)
        path = Path(options["path"])
        files = sorted(path.glob("part-*"))
        return Counter(_row(row) for file in files for row in pq.read_table(file).to_pylist())

    def batches(self) -> list[int]:
        """Return the numbers of the batches that are done."""
        folder = self.checkpoint / "commits"
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.exists() else []

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.children:
            if process.poll() is None:
                process.kill()
                process.wait()


def settings(kafka: Kafka, source: str, kind: Kind, sink: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pipeline file's content: one source, one view with a watermark, the kind's own views, the query q."""
    return {
        "version": 1,
        "name": "crash",
        "on_failure": {"restart": {"backoff": "200 milliseconds", "attempts": 40}},
        "sources": {
            "events": {
                "format": "kafka",
                "options": {
                    "kafka.bootstrap.servers": kafka.bootstrap,
                    "subscribe": source,
                    "startingOffsets": "earliest",
                    "maxOffsetsPerTrigger": PER_BATCH,
                },
                "decode": {"format": "json", "schema": "ts BIGINT, k STRING, v BIGINT", "on_error": "fail"},
            }
        },
        "views": [
            {
                "name": "activity",
                "sql": "SELECT timestamp_micros(ts) AS at, k, v FROM events",
                "watermark": {"column": "at", "delay": "2 seconds"},
            },
            *kind.views,
        ],
        "queries": {"q": {"sql": kind.sql, "output_mode": kind.mode, "sink": dict(sink)}},
        "checkpoint": {"location": "checkpoints", "snapshot_every_batches": 2},
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
