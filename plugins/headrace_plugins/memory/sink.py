"""Plugin memory, sink side: the rows of a query, kept by the process under the query's name for code to read.

Takes batches, gives tables; the marker is kept beside the rows, so that a restart in the same process is exactly once.
"""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa

from headrace.contract import (
    Delivery,
    Kind,
    Marker,
    Option,
    Options,
    Plugin,
    PluginKind,
    SinkContext,
    Spec,
)
from headrace.errors import StreamError, SupersededError

SPEC = Spec(
    name="memory",
    kind=PluginKind.SINK,
    summary="Keeps the rows in this process under the query's name; for tests and notebooks.",
    delivery=Delivery.EXACTLY_ONCE,
    options=(
        Option("queryName", Kind.STRING, "The table's name in this process; the query's name by default."),
        Option("name", Kind.STRING, "The same as queryName."),
    ),
)

_TAKEN = "another run of this query writes to the memory table now"


class MemoryTable:
    """What a memory sink has committed, thread-safe; lives as long as the process or until `clear_tables`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[int, pa.Table] = {}
        self._marker: Marker | None = None
        self._owner: object = None
        self._empty = pa.schema([]).empty_table()

    def rows(self) -> pa.Table:
        """Return all rows in the order of their batches; in complete mode those of the last batch alone."""
        with self._lock:
            return pa.concat_tables([self._batches[n] for n in sorted(self._batches)] or [self._empty])

    def batches(self) -> dict[int, pa.Table]:
        """Return the rows by batch id; in complete mode there is one batch."""
        with self._lock:
            return dict(self._batches)

    def take_over(self, owner: object, query_id: str, empty: pa.Table, held: int) -> Marker | None:
        """Fence earlier owners and return the last marker of this query; the rows of another query are dropped."""
        with self._lock:
            if self._marker is not None and self._marker.query_id == query_id and 0 < held < self._marker.owner:
                raise SupersededError(_TAKEN)
            self._owner = owner
            if self._marker is None or self._marker.query_id != query_id:
                self._batches, self._marker, self._empty = {}, None, empty
            return self._marker

    def claim(self, owner: object, marker: Marker) -> None:
        """Record the marker with its new owner."""
        with self._lock:
            self._check(owner)
            self._marker = marker

    def commit(self, owner: object, marker: Marker, rows: pa.Table, *, replace: bool) -> None:
        """Make rows and marker visible together; a batch that is there already stays as it is."""
        with self._lock:
            self._check(owner)
            if self._marker is not None and marker.batch_id <= self._marker.batch_id:
                return
            self._batches = {marker.batch_id: rows} if replace else {**self._batches, marker.batch_id: rows}
            self._marker = marker

    def _check(self, owner: object) -> None:
        if self._owner is not owner:
            raise SupersededError(_TAKEN)


_tables: dict[str, MemoryTable] = {}
_lock = threading.Lock()


def memory_table(name: str) -> MemoryTable:
    """Return the table of a query's name, the same for the whole process; made on first use."""
    with _lock:
        return _tables.setdefault(name, MemoryTable())


def clear_tables() -> None:
    """Forget every table and its rows."""
    with _lock:
        _tables.clear()


class MemorySink:
    """Writes to a `MemoryTable`. Exactly once within the process; complete mode replaces the rows."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._context = context
        self._table = memory_table(options["queryName"] or options["name"] or context.name)
        self._empty = context.schema.arrow_schema().empty_table()
        self._pending: list[pa.Table] | None = None

    @property
    def delivery(self) -> Delivery:
        """Exactly once, as long as the process lives."""
        return Delivery.EXACTLY_ONCE

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence earlier owners and return the last marker."""
        self._pending = None
        return self._table.take_over(self, self._context.query_id, self._empty, owner)

    def claim(self, marker: Marker) -> None:
        """Record the new owner."""
        self._table.claim(self, marker)

    def begin(self, marker: Marker) -> None:
        """Start a batch."""
        del marker
        self._pending = []

    def write(self, rows: pa.Table) -> int:
        """Hold the rows until commit."""
        self._begun().append(rows)
        return int(rows.num_rows)

    def commit(self, marker: Marker) -> None:
        """Show rows and marker at once."""
        rows = next(iter(self._begun()), self._empty)
        self._table.commit(self, marker, rows, replace=self._context.output_mode == "complete")
        self._pending = None

    def abort(self) -> None:
        """Drop the rows held."""
        self._pending = None

    def describe(self) -> str:
        """Return Spark's description."""
        return "MemorySink"

    def close(self) -> None:
        """Drop the rows held; what is committed stays."""
        self._pending = None

    def _begun(self) -> list[Any]:
        if self._pending is None:
            raise StreamError("INTERNAL", "write or commit was called on a memory sink without begin")
        return self._pending


SINK = Plugin(SPEC, MemorySink)
