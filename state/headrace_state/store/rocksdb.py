"""State room: the store in RocksDB through rocksdict in raw mode: one database a query, a column family a table.

Takes a folder, keeps the batch number, delta uuid and row counts in the default column family so that one WriteBatch
holds a batch whole. Every read is checked; a corrupt database marks itself, and opening it again fails at once.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from headrace_state.delta import Delta
from headrace_state.errors import StateError, StateErrorKind, corrupt, os_errors
from headrace_state.store.contract import SCAN_ROWS

DEFAULT_CACHE_BYTES = 64 << 20
"""Memory for blocks, filters and write buffers of one query together."""

_META = "default"
_META_KEY = b"headrace"
_CORRUPT_MARK = "CORRUPT"
_KINDS = (
    (re.compile(r"no space left|quota exceeded", re.IGNORECASE), StateErrorKind.DISK_FULL, "no space left to write"),
    (re.compile(r"corruption|no such file|checksum", re.IGNORECASE), StateErrorKind.CORRUPT, "the store is corrupt"),
    (re.compile(r"lock hold|/LOCK", re.IGNORECASE), StateErrorKind.LOCKED, "the store is open elsewhere"),
)


class RocksStore:
    """A StateStore in RocksDB; see StateStore for the contract.

    Raises:
        StateError: On opening: CORRUPT, LOCKED, DISK_FULL or IO.
    """

    def __init__(self, folder: Path, tables: Sequence[str], cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._folder = folder
        if (folder / _CORRUPT_MARK).exists():
            raise corrupt("the store was found corrupt before", folder)
        self._cache = Cache(cache_bytes)
        self._options = _options(self._cache, cache_bytes)
        self._families: dict[str, Any] = {}
        self._handles: dict[str, Any] = {}
        with os_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._cursors: list[list[Any]] = []
        self._db: Any = None
        try:
            meta = self._open(tables)
        except BaseException:
            self._release()
            raise
        self._version: int = meta["batch"]
        self._delta: str = meta["uuid"]
        self._counts: dict[str, int] = dict.fromkeys(self.tables, 0) | meta["counts"]

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
        """True once a read has met corrupt bytes."""
        return (self._folder / _CORRUPT_MARK).exists()

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables, sorted."""
        return tuple(sorted(name for name in self._families if name != _META))

    def add_table(self, table: str) -> None:
        """Make an empty table; nothing happens when it exists."""
        if table not in self._families:
            with self._checked():
                self._db.create_column_family(table, self._options)
                self._register(table)
            self._counts[table] = 0

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, None for those absent; one multi-get."""
        if not keys:
            return []
        with self._checked():
            values: list[bytes | None] = self._families[table].get(list(keys))
        return values

    def scan(self, table: str, start: bytes | None, end: bytes | None) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Give the rows of a half-open range in key order, in chunks; the only way rows are ever iterated."""
        if start is not None and end is not None and start >= end:
            return
        last = start
        with self._checked():
            cursor = [self._families[table].items(from_key=start, read_opt=_range_options(end))]
        self._cursors.append(cursor)
        try:
            while chunk := self._next_rows(cursor):
                last = chunk[-1][0]
                yield list(map(itemgetter(0), chunk)), list(map(itemgetter(1), chunk))
            self._check_end(table, last, end, is_empty=last is start)
        finally:
            cursor.clear()
            self._cursors = [other for other in self._cursors if other]

    def count(self, table: str) -> int:
        """Return the exact number of rows."""
        return self._counts[table]

    def counts(self) -> Mapping[str, int]:
        """Return the row count of each table."""
        return dict(self._counts)

    def apply(self, delta: Delta) -> None:
        """Write a delta with its number, uuid and counts in one WriteBatch."""
        for name in delta.changes:
            self.add_table(name)
        counts = self._counts | dict(delta.counts)
        batch = WriteBatch(raw_mode=True)
        for name, change in delta.changes.items():
            handle = self._handles[name]
            deque(map(batch.delete, change.deletes, repeat(handle)), maxlen=0)
            deque(map(batch.put, change.puts, change.puts.values(), repeat(handle)), maxlen=0)
        meta = {"batch": delta.batch, "uuid": delta.uuid, "counts": counts}
        batch.put(_META_KEY, json.dumps(meta).encode(), self._handles[_META])
        with self._checked():
            self._db.write(batch, WriteOptions())
        self._version, self._delta, self._counts = delta.batch, delta.uuid, counts

    def verify(self) -> None:
        """Read every row of every table and compare the numbers of rows with the kept counts."""
        for table in self.tables:
            rows = sum(len(keys) for keys, _ in self.scan(table, None, None))
            if rows != self._counts[table]:
                self._mark()
                raise corrupt(f"table {table} has {rows} rows, {self._counts[table]} are on record", self._folder)

    def checkpoint(self, folder: Path) -> None:
        """Write a RocksDB checkpoint (hard links) into a new folder."""
        with self._checked():
            Checkpoint(self._db).create_checkpoint(str(folder))

    def memory_bytes(self) -> int:
        """Return blocks, filters and write buffers (all charged to the cache) and open table readers."""
        with self._checked():
            readers = [f.property_int_value("rocksdb.estimate-table-readers-mem") for f in self._families.values()]
            return int(self._cache.get_usage()) + sum(map(int, readers))

    def disk_bytes(self) -> int:
        """Return the size of the database's tables; asks no file."""
        with self._checked():
            sizes = [f.property_int_value("rocksdb.total-sst-files-size") for f in self._families.values()]
            return sum(map(int, sizes))

    def close(self) -> None:
        """Flush and release the folder."""
        if not self._families:
            return
        try:
            with self._checked():
                for family in self._families.values():
                    family.flush()
                self._release()
        finally:
            self._forget()

    def _open(self, tables: Sequence[str]) -> dict[str, Any]:
        with self._checked():
            # RocksDB refuses to open with a family left out, so tables nobody names any more stay, with their rows.
            present = Rdict.list_cf(str(self._folder)) if (self._folder / "CURRENT").exists() else []
            names = sorted({*present, *tables, _META})
            self._db = Rdict(str(self._folder), self._options, dict.fromkeys(names, self._options))
            for name in names:
                self._register(name)
            stored = self._families[_META].get(_META_KEY)
        meta: dict[str, Any] = json.loads(stored) if stored else {"batch": -1, "uuid": "", "counts": {}}
        return meta

    def _release(self) -> None:
        # Iterators keep the database open and locked, also those of scans that nobody finished.
        for cursor in self._cursors:
            cursor.clear()
        for family in self._families.values():
            family.close()
        if self._db is not None:
            self._db.close()
        self._forget()

    def _forget(self) -> None:
        for cursor in self._cursors:
            cursor.clear()
        self._families, self._handles, self._cursors, self._db = {}, {}, [], None

    def _register(self, name: str) -> None:
        self._families[name] = self._db.get_column_family(name)
        self._handles[name] = self._db.get_column_family_handle(name)

    def _next_rows(self, cursor: list[Any]) -> list[tuple[bytes, bytes]]:
        if not cursor:
            raise StateError(StateErrorKind.IO, "the store was closed during a scan", self._folder)
        with self._checked():
            return list(islice(cursor[0], SCAN_ROWS))

    def _check_end(self, table: str, last: bytes | None, end: bytes | None, *, is_empty: bool) -> None:
        # items() ends silently at a corrupt block; a second iterator set on the last key meets the same block and
        # says so in status(), or finds a row that items() never gave.
        probe = self._families[table].iter(_range_options(end))
        try:
            with self._checked():
                if last is None:
                    probe.seek_to_first()
                else:
                    probe.seek(last)
                    if not is_empty and probe.valid():
                        probe.next()
                probe.status()
                if probe.valid():
                    self._mark()
                    raise corrupt(f"a scan of table {table} ended before its last row", self._folder)
        finally:
            del probe  # an iterator kept alive by a traceback would keep the database locked

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except Exception as error:
            text = str(error)
            kind, message = next(
                ((kind, message) for pattern, kind, message in _KINDS if pattern.search(text)),
                (StateErrorKind.IO, "the store cannot be used"),
            )
            if kind is StateErrorKind.CORRUPT:
                self._mark()
            raise StateError(kind, f"{message} ({text})", self._folder) from error

    def _mark(self) -> None:
        # A restart would open the database without meeting the bad block; the mark makes it restore instead.
        with os_errors(self._folder):
            (self._folder / _CORRUPT_MARK).touch()


def _range_options(end: bytes | None) -> Any:
    options = ReadOptions()
    if end is not None:
        options.set_iterate_upper_bound(end)
    return options


def _options(cache: Any, cache_bytes: int) -> Any:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    blocks.set_bloom_filter(10, False)
    blocks.set_cache_index_and_filter_blocks(True)
    # In one piece, the filter of a file with millions of keys is larger than a shard of the cache, and would be read
    # from the file anew for every key.
    blocks.set_index_type(BlockBasedIndexType.two_level_index_search())
    blocks.set_partition_filters(True)
    blocks.set_metadata_block_size(4096)
    blocks.set_pin_top_level_index_and_filter(True)
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(DBCompressionType.lz4())
    # The batch number and the rows it speaks of reach disk together, also when the log's tail is lost with the power.
    options.set_atomic_flush(True)
    options.set_write_buffer_manager(
        WriteBufferManager.new_write_buffer_manager_with_cache(cache_bytes // 2, False, cache)
    )
    options.set_write_buffer_size(max(cache_bytes // 4, 1 << 20))
    options.set_max_total_wal_size(cache_bytes)
    options.increase_parallelism(2)
    options.set_max_open_files(512)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1 << 20)
    return options
