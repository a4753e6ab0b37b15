"""Benchmarks: a stream of small batches joined with a large table, found by an index or joined whole.

`python -m benchmarks.lookup` runs the steps of a query, without a broker, over batches whose keys are drawn by chance:
with a table that stays, and with one that was loaded anew before each batch, which is joined whole.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine, load_average
from benchmarks.memory import tree_bytes
from benchmarks.results import write_results
from headrace.assembly.compile import CompiledQuery, compile_query
from headrace.config.pipeline import Pipeline
from headrace.config.yaml_tree import YamlTree
from headrace.operators.run import StepRunner
from headrace.operators.stateful import Thresholds
from headrace.operators.statements import Statements
from headrace.sql.session import open_session
from headrace.values import EventTime
from headrace_state import QueryState

TABLE_ROWS = "10000,100000,1000000"
BATCH_ROWS, BATCHES = 200, 200
_KEYS = {"BIGINT": "by number", "STRING": "by name"}
_JOIN = "SELECT n, team, score FROM clicks c JOIN users u ON c.user = u.user"


@dataclass(frozen=True, slots=True)
class LookUpRun:
    """One table: milliseconds a batch with rows found and with the whole table, and what the index took and holds.

    `index_s` is the whole batch that made it; `index_bytes` is by how much the process grew.
    """

    keys: str
    table_rows: int
    batch_rows: int
    found_p50_ms: float
    found_p99_ms: float
    whole_p50_ms: float
    index_s: float
    index_bytes: int
    agrees: bool
    load_average: float


class _Job:
    """The steps of one query, run batch after batch; `rows` adds up what came out."""

    def __init__(self, query: CompiledQuery, statements: Statements, state: QueryState) -> None:
        self._runner = StepRunner(query.steps, statements)
        self._state = state
        self.rows = 0

    def run_ms(self, clicks: pa.Table, users: pa.Table) -> float:
        """Run one batch and return how long it took, in milliseconds."""
        staged = self._state.begin(self._state.version + 1)
        began = time.perf_counter()
        result = self._runner.run({"clicks": clicks}, {"users": users}, Thresholds(EventTime(0), EventTime(0)), staged)
        took_ms = (time.perf_counter() - began) * 1e3
        self.rows += len(result.rows)
        return took_ms


def measure(table_rows: Sequence[int], batch_rows: int, batches: int) -> Iterator[LookUpRun]:
    """Give one run for each type of key and size of table."""
    for kind in _KEYS:
        for rows in table_rows:
            print(f"{rows:,} rows {_KEYS[kind]}, load average {load_average():.1f} ...", file=sys.stderr)
            yield _measured(kind, rows, batch_rows, batches)


def _measured(kind: str, table_rows: int, batch_rows: int, batches: int) -> LookUpRun:
    before = load_average()
    random = np.random.default_rng(1)
    users = _users(kind, table_rows)
    numbers = random.integers(0, table_rows * 5 // 4, (batches + 1, batch_rows))
    clicks = [pa.table({"n": pa.array(row), "user": _keys(kind, row)}) for row in numbers]
    with _jobs(kind) as (found, whole):
        found.run_ms(clicks[0], users)
        gc.collect()
        resident, _ = tree_bytes(os.getpid())
        index_s = found.run_ms(clicks[0], users) / 1e3
        index_bytes = tree_bytes(os.getpid())[0] - resident
        found.rows = 0
        found_ms = [found.run_ms(batch, users) for batch in clicks[1:]]
        whole_ms = [whole.run_ms(batch, users.slice(0)) for batch in clicks[1 : 1 + max(10, batches // 10)]]
    return LookUpRun(
        keys=_KEYS[kind],
        table_rows=table_rows,
        batch_rows=batch_rows,
        found_p50_ms=median(found_ms),
        found_p99_ms=float(np.percentile(found_ms, 99)),
        whole_p50_ms=median(whole_ms),
        index_s=index_s,
        index_bytes=max(0, index_bytes),
        agrees=found.rows == int((numbers[1:] < table_rows).sum()),
        load_average=before,
    )


def _users(kind: str, rows: int) -> pa.Table:
    numbers = np.arange(rows)
    team = pa.array([f"team {number}" for number in range(100)]).take(pa.array(numbers % 100))
    shuffled = np.random.default_rng(2).permutation(rows)
    return pa.table({"user": _keys(kind, shuffled), "team": team, "score": pa.array(numbers * 0.5)})


def _keys(kind: str, numbers: np.ndarray) -> pa.Array:
    whole = pa.array(numbers, pa.int64())
    return whole if kind == "BIGINT" else pa.array([f"user-{number:09d}" for number in numbers.tolist()])


@contextmanager
def _jobs(kind: str) -> Iterator[tuple[_Job, _Job]]:
    """Give the job that looks up, and the same one for whole tables."""
    query = _compiled(_JOIN, kind)
    session = open_session(query.settings, threads=2, memory_limit_bytes=1 << 30, temp_folder=None)
    statements = Statements(session)
    with tempfile.TemporaryDirectory(prefix="lookup-") as folder:
        state = QueryState.open(Path(folder), (), kind="memory")
        try:
            yield _Job(query, statements, state), _Job(query, statements, state)
        finally:
            state.close()
            statements.close()


def _compiled(sql: str, kind: str) -> CompiledQuery:
    raw = {
        "version": 1,
        "name": "lookup",
        "sources": {"clicks": {"format": "memory", "schema": f"n BIGINT, user {kind}"}},
        "tables": {"users": {"schema": f"user {kind}, team STRING, score DOUBLE", "rows": []}},
        "queries": {"q": {"sql": sql, "output_mode": "append", "sink": {"format": "memory"}}},
        "checkpoint": {"location": "unused"},
    }
    return compile_query(Pipeline.model_validate(raw).placed(Path("lookup.yaml"), YamlTree()), "q")


def show(runs: Sequence[LookUpRun]) -> Table:
    """Return the runs as a table."""
    title = f"Batches of {runs[0].batch_rows} rows joined with a table, ms a batch"
    table = Table(title=title, title_justify="left")
    table.add_column("keys")
    for name in ("table rows", "found p50", "p99", "whole p50", "indexing", "grown", "agrees", "load"):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(
            run.keys,
            f"{run.table_rows:,}",
            f"{run.found_p50_ms:.2f}",
            f"{run.found_p99_ms:.2f}",
            f"{run.whole_p50_ms:.1f}",
            f"{run.index_s:.2f} s",
            f"{run.index_bytes / 1e6:.0f} MB",
            "yes" if run.agrees else "NO",
            f"{run.load_average:.1f}",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write down; 1 when a join lost or made rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookup", description=__doc__)
    parser.add_argument("--table-rows", default=TABLE_ROWS, help="sizes of the table")
    parser.add_argument("--batch-rows", type=int, default=BATCH_ROWS)
    parser.add_argument("--batches", type=int, default=BATCHES)
    given = parser.parse_args(arguments)
    runs = list(measure([int(rows) for rows in given.table_rows.split(",")], given.batch_rows, given.batches))
    console = Console(width=160)
    console.print(show(runs))
    console.print(describe_machine())
    write_results("lookup", runs)
    return 0 if all(run.agrees for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
