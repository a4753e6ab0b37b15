"""What the engine tests share: a schema, a query, how to feed clicks, and a reporter that keeps what it is told."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, cast

import pyarrow as pa

from headrace.assembly.rows import rows_to_table
from headrace.config.pipeline import Pipeline
from headrace.ddl import parse_schema
from headrace.engine.batch import BatchOutcome
from headrace.engine.query import QueryParts
from headrace.values import ProcessingTime

SCHEMA = "ts TIMESTAMP, user STRING, v BIGINT"
WINDOWED = "SELECT window.start AS start, count(*) AS n FROM clicks GROUP BY window(ts, '10 seconds')"
START_US = 1_704_067_200_000_000

MakePipeline = Callable[..., Pipeline]
OpenQuery = Callable[..., QueryParts]


def feed(parts: QueryParts, seconds: Sequence[int], user: str = "a") -> None:
    """Add one step of clicks at so many seconds after the clock's start."""
    schema = parse_schema(SCHEMA)
    rows = [{"ts": f"2024-01-01T00:{s // 60:02d}:{s % 60:02d}Z", "user": user, "v": s} for s in seconds]
    cast("Any", parts.inputs["clicks"].source).add(rows_to_table(rows, schema))


def memory_sink() -> dict[str, Any]:
    """A memory sink of its own."""
    return {"format": "memory", "options": {"name": uuid.uuid4().hex}}


class Notes:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[BatchOutcome] = []
        self.idles = 0
        self.snapshots = self.failed_snapshots = 0

    def heartbeat(self) -> None:
        """Nothing to keep."""

    def started(self, batch: int) -> None:
        """Nothing to keep."""
        del batch

    def idle(self) -> None:
        """Count."""
        self.idles += 1

    def snapshot_taken(self, seconds: float) -> None:
        """Count."""
        assert seconds >= 0
        self.snapshots += 1

    def snapshot_failed(self) -> None:
        """Count."""
        self.failed_snapshots += 1

    def finished(self, outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> None:
        """Keep."""
        assert planning_s >= 0
        assert started > 0
        self.outcomes.append(outcome)

    @property
    def rows(self) -> list[list[dict[str, Any]]]:
        """Rows by batch."""
        return [cast("pa.Table", outcome.result.rows).to_pylist() for outcome in self.outcomes]
