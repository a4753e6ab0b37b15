"""Benchmarks: from process start to the first committed batch, import time, and memory of the demo pipeline.

`python -m benchmarks.startup` has a broker there already, writes some events and starts `headrace run` on the demo's
pipeline several times; with `--flat EVENTS` it also counts so many events and compares the memory of the run's last
third with its first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.broker import running_broker
from benchmarks.events import PARTITIONS, load_topic
from benchmarks.machine import describe_machine
from benchmarks.memory import MemorySampler, growth
from benchmarks.results import write_results
from benchmarks.systems.headrace import run_command, write_pipeline
from benchmarks.systems.system import Bench, require_success, start, stop
from headrace.demo.events import events
from headrace.testing.kafka import Kafka

RUNS = 5
_LIBRARIES = (
    "confluent_kafka, duckdb, numpy, prometheus_client, pyarrow.compute, pydantic, rich.console, rocksdict, sqlglot, "
    "structlog, typer, yaml"
)
_DEMO_EVENTS = 60_000
_FIRST_BATCH_S = 60.0
_LOOK_S = 0.005
_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure with its unit, how it was come by, and the goal it is held against; None stands for no goal."""

    name: str
    value: float
    unit: str
    note: str
    goal: float | None = None


def measure(runs: int, flat: int) -> list[Measurement]:
    """Return all figures; `flat` events are counted for the flatness of memory, none when it is 0."""
    with running_broker() as kafka, tempfile.TemporaryDirectory() as name:
        _prepare_demo(kafka)
        imports, times = [], []
        for number in range(runs):  # in turn: the machine is as fast for the one as for the other
            imports.append(_import_s())
            times.append(_first_commit_s(kafka, Path(name) / f"start-{number}"))
        found = [
            Measurement("import of the libraries alone", median(imports), "s", f"median of {runs}; no code of ours")
        ]
        note = f"median of {runs}, worst {max(times):.2f} s; both queries of the demo"
        found.append(Measurement("process start to first committed batch", median(times), "s", note, 2.0))
        memories = [_demo_memory(kafka, Path(name) / f"peak-{number}") for number in range(runs)]
        peaks = [memory.peak_bytes / 1e6 for memory in memories]
        anonymous = median(max(memory.anonymous) / 1e6 for memory in memories)
        note = f"median of {runs}, worst {max(peaks):.0f} MB, {anonymous:.0f} MB anonymous; {_DEMO_EVENTS:,} events"
        found.append(Measurement("peak memory, demo pipeline", median(peaks), "MB", note, 250.0))
        if flat:
            found += _flatness(kafka, Path(name), flat)
    return found


def _import_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {_LIBRARIES}"], check=True)
    return time.perf_counter() - began


def _prepare_demo(kafka: Kafka) -> None:
    for topic, partitions in (("events", PARTITIONS), ("counts", 1), ("events-dead", 1)):
        kafka.create_topic(topic, partitions=partitions)
    kafka.produce("events", events(_DEMO_EVENTS))


def _demo_pipeline(kafka: Kafka, folder: Path) -> Path:
    folder.mkdir()
    text = (files("headrace.demo") / "pipeline.yaml").read_text(encoding="utf-8")
    file = folder / "pipeline.yaml"
    file.write_text(text.replace("localhost:9092", kafka.bootstrap), encoding="utf-8")
    return file


def _first_commit_s(kafka: Kafka, folder: Path) -> float:
    """Return the seconds until the query's first commit log entry is there; its batch is public before that."""
    file = _demo_pipeline(kafka, folder)
    began = time.perf_counter()
    child = start(run_command(file, "--set", "sources.events.options.maxOffsetsPerTrigger=10000"), folder / "log")
    try:
        _wait_for_commit(child, folder / "checkpoints" / "counts", folder / "log")
        return time.perf_counter() - began
    finally:
        stop(child)


def _wait_for_commit(child: subprocess.Popen[bytes], checkpoint: Path, log: Path) -> None:
    deadline_s = time.perf_counter() + _FIRST_BATCH_S
    while not (checkpoint / "commits" / "0").exists():
        if child.poll() is not None or time.perf_counter() > deadline_s:
            message = f"no batch was committed; the log ends with\n{log.read_text()[-3000:]}"
            raise RuntimeError(message)
        time.sleep(_LOOK_S)


def _demo_memory(kafka: Kafka, folder: Path) -> MemorySampler:
    file = _demo_pipeline(kafka, folder)
    child = start(run_command(file, "--available-now"), folder / "log")
    with MemorySampler(child.pid) as memory:
        require_success(child, folder / "log", _TIMEOUT_S)
    return memory


def _flatness(kafka: Kafka, folder: Path, count: int) -> list[Measurement]:
    kafka.create_topic("many", partitions=PARTITIONS)
    bench = Bench(kafka, load_topic(kafka.bootstrap, "many", count), folder, 100_000)
    file = write_pipeline(bench, "many-counts")
    child = start(run_command(file, "--available-now"), folder / "many.log")
    # Whoever starts grows: what counts is the time from the first batch to the last.
    _wait_for_commit(child, folder / "many-counts-checkpoint" / "counts", folder / "many.log")
    with MemorySampler(child.pid) as memory:
        require_success(child, folder / "many.log", _TIMEOUT_S)
    note = f"{count:,} events in batches of 100,000; last third of the time from the first commit to the first third"
    return [
        Measurement("memory growth", growth(memory.samples), "times", note, 1.1),
        Measurement("peak memory, long run", memory.peak_bytes / 1e6, "MB", f"{count:,} events"),
    ]


def show(found: Sequence[Measurement]) -> Table:
    """Return the figures as a table."""
    table = Table(title="Start and memory", title_justify="left")
    table.add_column("measured")
    for name in ("value", "goal"):
        table.add_column(name, justify="right")
    table.add_column("how")
    for one in found:
        goal = "" if one.goal is None else f"{one.goal:g} {one.unit}"
        table.add_row(one.name, f"{one.value:.3g} {one.unit}", goal, one.note)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--flat", type=int, default=0, metavar="EVENTS", help="count so many, such as 10000000")
    given = parser.parse_args(arguments)
    found = measure(given.runs, given.flat)
    console = Console(width=160)
    console.print(show(found))
    console.print(describe_machine())
    write_results("startup", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
