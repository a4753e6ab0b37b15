"""Benchmarks: how long from an event's creation until a read_committed reader sees an update that counts it.

`python -m benchmarks.latency` writes 5,000 events a second for a minute while a system counts them. Each update of an
activity says the newest creation time it counts, so it is the first to include every event since the update before; the
pace is even, so the times of those events are known. Both clocks are this machine's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.broker import run_transactions, running_broker
from benchmarks.events import PARTITIONS, Workload
from benchmarks.machine import describe_machine, load_average
from benchmarks.results import write_results
from benchmarks.systems.following import committed_reader
from benchmarks.systems.headrace import run_command, write_pipeline
from benchmarks.systems.spark import spark_command
from benchmarks.systems.streams import streams_command
from benchmarks.systems.system import Bench, SystemMissingError, start, stop
from headrace.demo.events import ACTIVITIES
from headrace.testing.kafka import Kafka

PER_SECOND = 5_000
SECONDS = 60.0
_WARM_UP_S = 20.0
_BROKER_WARM_UP_S = 60.0
"""Until the broker compiles no more, and answers the system that comes first as fast as the last."""

_STARTED_S = 90.0
Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds by percentile, over the events whose updates arrived after the warm-up."""

    system: str
    events: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    note: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One update: when it was read, its activity, and the newest creation time it counts; ns since the Unix epoch."""

    at_ns: int
    activity: str
    newest_ns: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A system to measure: its command by bench and sink, and what to say of its delivery."""

    name: str
    title: str
    command: Callable[[Bench, str], Command]
    note: str


def _headrace(bench: Bench, sink: str) -> Command:
    return run_command(write_pipeline(bench, sink, starting="latest"))


def _spark(bench: Bench, sink: str) -> Command:
    bench.kafka.create_topic(sink)
    return spark_command(bench, "latency", bench.folder / "latency.json", [sink])


def _streams(bench: Bench, sink: str) -> Command:
    bench.kafka.create_topic(sink)
    return [*streams_command(bench, sink, "latest")]


SYSTEMS = (
    Measured("headrace", "headrace", _headrace, "exactly once, trigger as soon as possible"),
    Measured("spark", "Spark", _spark, "at least once, trigger as soon as possible"),
    Measured("streams", "Kafka Streams", _streams, "exactly once, commit interval 100 ms"),
)


def measure(names: Sequence[str], per_second: int, seconds: float, warm_up_s: float) -> list[Latency]:
    """Let one system after the other count the same pace of events, each on topics of its own."""
    found = []
    with (
        running_broker(compiles_fully=bool(warm_up_s)) as kafka,
        tempfile.TemporaryDirectory() as name,
    ):
        if warm_up_s:
            _warm_up(kafka, per_second)
        for system in SYSTEMS:
            if system.name in names:
                print(f"{system.name}: {seconds:.0f} s, load average {load_average():.1f} ...", file=sys.stderr)
                try:
                    found.append(_measure_one(kafka, Path(name), system, per_second, (warm_up_s, seconds)))
                except SystemMissingError as missing:
                    print(f"{system.name} is left out: {missing}", file=sys.stderr)
    return found


def _warm_up(kafka: Kafka, per_second: int) -> None:
    """Let the broker serve the same pace of events, and transactions beside it."""
    topic = "paced-warm-up"
    print(f"broker: {_BROKER_WARM_UP_S:.0f} s of warm-up ...", file=sys.stderr)
    kafka.create_topic(topic, partitions=PARTITIONS)
    pacer = _pace(kafka.bootstrap, topic, per_second, _BROKER_WARM_UP_S)
    run_transactions(kafka, _BROKER_WARM_UP_S, [TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    pacer.wait(30)


def _measure_one(kafka: Kafka, folder: Path, system: Measured, per_second: int, spans: tuple[float, float]) -> Latency:
    warm_up_s, seconds = spans
    topic, sink = f"paced-{system.name}", f"latency-{system.name}"
    kafka.create_topic(topic, partitions=PARTITIONS)
    bench = Bench(kafka, Workload(kafka.bootstrap, topic, 0, {}), folder, 0)
    child = start(system.command(bench, sink), folder / f"{sink}.log")
    try:
        with committed_reader(kafka.bootstrap, sink) as reader:
            _wait_until_it_counts(kafka.bootstrap, topic, reader, child)
            pacer = _pace(kafka.bootstrap, topic, per_second, warm_up_s + seconds)
            spacing_ns = len(ACTIVITIES) * 1_000_000_000 // per_second
            latencies = event_latencies(_arrivals(reader, warm_up_s + seconds), spacing_ns, warm_up_s)
            pacer.wait(30)
    finally:
        stop(child)
    if child.returncode not in (0, -15, 143):
        message = f"{system.name} ended with code {child.returncode}"
        raise RuntimeError(message)
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99]) if len(latencies) else (float("nan"),) * 3
    return Latency(system.title, len(latencies), float(p50), float(p95), float(p99), system.note)


