"""Benchmarks: what every compared system takes and gives.

Takes a `Workload` on a running broker and an empty folder; gives one `Run` for each way it was measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from benchmarks.events import Counts, Workload
from headrace.testing.kafka import Kafka, Record

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run: seconds, the most memory in bytes, and what the counts say when read back."""

    system: str
    events: int
    seconds: float
    peak_bytes: int
    agrees: bool
    note: str = ""

    @property
    def events_per_second(self) -> float:
        """Throughput; 0.0 when the run did not end."""
        return self.events / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the systems run: the broker, the loaded topic, a folder for their files, the rows a batch may take."""

    kafka: Kafka
    workload: Workload
    folder: Path
    batch_rows: int


class System(Protocol):
    """One system that can count events by window."""

    name: str

    def throughput(self, bench: Bench) -> list[Run]:
        """Count the whole topic and return how long it took, by way of running.

        Raises:
            SystemMissingError: what the system needs cannot be had here.
        """
        ...


class SystemMissingError(RuntimeError):
    """A system cannot run on this machine; the message says what is missing."""


def start(command: Sequence[str | Path], log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a child whose output goes to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            [str(part) for part in command], stdout=file, stderr=file, cwd=ROOT, env={**os.environ, **environment}
        )


def stop(child: subprocess.Popen[bytes], patience_s: float = 20.0) -> None:
    """Ask a child to end, and end it when it does not."""
    child.terminate()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def require_success(child: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    """Wait for a child and raise RuntimeError with the end of its log when it failed."""
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    if code:
        message = f"exit code {code}; {log} ends with\n{log.read_text(errors='replace')[-3000:]}"
        raise RuntimeError(message)


def newest_counts(records: Iterable[Record]) -> dict[tuple[int, str], int]:
    """Return the last update of every window and activity from records in the order of their offsets."""
    newest: dict[tuple[int, str], int] = {}
    for record in records:
        row = json.loads(record.value or b"{}")
        newest[_seconds(row["start"]), row["gt"]] = row["n"]
    return newest


def agrees(kafka: Kafka, topic: str, counts: Counts) -> bool:
    """Return True when what a read_committed reader sees of a topic comes to the counts."""
    seen = newest_counts(kafka.read_committed(topic))
    if seen != counts:
        missing = sum(counts.values()) - sum(seen.values())
        print(f"  {topic}: {len(seen)} groups of {len(counts)}, {missing} events missing", file=sys.stderr)
    return seen == counts


def _seconds(start: int | str) -> int:
    return start if isinstance(start, int) else int(datetime.fromisoformat(start).timestamp())
