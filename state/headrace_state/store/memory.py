"""State room: the store in memory, for tests and small states; durable only through deltas and checkpoints.

Takes the folder of a checkpoint of its own (or an empty one), keeps sorted dictionaries.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headrace_state.delta import Delta, TableChanges, encode_delta, read_delta
from headrace_state.files import Files
from headrace_state.store.contract import SCAN_ROWS

_CONTENT = "content.delta"


class SortedTable:
    """A dictionary with its keys in order; sorting happens at the first scan after new keys came."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._is_sorted = True

    def apply(self, change: TableChanges) -> None:
        """Put and delete."""
        for key in change.deletes:
            if self.rows.pop(key, None) is not None:
                self._is_sorted = False
        before = len(self.rows)
        self.rows.update(change.puts)
        self._is_sorted = self._is_sorted and len(self.rows) == before

    def keys_between(self, start: bytes | None, end: bytes | None) -> list[bytes]:
        """Return the keys of a half-open range in order."""
        if not self._is_sorted:
            self._keys = sorted(self.rows)
            self._is_sorted = True
        first = 0 if start is None else bisect_left(self._keys, start)
        last = len(self._keys) if end is None else bisect_left(self._keys, end)
        return self._keys[first:last]


class MemoryStore:
    """A StateStore in memory; see StateStore for the contract."""

    def __init__(self, folder: Path, tables: Sequence[str], files: Files | None = None) -> None:
        self._files = files or Files()
        self._tables: dict[str, SortedTable] = {name: SortedTable() for name in tables}
        self._version, self._delta = -1, ""
        if (folder / _CONTENT).exists():
            self.apply(read_delta(folder / _CONTENT, self._files))

    @property
    def version(self) -> int:
        """Batch number of the last applied delta, -1 when the store is empty."""
        return self._version

    @property
    def delta(self) -> str:
        """Name of the last applied delta, "" when the store is empty."""
        return self._delta

    @property
    def is_corrupt(self) -> bool:
        """False: memory is trusted."""
        return False

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables, sorted."""
        return tuple(sorted(self._tables))

    def add_table(self, table: str) -> None:
        """Make an empty table; nothing happens when it exists."""
        self._tables.setdefault(table, SortedTable())

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, None for those absent."""
        return list(map(self._tables[table].rows.get, keys))

    def scan(self, table: str, start: bytes | None, end: bytes | None) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Give the rows of a half-open range in key order, in chunks."""
        rows = self._tables[table].rows
        keys = self._tables[table].keys_between(start, end)
        for first in range(0, len(keys), SCAN_ROWS):
            chunk = keys[first : first + SCAN_ROWS]
            yield chunk, list(map(rows.__getitem__, chunk))

    def count(self, table: str) -> int:
        """Return the exact number of rows."""
        return len(self._tables[table].rows)

    def counts(self) -> Mapping[str, int]:
        """Return the row count of each table."""
        return {name: len(table.rows) for name, table in self._tables.items()}

    def apply(self, delta: Delta) -> None:
        """Take over a delta."""
        for name, change in delta.changes.items():
            self.add_table(name)
            self._tables[name].apply(change)
        self._version, self._delta = delta.batch, delta.uuid

    def verify(self) -> None:
        """Do nothing: memory has no checksums."""

    def checkpoint(self, folder: Path) -> None:
        """Write all rows as one delta into a new folder."""
        changes = {name: TableChanges(table.rows, frozenset()) for name, table in self._tables.items()}
        content = encode_delta(Delta(self._version, self._delta, "", self.counts(), changes))
        folder.mkdir()
        self._files.write_atomic(folder / _CONTENT, content)

    def memory_bytes(self) -> int:
        """Return the size of keys, values and dictionaries."""
        return sum(
            sys.getsizeof(table.rows)
            + sum(map(sys.getsizeof, table.rows))
            + sum(map(sys.getsizeof, table.rows.values()))
            for table in self._tables.values()
        )

    def disk_bytes(self) -> int:
        """Return 0."""
        return 0

    def close(self) -> None:
        """Do nothing."""
