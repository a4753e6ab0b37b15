"""Benchmarks: events per second of a windowed count, exactly once from Kafka to Kafka, beside other systems.

`python -m benchmarks.throughput` starts one broker, writes the events (not timed), lets one system after the other
count them by 10-second window and activity, reads back what each published and compares it with a plain count.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.broker import running_broker
from benchmarks.events import PARTITIONS, load_topic
from benchmarks.machine import describe_machine, load_average
from benchmarks.results import write_results
from benchmarks.systems.headrace import Headrace
from benchmarks.systems.quix import Quix
from benchmarks.systems.spark import Spark
from benchmarks.systems.streams import KafkaStreams
from benchmarks.systems.system import Bench, Run, System, SystemMissingError
from headrace.testing.kafka import Kafka

EVENTS = 2_000_000
BATCH_ROWS = 500_000
SYSTEMS: tuple[System, ...] = (Headrace(), Spark(), KafkaStreams(), Quix())
NAMES = tuple(system.name for system in SYSTEMS)
REFERENCE = "Spark, warm"
_SLOW = {"quix": 100_000}
"""The most events a slow system is given, so that the run ends."""


def measure(events: int, batch_rows: int, names: Sequence[str]) -> list[Run]:
    """Run the named systems one after the other on one broker and return all runs."""
    runs: list[Run] = []
    with running_broker() as kafka, tempfile.TemporaryDirectory() as name:
        topics: dict[int, Bench] = {}
        for system in SYSTEMS:
            if system.name not in names:
                continue
            count = min(events, _SLOW.get(system.name, events))
            if count not in topics:
                topics[count] = _load(kafka, count, batch_rows, Path(name))
            print(f"{system.name}: {count:,} events, load average {load_average():.1f} ...", file=sys.stderr)
            try:
                runs += system.throughput(topics[count])
            except SystemMissingError as missing:
                print(f"{system.name} is left out: {missing}", file=sys.stderr)
    return runs


def _load(kafka: Kafka, count: int, batch_rows: int, folder: Path) -> Bench:
    topic = f"events-{count}"
    print(f"writing {count:,} events ...", file=sys.stderr)
    kafka.create_topic(topic, partitions=PARTITIONS)
    return Bench(kafka, load_topic(kafka.bootstrap, topic, count), folder, batch_rows)


def show(runs: Sequence[Run]) -> Table:
    """Return the runs as a table."""
    warm = next((run.events_per_second for run in runs if run.system == REFERENCE), None)
    table = Table(title="Throughput, JSON events to windowed counts", title_justify="left")
    table.add_column("system")
    for name in ("events", "seconds", "events/s", "to Spark warm", "peak memory", "counts agree"):
        table.add_column(name, justify="right")
    table.add_column("measured")
    for run in runs:
        ratio = "" if warm is None else f"{run.events_per_second / warm:.2f}"
        table.add_row(
            run.system,
            f"{run.events:,}",
            f"{run.seconds:.2f}",
            f"{run.events_per_second:,.0f}",
            ratio,
            f"{run.peak_bytes / 1e6:,.0f} MB",
            "yes" if run.agrees else "NO",
            run.note,
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write down; 1 when a system's counts are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--batch-rows", type=int, default=BATCH_ROWS, help="maxOffsetsPerTrigger; 0 is no limit")
    parser.add_argument("--systems", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    given = parser.parse_args(arguments)
    names = given.systems.split(",")
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no system is called {unknown[0]!r}; there are: {', '.join(NAMES)}")
    runs = measure(given.events, given.batch_rows, names)
    console = Console(width=160)
    console.print(show(runs))
    console.print(describe_machine())
    write_results("throughput", runs)
    return 0 if all(run.agrees for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