def _pace(bootstrap: str, topic: str, per_second: int, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.pacer", bootstrap, topic, str(per_second), str(seconds)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1])


def _wait_until_it_counts(bootstrap: str, topic: str, reader: Consumer, child: subprocess.Popen[bytes]) -> None:
    """Send a few events now and then until the first update: the system starts at the end of its topic."""
    deadline = time.monotonic() + _STARTED_S
    while time.monotonic() < deadline and child.poll() is None:
        _pace(bootstrap, topic, 100, 0.2).wait(30)
        if _arrivals(reader, 1.0):
            return
    message = f"no update within {_STARTED_S:g} s; exit code of the system {child.poll()}"
    raise RuntimeError(message)


def _arrivals(reader: Consumer, seconds: float) -> list[Arrival]:
    """Return each update that arrives in the time given."""
    found: list[Arrival] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        first = reader.poll(min(0.1, left))
        if first is None:
            continue
        now_ns = time.time_ns()
        for message in (first, *reader.consume(10_000, 0)):
            if message.error() is None:
                row = json.loads(message.value() or b"{}")
                found.append(Arrival(now_ns, row["gt"], row["newest"]))
    return found


def event_latencies(arrivals: Sequence[Arrival], spacing_ns: int, warm_up_s: float) -> np.ndarray:
    """Return the latency in ms of every event the updates are the first to include.

    Args:
        arrivals: In the order they came.
        spacing_ns: Time between two events of one activity.
        warm_up_s: Updates that came so soon after the first do not count.
    """
    if not arrivals:
        return np.empty(0)
    counted_from = arrivals[0].at_ns + int(warm_up_s * 1e9)
    newest: dict[str, int] = {}
    found = []
    for one in arrivals:
        before = newest.get(one.activity, one.newest_ns - spacing_ns)
        newest[one.activity] = max(before, one.newest_ns)
        if one.at_ns >= counted_from:
            found.append((one.at_ns - np.arange(one.newest_ns, before, -spacing_ns)) / 1e6)
    return np.concatenate(found) if found else np.empty(0)


def show(found: Sequence[Latency]) -> Table:
    """Return the latencies as a table."""
    table = Table(title="Latency, event creation to committed update", title_justify="left")
    table.add_column("system")
    for name in ("events", "p50", "p95", "p99"):
        table.add_column(name, justify="right")
    table.add_column("delivery")
    for one in found:
        times = (f"{ms:,.0f} ms" for ms in (one.p50_ms, one.p95_ms, one.p99_ms))
        table.add_row(one.system, f"{one.events:,}", *times, one.note)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write down."""
    names = [system.name for system in SYSTEMS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--per-second", type=int, default=PER_SECOND)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="measured, after the warm-up")
    parser.add_argument("--warm-up", type=float, default=_WARM_UP_S, help="seconds that do not count")
    parser.add_argument("--systems", default=",".join(names), help=f"some of {','.join(names)}")
    given = parser.parse_args(arguments)
    found = measure(given.systems.split(","), given.per_second, given.seconds, given.warm_up)
    console = Console(width=160)
    console.print(show(found))
    console.print(describe_machine())
    write_results("latency", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
