"""Room 6: static tables, read at start and again by their policy.

Takes table plugins; gives Arrow tables by name; a reload that fails leaves the batch failed, never an old table
unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa

from headrace.clock import Clock
from headrace.contract import Table
from headrace.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class InlineTable:
    """A table whose rows stand in the pipeline file."""

    rows: pa.Table

    def load(self) -> pa.Table:
        """Return the rows."""
        return self.rows


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A table and how long a loaded copy is good: None for ever, 0 for one batch, else seconds."""

    table: Table | InlineTable
    good_for_s: float | None


class StaticTables:
    """The static tables of one query."""

    def __init__(self, tables: Mapping[str, Refreshed], clock: Clock) -> None:
        self._tables = dict(tables)
        self._clock = clock
        self._loaded: dict[str, tuple[pa.Table, float]] = {}

    def current(self, *, without: Collection[str] = ()) -> dict[str, pa.Table]:
        """Return every table but some, loaded anew where its copy is too old; called once a batch."""
        now = self._clock.monotonic_s()
        for name, entry in self._tables.items():
            if name in without:
                self._loaded.pop(name, None)
                continue
            held = self._loaded.get(name)
            if held is None or (entry.good_for_s is not None and now - held[1] >= entry.good_for_s):
                self._loaded[name] = (entry.table.load(), now)
        return {name: rows for name, (rows, _) in self._loaded.items()}
