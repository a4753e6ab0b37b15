"""Room 10: live progress for a person: a table on a terminal, plain lines otherwise.

Takes progress and state changes of all queries of a process; writes to one rich Console. Knows nothing of the engine.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.dataclass import dataclass
from headrace.progress.line import batch_fields, line_text
from headrace.progress.model import BatchProgress
from headrace.values import iso_millis

_STATE_STYLE = {"running": "green", "waiting": "green", "failed": "red", "recovering": "yellow"}
_HEARTBEAT = {"running", "waiting"}
_COLUMNS = ("query", "state", "batch", "rows/s", "lag", "watermark", "state rows", "duration")


@dataclass(frozen=True, slots=True)
class LiveRow:
    """What the table shows of one query; `error` stands on a line of its own below the table."""

    query: str
    state: str = "initializing"
    progress: BatchProgress | None = None
    error: str = ""


class LiveView:
    """Shows every query of the process until left; a context manager, safe to call from any thread.

    On a terminal it is one table, redrawn four times a second at most. Anywhere else each batch and each change of
    state is one line; the turns between running and waiting are told by the batches.

    Args:
        console: Where to write; whether it is a terminal decides the form.
        queries: Names, in the order of the table.
    """

    def __init__(self, console: Console, queries: tuple[str, ...]) -> None:
        self._console = console
        self._rows = {name: LiveRow(name) for name in queries}
        self._lock = threading.Lock()
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=False)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def batch(self, progress: BatchProgress) -> None:
        """Show a batch that was done; progress of an idle trigger only refreshes the table."""
        name = progress.facts.query
        with self._lock:
            self._rows[name] = replace(self._rows.get(name, LiveRow(name)), progress=progress)
        if self._live is None and progress.facts.executed:
            self._plain(line_text(batch_fields(progress)))

    def state(self, query: str, state: str, error: str = "") -> None:
        """Show a query's state, and the error that brought it there; told again, the same state changes nothing."""
        with self._lock:
            before = self._rows.get(query, LiveRow(query))
            self._rows[query] = replace(before, state=state, error=error)
        if self._live is None and state != before.state and not {before.state, state} <= _HEARTBEAT:
            self._plain(f"{query} {state}" + (f": {error}" if error else ""))

    def _plain(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> Table:
        with self._lock:
            rows = tuple(self._rows.values())
        return live_table(rows)


def live_table(rows: tuple[LiveRow, ...]) -> Table:
    """Return the table of all queries; below it a line for each error."""
    errors = [f"{row.query}: {row.error}" for row in rows if row.error]
    table = Table(*_COLUMNS, expand=False, caption=Text("\n".join(errors), style="red") if errors else None)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        state = Text(row.state, style=_STATE_STYLE.get(row.state, ""))
        table.add_row(Text(row.query), state, *_cells(row.progress))
    return table


def _cells(progress: BatchProgress | None) -> tuple[str, ...]:
    if progress is None:
        return ("-",) * (len(_COLUMNS) - 2)
    rate, watermark_us = progress.processed_rows_per_second, progress.event_time.watermark_us
    return (
        str(progress.batch_id),
        f"{rate:,.0f}" if math.isfinite(rate) else "-",
        f"{progress.facts.lag_records:,}",
        iso_millis(watermark_us) if watermark_us is not None else "-",
        f"{progress.facts.state_rows:,}",
        f"{progress.batch_duration_ms} ms",
    )
