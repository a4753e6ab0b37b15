"""The state of one query: whatever happened, bringing it to a committed delta gives the content of its chain."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_state import Brought, Files, QueryState, Snapshots, StateError, StateErrorKind, StoreKind

Rows = dict[bytes, bytes]


def open_at(folder: Path, kind: StoreKind = "rocksdb", tables: tuple[str, ...] = ("t",)) -> QueryState:
    """Open with a small cache."""
    return QueryState.open(folder, tables, kind=kind, cache_bytes=8 << 20)


def key(n: int) -> bytes:
    """Keys in number order."""
    return n.to_bytes(4, "big")


def content(state: QueryState, table: str = "t") -> Rows:
    """All rows, whose number must be the one on record."""
    view = state.begin(state.version + 1)
    rows = dict(row for keys, values in view.scan(table, None, None) for row in zip(keys, values, strict=True))
    assert state.rows(table) == len(rows)
    return rows


def seal(state: QueryState, batch: int, puts: Rows, deletes: list[bytes] | None = None) -> str:
    """Seal a batch of these changes."""
    view = state.begin(batch)
    view.put_many("t", list(puts), list(puts.values()))
    view.delete_many("t", deletes or [])
    return state.seal(view)


def run(state: QueryState, batch: int, size: int = 10) -> str:
    """One whole batch: rows of its own, one row that changes, one that goes."""
    puts = {key(batch * 1000 + n): bytes([batch % 251]) * 30 for n in range(size)} | {b"last": str(batch).encode()}
    uuid = seal(state, batch, puts, [key((batch - 1) * 1000)] if batch else [])
    state.apply(uuid)
    return uuid


def expected(batches: int, size: int = 10) -> Rows:
    """What run() leaves after so many batches."""
    rows: Rows = {}
    for batch in range(batches):
        rows |= {key(batch * 1000 + n): bytes([batch % 251]) * 30 for n in range(size)} | {b"last": str(batch).encode()}
        if batch:
            rows.pop(key((batch - 1) * 1000), None)
    return rows


def test_nothing_is_visible_before_apply_and_all_after(tmp_path: Path) -> None:
    """The view reads its own writes; the store only changes by apply."""
    state = open_at(tmp_path)
    assert (state.version, state.delta, state.bring_to(-1, "")) == (-1, "", Brought.RESUMED)
    view = state.begin(0)
    view.put_many("t", [b"a"], [b"1"])
    assert (view.get_many("t", [b"a"]), view.count("t"), content(state)) == ([b"1"], 1, {})
    uuid = state.seal(view)
    assert content(state) == {}
    state.apply(uuid)
    state.apply(uuid)
    assert (state.version, state.delta, content(state)) == (0, uuid, {b"a": b"1"})
    with pytest.raises(ValueError, match="already holds batch 0"):
        state.begin(0)
    state.close()


@pytest.mark.parametrize("kind", ["rocksdb", "memory"])
def test_store_resumes_or_replays_what_was_committed(tmp_path: Path, kind: StoreKind) -> None:
    """A sealed delta counts exactly when the caller names it; other attempts leave no trace."""
    state = open_at(tmp_path, kind)
    first = run(state, 0)
    dead = seal(state, 1, {b"dead": b"1"})
    committed = seal(state, 1, {b"alive": b"1"})
    state.close()
    again = open_at(tmp_path, kind)
    assert again.bring_to(0, first) is (Brought.RESUMED if kind == "rocksdb" else Brought.REPLAYED)
    assert again.bring_to(1, committed) is Brought.REPLAYED
    assert content(again) == expected(1) | {b"alive": b"1"}
    empty = again.seal(again.begin(2))
    assert again.bring_to(2, empty) is Brought.REPLAYED
    assert again.bring_to(1, dead) is Brought.RESTORED
    assert content(again) == expected(1) | {b"dead": b"1"}
    assert again.bring_to(-1, "") is Brought.RESTORED
    assert content(again) == {}
    again.close()


def test_lost_disk_is_restored_from_snapshot_and_deltas(tmp_path: Path) -> None:
    """The newest snapshot not after the target is the base; torn ones are passed over."""
    state = open_at(tmp_path)
    uuids = []
    for batch in range(6):
        uuids.append(run(state, batch))
        if batch in (1, 3):
            state.snapshot()
            assert state.snapshot() is None
    state.close()
    snapshots = Snapshots(tmp_path / "snapshots", Files())
    assert [whole.batch for whole in snapshots.whole()] == [3, 1]
    assert [found.batch for limit in (5, 3, 2) if (found := snapshots.newest(limit))] == [3, 3, 1]
    for target, damage in ((5, None), (4, "CURRENT"), (5, "manifest.json"), (2, None)):
        Files().remove_tree(tmp_path / "store")
        if damage:
            (tmp_path / "snapshots" / f"3.{uuids[3]}" / damage).write_bytes(b"")
        again = open_at(tmp_path)
        assert again.bring_to(target, uuids[target]) is Brought.RESTORED
        assert content(again) == expected(target + 1)
        again.close()


def test_snapshot_with_a_changed_file_gives_way_to_the_one_before(tmp_path: Path) -> None:
    """Checksums of every file are compared on restoring."""
    state = open_at(tmp_path)
    uuids = [run(state, 0)]
    state.snapshot()
    uuids.append(run(state, 1))
    state.snapshot()
    state.close()
    sst = next((tmp_path / "snapshots" / f"1.{uuids[1]}").glob("*.sst"))
    old = next((tmp_path / "snapshots" / f"0.{uuids[0]}").glob("*.sst"))
    newer = next(path for path in sst.parent.glob("*.sst") if path.name != old.name)
    newer.write_bytes(newer.read_bytes()[:-1] + b"\x00")
    (tmp_path / "store" / "CORRUPT").touch()
    for delta in (tmp_path / "deltas").glob("0.*"):
        delta.unlink()
    again = open_at(tmp_path)
    assert (again.version, again.memory_bytes(), again.disk_bytes()) == (-1, 0, 0)
    with pytest.raises(StateError, match="not brought back"):
        again.begin(2)
    assert again.bring_to(1, uuids[1]) is Brought.RESTORED
    assert content(again) == expected(2)
    again.close()


def test_snapshot_shares_unchanged_files_with_the_one_before_and_none_with_the_store(tmp_path: Path) -> None:
    """A bad block in the live store leaves the snapshots alone; each file is copied once."""
    state = open_at(tmp_path)
    run(state, 0)
    first = state.snapshot()
    run(state, 1)
    second = state.snapshot()
    assert first is not None
    assert second is not None
    inode = {where: {path.stat().st_ino for path in where.glob("*.sst")} for where in (first.folder, second.folder)}
    live = {path.stat().st_ino for path in (tmp_path / "store").glob("*.sst")}
    assert inode[first.folder] < inode[second.folder]
    assert not live & inode[second.folder]
    state.close()


def test_corrupt_store_found_while_running_or_at_start_is_rebuilt(tmp_path: Path) -> None:
    """A read that meets the bad block fails; the next bring_to, in whatever process, does not trust the store."""
    state = open_at(tmp_path)
    run(state, 0, size=900)
    state.snapshot()
    last = run(state, 1, size=900)
    state.close()
    for is_new_process in (False, True):
        sst = max((tmp_path / "store").glob("*.sst"), key=lambda path: path.stat().st_size)
        damaged = sst.read_bytes()
        sst.write_bytes(damaged[:200] + bytes(byte ^ 0xFF for byte in damaged[200:300]) + damaged[300:])
        state = open_at(tmp_path)
        assert state.bring_to(1, last) is Brought.RESUMED
        with pytest.raises(StateError) as caught:
            content(state)
        assert caught.value.kind is StateErrorKind.CORRUPT
        if is_new_process:
            state.close()
            state = open_at(tmp_path)
        assert state.bring_to(1, last) is Brought.RESTORED
        assert content(state) == expected(2, size=900)
        state.close()


def test_state_that_cannot_be_rebuilt_is_lost_and_says_why(tmp_path: Path) -> None:
    """Nothing is made up, and a store that still stands somewhere is not dropped."""
    state = open_at(tmp_path)
    run(state, 0)
    last = run(state, 1)
    with pytest.raises(StateError, match="delta nowhere is missing") as caught:
        state.bring_to(2, "nowhere")
    assert caught.value.kind is StateErrorKind.LOST
    assert content(state) == expected(2)
    with pytest.raises(StateError, match="no chain of deltas leads"):
        state.bring_to(7, last)
    state.close()
    (tmp_path / "deltas" / f"1.{last}.delta").write_bytes(b"torn")
    Files().remove_tree(tmp_path / "store")
    again = open_at(tmp_path)
    with pytest.raises(StateError, match="torn") as torn:
        again.bring_to(1, last)
    assert torn.value.kind is StateErrorKind.LOST
    again.close()


def test_late_delta_of_a_dead_attempt_is_ignored_and_purged(tmp_path: Path) -> None:
    """A zombie's file that appears after the next commit changes nothing."""
    state = open_at(tmp_path)
    uuids = [run(state, 0)]
    zombie = seal(state, 1, {b"zombie": b"1"})
    hidden = (tmp_path / "deltas" / f"1.{zombie}.delta").rename(tmp_path / "hidden")
    uuids += [run(state, 1), run(state, 2)]
    hidden.rename(tmp_path / "deltas" / f"1.{zombie}.delta")
    pending = seal(state, 3, {b"pending": b"1"})
    state.purge()
    assert sorted(path.name.split(".")[1] for path in (tmp_path / "deltas").iterdir()) == sorted([*uuids, pending])
    assert content(state) == expected(3)
    state.close()


