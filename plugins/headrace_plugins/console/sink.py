"""Plugin console: a sink that prints. Takes batches, gives text on a stream; keeps no marker, so at least once."""

from __future__ import annotations

import sys
from typing import Any, TextIO

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
from headrace.errors import StreamError
from headrace_plugins.console.show import show

RULER = "-------------------------------------------"
"""What Spark prints around the number of a batch."""

SPEC = Spec(
    name="console",
    kind=PluginKind.SINK,
    summary="Prints each batch as a table; for looking on.",
    delivery=Delivery.AT_LEAST_ONCE,
    options=(
        Option("numRows", Kind.INT, "Rows printed of each batch.", default=20, minimum=0),
        Option("truncate", Kind.BOOL, "Cut cells to 20 characters and align them right.", default=True),
        Option("timeZone", Kind.STRING, "The zone in which timestamps are printed.", default="UTC"),
    ),
)


class ConsoleSink:
    """Prints a batch when it is committed. At least once: a batch repeated after a crash is printed again.

    Args:
        options: numRows, truncate, timeZone.
        context: The query.
        stream: Where to print; the process's standard output as it is at each batch by default.
    """

    def __init__(self, options: Options, context: SinkContext, stream: TextIO | None = None) -> None:
        self._row_limit: int = options["numRows"]
        self._truncate: bool = options["truncate"]
        self._time_zone: str = options["timeZone"]
        self._schema = context.schema
        self._stream = stream
        self._pending: list[Any] = []
        self._described = f"org.apache.spark.sql.execution.streaming.ConsoleTable$[{context.name}]"

    @property
    def delivery(self) -> Delivery:
        """At least once."""
        return Delivery.AT_LEAST_ONCE

    def recover(self, owner: int = 0) -> Marker | None:
        """Return None: a terminal keeps no marker."""
        del owner
        return None

    def claim(self, marker: Marker) -> None:
        """Do nothing."""

    def begin(self, marker: Marker) -> None:
        """Start a batch."""
        del marker
        self._pending = []

    def write(self, rows: pa.Table) -> int:
        """Hold the rows until commit."""
        self._pending.append(rows)
        return int(rows.num_rows)

    def commit(self, marker: Marker) -> None:
        """Print the batch."""
        stream = self._stream or sys.stdout
        rows = self._pending[0] if self._pending else self._schema.arrow_schema().empty_table()
        table = show(rows, rows=self._row_limit, truncate=self._truncate, time_zone=self._time_zone)
        try:
            stream.write(f"{RULER}\nBatch: {marker.batch_id}\n{RULER}\n{table}\n")
            stream.flush()
        except OSError as error:
            message = f"the terminal or pipe that the console sink prints to cannot be written: {error.strerror}."
            raise StreamError("IO_FAILED", message) from error
        self._pending = []

    def abort(self) -> None:
        """Drop the rows held."""
        self._pending = []

    def describe(self) -> str:
        """Return Spark's description."""
        return self._described

    def close(self) -> None:
        """Drop the rows held; the stream stays open, since it is not ours."""
        self._pending = []


PLUGIN = Plugin(SPEC, ConsoleSink)
