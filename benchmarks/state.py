"""Benchmarks: what much state costs: a grouped count over many keys and a join of two streams, beside Spark.

`python -m benchmarks.state` starts one broker, writes the rows (not timed), lets each system run each query, kills it
behind four fifths of the batches, starts it again, and compares what was published with the right answer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine, load_average
from benchmarks.results import write_results
from benchmarks.stateful.jobs import LEAST_BATCHES, headrace_job, spark_job
from benchmarks.stateful.killed import Job, KilledRun, run_killed
from benchmarks.stateful.loads import StateLoad, load_count, load_join
from headrace.testing.kafka import BrokerSettings, Kafka, start_kafka

KEYS = "200000"
ROWS_A_SIDE = 200_000
BATCH_ROWS = 50_000
SYSTEMS: dict[str, Callable[[StateLoad, str, str, Path, int], Job]] = {"headrace": headrace_job, "spark": spark_job}


@dataclass(frozen=True, slots=True)
class StateRun:
    """One system on one load; `duplicates` are rows published more than once, which only exactly once excludes."""

    load: str
    system: str
    rows: int
    batch_rows: int
    seen: KilledRun
    agrees: bool
    duplicates: int
    load_average: float


def measure(kafka: Kafka, loads: Iterator[StateLoad], batch_rows: int, names: Sequence[str]) -> Iterator[StateRun]:
    """Give one run for each load and named system, one after the other."""
    for number, load in enumerate(loads):
        for name in names:
            print(f"{name}: {load.name}, load average {load_average():.1f} ...", file=sys.stderr)
            before = load_average()
            sink = f"{name}-{number}"
            kafka.create_topic(sink)
            with tempfile.TemporaryDirectory(prefix="state-") as folder:
                seen = run_killed(SYSTEMS[name](load, kafka.bootstrap, sink, Path(folder), batch_rows))
            found = [json.loads(record.value or b"{}")["k"] for record in kafka.read_committed(sink)]
            agrees, duplicates = frozenset(found) == load.keys, len(found) - len(set(found))
            run = StateRun(load.name, name, load.rows, batch_rows, seen, agrees, duplicates, before)
            print(f"  {run}", file=sys.stderr)
            yield run


def show(runs: Sequence[StateRun]) -> Table:
    """Return the runs as a table."""
    table = Table(title="State, killed at 80 % and started again", title_justify="left")
    table.add_column("query")
    table.add_column("system")
    for name in ("rows/s", "second half", "recovery", "peak memory", "peak disk", "right answer", "twice", "load"):
        table.add_column(name, justify="right")
    for run in runs:
        seen = run.seen
        table.add_row(
            run.load,
            run.system,
            f"{seen.rows_per_second:,.0f}",
            f"{seen.late_rows_per_second:,.0f}",
            f"{seen.recovery_s:.1f} s",
            f"{seen.peak_bytes / 1e6:,.0f} MB",
            f"{seen.disk_bytes / 1e6:,.0f} MB",
            "yes" if run.agrees else "NO",
            f"{run.duplicates}",
            f"{run.load_average:.1f}",
        )
    return table


def _loads(kafka: Kafka, keys: Sequence[int], rows_a_side: int) -> Iterator[StateLoad]:
    for count in keys:
        print(f"writing rows of {count:,} keys ...", file=sys.stderr)
        yield load_count(kafka, count)
    if rows_a_side:
        print(f"writing {rows_a_side:,} rows a side ...", file=sys.stderr)
        yield load_join(kafka, rows_a_side)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write down; 1 when a result is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state", description=__doc__)
    parser.add_argument("--keys", default=KEYS, help="distinct keys of each grouped count, such as 1000000,5000000")
    parser.add_argument("--rows-a-side", type=int, default=ROWS_A_SIDE, help="of the join; 0 leaves it out")
    parser.add_argument("--batch-rows", type=int, default=BATCH_ROWS, help="maxOffsetsPerTrigger of each topic")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help=f"some of {','.join(SYSTEMS)}")
    given = parser.parse_args(arguments)
    names = given.systems.split(",")
    unknown = sorted(set(names) - set(SYSTEMS))
    if unknown:
        parser.error(f"no system is called {unknown[0]!r}; there are: {', '.join(SYSTEMS)}")
    keys = [int(count) for count in given.keys.split(",") if count]
    smallest = min([*keys, *([given.rows_a_side] if given.rows_a_side else [])], default=0)
    if smallest < LEAST_BATCHES * given.batch_rows:
        parser.error(f"each load takes {LEAST_BATCHES} batches or more; the smallest has {smallest:,} rows")
    with start_kafka(BrokerSettings(heap_mb=1024), managed=True) as kafka:
        runs = list(measure(kafka, _loads(kafka, keys, given.rows_a_side), given.batch_rows, names))
    console = Console(width=160)
    console.print(show(runs))
    console.print(describe_machine())
    write_results("state", runs)
    return 0 if all(run.agrees for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