def test_purge_keeps_two_snapshots_and_what_they_need(tmp_path: Path) -> None:
    """Deltas go up to the older kept snapshot, but never the latest ones that were asked to stay."""
    state = open_at(tmp_path)
    uuids = []
    for batch in range(9):
        uuids.append(run(state, batch))
        if batch % 2:
            state.snapshot()
    state.purge(keep_batches=5)
    kept = [int(path.name.split(".")[0]) for path in (tmp_path / "deltas").iterdir()]
    assert (sorted(kept), [whole.batch for whole in state.snapshots.whole()]) == ([4, 5, 6, 7, 8], [7, 5])
    state.purge(keep_batches=1)
    kept = [int(path.name.split(".")[0]) for path in (tmp_path / "deltas").iterdir()]
    assert sorted(kept) == [6, 7, 8]
    assert state.bring_to(5, uuids[5]) is Brought.RESTORED
    assert content(state) == expected(6)
    with pytest.raises(StateError, match="missing"):
        state.bring_to(4, uuids[4])
    state.close()


def test_table_left_out_for_a_while_keeps_its_rows(tmp_path: Path) -> None:
    """Removing and adding names loses nothing, through snapshots and replays too."""
    state = open_at(tmp_path)
    run(state, 0)
    state.snapshot()
    state.close()
    other = open_at(tmp_path, tables=("new",))
    view = other.begin(1)
    view.put_many("new", [b"n"], [b"1"])
    uuid = other.seal(view)
    other.close()
    Files().remove_tree(tmp_path / "store")
    again = open_at(tmp_path)
    assert again.bring_to(1, uuid) is Brought.RESTORED
    assert (again.tables, content(again), content(again, "new")) == (("new", "t"), expected(1), {b"n": b"1"})
    again.close()


