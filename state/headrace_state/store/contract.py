"""State room: what a store of one query's tables promises.

Takes deltas, gives values by key and rows by key order. A store is only changed by `apply`, always by whole batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from headrace_state.delta import Delta

SCAN_ROWS = 10_000
"""Most rows in one chunk of a scan."""


class StateStore(Protocol):
    """Sorted tables of bytes, at the version of the last applied delta."""

    @property
    def version(self) -> int:
        """Batch number of the last applied delta, -1 when the store is empty."""
        ...

    @property
    def delta(self) -> str:
        """Name of the last applied delta, "" when the store is empty."""
        ...

    @property
    def is_corrupt(self) -> bool:
        """True once a read has met corrupt bytes; such a store is to be dropped and rebuilt."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables in the store, also of those nobody asked for at opening, sorted."""
        ...

    def add_table(self, table: str) -> None:
        """Make an empty table; nothing happens when it exists."""
        ...

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, in order, None for those absent; one request to the store.

        Raises:
            StateError: CORRUPT or IO.
        """
        ...

    def scan(self, table: str, start: bytes | None, end: bytes | None) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Give the rows with start <= key < end in key order, as chunks of keys and values of equal length.

        Args:
            table: Name.
            start: First key, None for the beginning.
            end: First key that is left out, None for no limit.

        Raises:
            StateError: CORRUPT at the latest when the iterator ends, so rows are to be trusted only after that.
        """
        ...

    def count(self, table: str) -> int:
        """Return the exact number of rows without reading them."""
        ...

    def apply(self, delta: Delta) -> None:
        """Write a delta with its number, uuid and row counts, all or nothing; twice is the same as once.

        Raises:
            StateError: DISK_FULL, IO or CORRUPT; then nothing of the delta is visible after reopening.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """Return the row count of each table."""
        ...

    def verify(self) -> None:
        """Read every row and check every checksum; StateError CORRUPT when one is wrong."""
        ...

    def checkpoint(self, folder: Path) -> None:
        """Write the whole store into a folder that does not exist yet; open_store opens it again."""
        ...

    def memory_bytes(self) -> int:
        """Return how much memory the store holds now."""
        ...

    def disk_bytes(self) -> int:
        """Return how much disk the stored rows use now, without write buffers, snapshots and deltas."""
        ...

    def close(self) -> None:
        """Write what is buffered and release the folder; closing twice does nothing."""
        ...
