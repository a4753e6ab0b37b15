"""State room: opens a store by its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from headrace_state.files import Files
from headrace_state.store.contract import StateStore
from headrace_state.store.memory import MemoryStore
from headrace_state.store.rocksdb import DEFAULT_CACHE_BYTES, RocksStore

StoreKind = Literal["rocksdb", "memory"]
"""Where rows are kept between batches."""


def open_store(
    kind: StoreKind,
    folder: Path,
    tables: Sequence[str],
    *,
    files: Files | None = None,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> StateStore:
    """Return an open store with at least the tables named; tables it had before stay.

    Args:
        kind: rocksdb or memory.
        folder: Of the database or a checkpoint; made when absent.
        tables: Names to have.
        files: How a memory store reads and writes checkpoints.
        cache_bytes: Memory of RocksDB for blocks and write buffers together.

    Raises:
        StateError: CORRUPT, LOCKED, DISK_FULL or IO.
    """
    if kind == "memory":
        return MemoryStore(folder, tables, files)
    return RocksStore(folder, tables, cache_bytes)