class Failing(Files):
    """A disk that is full for names that a test chooses."""

    def __init__(self) -> None:
        self.is_full: Callable[[Path], bool] = lambda path: False

    def _write_synced(self, path: Path, content: bytes) -> None:
        if self.is_full(path):
            path.write_bytes(content[:7])
            raise OSError(errno.ENOSPC, "No space left on device")
        super()._write_synced(path, content)


def test_full_disk_leaves_the_last_batch_and_goes_on_with_space(tmp_path: Path) -> None:
    """Neither half a delta nor half a snapshot is ever seen."""
    files = Failing()
    state = QueryState.open(tmp_path, ["t"], files=files, cache_bytes=8 << 20)
    run(state, 0)
    files.is_full = lambda path: ".delta" in path.name or "manifest" in path.name
    with pytest.raises(StateError) as sealing:
        run(state, 1)
    with pytest.raises(StateError) as copying:
        state.snapshot()
    assert [caught.value.kind for caught in (sealing, copying)] == [StateErrorKind.DISK_FULL] * 2
    assert (content(state), state.snapshots.whole()) == (expected(1), [])
    files.is_full = lambda path: False
    run(state, 1)
    assert state.snapshot() is not None
    assert content(state) == expected(2)
    state.close()


ACTIONS = st.lists(st.sampled_from(["batch", "attempt", "sealed", "snapshot", "purge", "reopen", "lose"]), max_size=14)


@settings(max_examples=20, deadline=None)
@given(actions=ACTIONS, kind=st.sampled_from(["rocksdb", "memory"]))
def test_any_history_comes_back(actions: list[str], kind: StoreKind, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Crashes fall anywhere: after any prefix of steps, bring_to gives the content of the committed chain."""
    folder = tmp_path_factory.mktemp("state")
    state = open_at(folder, kind)
    committed: tuple[int, str] = (-1, "")
    for action in actions:
        batch = state.version + 1
        if action == "batch":
            committed = (batch, run(state, batch))
        elif action == "attempt":
            seal(state, batch, {b"dead": b"1"})
        elif action == "snapshot":
            state.snapshot()
        elif action == "purge":
            state.purge(keep_batches=0)
        else:
            if action == "sealed":  # decided, then died before applying
                puts = {key(batch * 1000 + n): bytes([batch % 251]) * 30 for n in range(10)}
                puts[b"last"] = str(batch).encode()
                committed = (batch, seal(state, batch, puts, [key((batch - 1) * 1000)] if batch else []))
            state.close()
            if action == "lose":
                Files().remove_tree(folder / "store")
            state = open_at(folder, kind)
            state.bring_to(*committed)
        assert (state.version, state.delta) == committed
        assert content(state) == expected(committed[0] + 1)
    state.close()
