"""What every StateStore promises, as functions over a way to open one, run on each kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from headrace_state import Delta, StateError, StateErrorKind, StateStore, StoreKind, TableChanges, open_store

Open = Callable[[Path, list[str]], StateStore]


def key(n: int) -> bytes:
    """Keys in number order."""
    return n.to_bytes(4, "big")


def delta(
    batch: int, puts: dict[bytes, bytes], deletes: AbstractSet[bytes] = frozenset(), count: int | None = None
) -> Delta:
    """A delta of table a."""
    parent = f"u{batch - 1}" if batch else ""
    changes = {"a": TableChanges(puts, frozenset(deletes))}
    return Delta(batch, f"u{batch}", parent, {"a": len(puts) if count is None else count}, changes)


def rows_of(store: StateStore, table: str, start: bytes | None = None, end: bytes | None = None) -> dict[bytes, bytes]:
    """Rows of a scan, which must be sorted and in chunks."""
    found: dict[bytes, bytes] = {}
    for keys, values in store.scan(table, start, end):
        assert len(keys) == len(values) <= 10_000
        found.update(zip(keys, values, strict=True))
    assert list(found) == sorted(found)
    return found


def check_a_new_store_is_empty(open_at: Open, folder: Path) -> None:
    """Version -1, no rows."""
    store = open_at(folder / "db", ["a", "b"])
    assert (store.version, store.delta, store.tables, store.counts()) == (-1, "", ("a", "b"), {"a": 0, "b": 0})
    assert store.get_many("a", [b"x"]) == [None]
    assert store.get_many("a", []) == []
    assert list(store.scan("a", None, None)) == []
    store.close()


def check_a_delta_is_applied_whole_and_twice_is_once(open_at: Open, folder: Path) -> None:
    """Deltas hold results, not differences."""
    store = open_at(folder / "db", ["a"])
    store.apply(delta(0, {b"x": b"1", b"y": b"2", b"z": b""}))
    for _ in range(2):
        store.apply(delta(1, {b"y": b"3"}, {b"x", b"absent"}, count=2))
        assert rows_of(store, "a") == {b"y": b"3", b"z": b""}
        assert store.get_many("a", [b"z", b"x", b"y", b"z"]) == [b"", None, b"3", b""]
        assert (store.version, store.delta, store.count("a")) == (1, "u1", 2)
    store.close()


def check_scans_are_half_open_sorted_and_in_chunks(open_at: Open, folder: Path) -> None:
    """Any bound may be open or beyond the rows."""
    store = open_at(folder / "db", ["a"])
    store.apply(delta(0, {key(n): b"v" for n in range(25_000)}))
    assert len(rows_of(store, "a")) == 25_000
    assert list(rows_of(store, "a", key(10), key(13))) == [key(10), key(11), key(12)]
    assert len(rows_of(store, "a", None, key(10_000))) == 10_000
    assert len(rows_of(store, "a", key(24_999), None)) == 1
    assert rows_of(store, "a", key(25_000), None) == {}
    assert rows_of(store, "a", key(5), key(5)) == {}
    assert rows_of(store, "a", key(6), key(5)) == {}
    unfinished = store.scan("a", None, None)
    assert len(next(unfinished)[0]) == 10_000
    store.close()  # an unfinished scan must not keep the folder locked
    open_at(folder / "db", ["a"]).close()


def check_a_checkpoint_opens_as_the_same_store(open_at: Open, folder: Path) -> None:
    """It shows the moment it was taken."""
    store = open_at(folder / "db", ["a", "b"])
    store.apply(delta(0, {key(n): b"v" * n for n in range(100)}))
    store.checkpoint(folder / "copy")
    store.apply(delta(1, {}, {key(1)}, count=99))
    store.close()
    copy = open_at(folder / "copy", ["a", "b"])
    assert (copy.version, copy.delta, copy.count("a"), copy.count("b")) == (0, "u0", 100, 0)
    assert rows_of(copy, "a") == {key(n): b"v" * n for n in range(100)}
    copy.verify()
    copy.close()


def check_tables_nobody_names_keep_their_rows(open_at: Open, folder: Path) -> None:
    """A table is never dropped by leaving out its name."""
    store = open_at(folder / "db", ["a"])
    store.apply(delta(0, {b"x": b"1"}))
    store.checkpoint(folder / "copy")
    store.close()
    other = open_at(folder / "copy", ["c"])
    assert list(other.tables) == ["a", "c"]
    assert (rows_of(other, "a"), other.count("a"), other.count("c")) == ({b"x": b"1"}, 1, 0)
    other.add_table("d")
    other.apply(Delta(1, "u1", "u0", {"e": 1}, {"e": TableChanges({b"k": b"v"}, frozenset())}))
    assert list(other.tables) == ["a", "c", "d", "e"]
    assert rows_of(other, "e") == {b"k": b"v"}
    other.close()


LAWS = (
    check_a_new_store_is_empty,
    check_a_delta_is_applied_whole_and_twice_is_once,
    check_scans_are_half_open_sorted_and_in_chunks,
    check_a_checkpoint_opens_as_the_same_store,
    check_tables_nobody_names_keep_their_rows,
)


@pytest.mark.parametrize("kind", ["memory", "rocksdb"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("check_"))
def test_store_keeps_its_promise(law: Callable[[Open, Path], None], kind: StoreKind, tmp_path: Path) -> None:
    """Each law holds for each kind."""
    law(lambda folder, tables: open_store(kind, folder, tables), tmp_path)


@pytest.fixture
def rocks(tmp_path: Path) -> Iterator[StateStore]:
    """An open RocksDB store."""
    store = open_store("rocksdb", tmp_path / "db", ["a"])
    yield store
    store.close()


def test_rocksdb_reopens_where_it_was_closed(tmp_path: Path) -> None:
    """Batch number, delta, counts and rows survive a close."""
    store = open_store("rocksdb", tmp_path / "db", ["a"])
    store.apply(delta(0, {b"x": b"1"}))
    store.close()
    store.close()
    again = open_store("rocksdb", tmp_path / "db", ["a", "new"])
    assert (again.version, again.delta, again.counts()) == (0, "u0", {"a": 1, "new": 0})
    assert rows_of(again, "a") == {b"x": b"1"}
    again.close()


def test_rocksdb_open_elsewhere_is_locked(rocks: StateStore, tmp_path: Path) -> None:
    """Two stores never share a folder."""
    with pytest.raises(StateError, match="open elsewhere") as caught:
        open_store("rocksdb", tmp_path / "db", ["a"])
    assert caught.value.kind is StateErrorKind.LOCKED


def test_rocksdb_tells_what_it_uses(rocks: StateStore, tmp_path: Path) -> None:
    """Memory and disk are counted in bytes of the live store; rows are on disk once they are flushed."""
    rocks.apply(delta(0, {key(n): os.urandom(100) for n in range(10_000)}))
    assert 1_000_000 < rocks.memory_bytes() < 64 << 20
    assert rocks.disk_bytes() == 0
    rocks.checkpoint(tmp_path / "copy")
    assert rocks.disk_bytes() > 1_000_000


def flip_bytes(sst: Path, at: int) -> None:
    """Invert 64 bytes of a file."""
    with sst.open("r+b") as file:
        file.seek(at)
        block = file.read(64)
        file.seek(at)
        file.write(bytes(byte ^ 0xFF for byte in block))


@pytest.fixture
def corrupt_folder(tmp_path: Path) -> Path:
    """A store of 20,000 rows in SST files, one data block of which was changed."""
    folder = tmp_path / "db"
    store = open_store("rocksdb", folder, ["a"])
    store.apply(delta(0, {key(n): bytes([n % 251]) * 40 for n in range(20_000)}))
    store.close()
    sst = max(folder.glob("*.sst"), key=lambda path: path.stat().st_size)
    flip_bytes(sst, sst.stat().st_size // 3)
    return folder


def test_corrupt_block_ends_a_scan_with_an_error_and_marks_the_store(corrupt_folder: Path) -> None:
    """RocksDB's iterators end silently at a bad block; a scan here never does."""
    store = open_store("rocksdb", corrupt_folder, ["a"])
    marks = [store.is_corrupt]
    with pytest.raises(StateError, match="corrupt") as caught:
        rows_of(store, "a")
    marks.append(store.is_corrupt)
    assert (caught.value.kind, marks) == (StateErrorKind.CORRUPT, [False, True])
    store.close()
    with pytest.raises(StateError, match="found corrupt before"):
        open_store("rocksdb", corrupt_folder, ["a"])


def test_corrupt_block_fails_a_multi_get(corrupt_folder: Path) -> None:
    """A key in a bad block is an error, never absent."""
    store = open_store("rocksdb", corrupt_folder, ["a"])
    with pytest.raises(StateError, match="corrupt") as caught:
        store.get_many("a", [key(n) for n in range(20_000)])
    assert caught.value.kind is StateErrorKind.CORRUPT
    store.close()


def test_missing_sst_is_corrupt_at_opening_or_first_read(corrupt_folder: Path) -> None:
    """A file that is gone counts as corruption, not as an input/output fault."""
    max(corrupt_folder.glob("*.sst"), key=lambda path: path.stat().st_size).unlink()
    with pytest.raises(StateError) as caught:
        rows_of(open_store("rocksdb", corrupt_folder, ["a"]), "a")
    assert caught.value.kind is StateErrorKind.CORRUPT
