"""Deltas and their chains, and the overlay they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_state import (
    Changes,
    Delta,
    Files,
    StateBatch,
    StateError,
    StateErrorKind,
    StateStore,
    TableChanges,
    chain,
    open_store,
    read_delta,
    write_delta,
)

KEYS = st.binary(min_size=1, max_size=3)
CHANGES = st.dictionaries(
    st.sampled_from(["a", "b", "step-1"]),
    st.builds(
        lambda puts, gone: TableChanges(puts, frozenset(gone - puts.keys())),
        st.dictionaries(KEYS, st.binary(max_size=9), max_size=5),
        st.sets(KEYS, max_size=5),
    ),
)


@settings(max_examples=50, deadline=None)
@given(changes=CHANGES)
def test_delta_comes_back_as_it_was(changes: Changes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Empty values, empty tables and no tables included."""
    folder = tmp_path_factory.mktemp("deltas")
    delta = Delta(7, "u7", "u6", {"a": 3}, changes)
    path = write_delta(folder, delta, Files())
    assert path.name == "7.u7.delta"
    assert read_delta(path, Files()) == delta


def put(batch: int, uuid: str, parent: str) -> Delta:
    """A delta of one row."""
    return Delta(batch, uuid, parent, {"a": 1}, {"a": TableChanges({b"k": b"v" * 100}, frozenset())})


TEARS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "changed header": lambda content: content.replace(b'"batch":0', b'"batch":1'),
    "changed body": lambda content: content[:-6] + bytes([content[-6] ^ 1]) + content[-5:],
    "garbage": lambda content: b"\x17" * len(content),
}


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())
def test_torn_delta_is_corrupt(tmp_path: Path, tear: Callable[[bytes], bytes]) -> None:
    """No changed bit is read as state."""
    path = write_delta(tmp_path, put(0, "u", ""), Files())
    path.write_bytes(tear(path.read_bytes()))
    with pytest.raises(StateError, match=r"0\.u\.delta") as caught:
        read_delta(path, Files())
    assert caught.value.kind is StateErrorKind.CORRUPT


def test_newer_absent_and_doubly_written_deltas_have_their_own_kinds(tmp_path: Path) -> None:
    """INCOMPATIBLE, LOST and LOCKED."""
    path = write_delta(tmp_path, put(0, "u", ""), Files())
    with pytest.raises(StateError) as twice:
        write_delta(tmp_path, put(0, "u", ""), Files())
    path.write_bytes(path.read_bytes().replace(b"HRDELTA1", b"HRDELTA2"))
    with pytest.raises(StateError) as newer:
        read_delta(path, Files())
    with pytest.raises(StateError) as absent:
        read_delta(tmp_path / "1.x.delta", Files())
    kinds = [caught.value.kind for caught in (twice, newer, absent)]
    assert kinds == [StateErrorKind.LOCKED, StateErrorKind.INCOMPATIBLE, StateErrorKind.LOST]


def test_chain_follows_parents_and_ignores_dead_attempts(tmp_path: Path) -> None:
    """Two attempts of batch 1 and 2; only the ancestors of the asked one count."""
    files = Files()
    for batch, uuid, parent in [
        (0, "a", ""),
        (1, "x", "a"),
        (1, "b", "a"),
        (2, "c", "b"),
        (2, "y", "x"),
        (3, "d", "c"),
    ]:
        write_delta(tmp_path, put(batch, uuid, parent), files)
    assert [link.uuid for link in chain(tmp_path, "d", -1, files)] == ["a", "b", "c", "d"]
    assert [link.uuid for link in chain(tmp_path, "y", 0, files)] == ["x", "y"]
    assert chain(tmp_path, "d", 3, files) == chain(tmp_path, "", -1, files) == []
    (tmp_path / "1.b.delta").unlink()
    assert [link.uuid for link in chain(tmp_path, "d", 1, files)] == ["c", "d"]
    with pytest.raises(StateError, match="delta b is missing") as caught:
        chain(tmp_path, "d", 0, files)
    assert caught.value.kind is StateErrorKind.LOST


class Twin:
    """What the overlay must equal: a dictionary to which every write is applied at once."""

    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = dict(rows)

    def scan(self, start: bytes | None, end: bytes | None) -> dict[bytes, bytes]:
        """Rows of a half-open range in order."""
        inside = {k: v for k, v in self.rows.items() if (start is None or k >= start) and (end is None or k < end)}
        return dict(sorted(inside.items()))


BOUND = st.none() | KEYS
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.tuples(KEYS, st.binary(max_size=2)), max_size=4)),
        st.tuples(st.just("delete"), st.lists(KEYS, max_size=4)),
        st.tuples(st.just("get"), st.lists(KEYS, max_size=4)),
        st.tuples(st.just("scan"), st.tuples(BOUND, BOUND)),
        st.tuples(st.just("evict"), st.tuples(BOUND, BOUND)),
        st.tuples(st.just("count"), st.none()),
    ),
    max_size=8,
)


def scanned(batch: StateBatch, start: bytes | None, end: bytes | None) -> list[tuple[bytes, bytes]]:
    """All rows of a scan."""
    return [row for keys, values in batch.scan("t", start, end) for row in zip(keys, values, strict=True)]


def play(batch: StateBatch, twin: Twin, step: str, argument: Any) -> None:
    """Do one step on both and compare what they tell."""
    match step, argument:
        case "put", list(rows):
            batch.put_many("t", [key for key, _ in rows], [value for _, value in rows])
            twin.rows.update(rows)
        case "delete", list(keys):
            batch.delete_many("t", keys)
            for key in keys:
                twin.rows.pop(key, None)
        case "get", list(keys):
            assert batch.get_many("t", keys) == [twin.rows.get(key) for key in keys]
        case "scan", (start, end):
            assert scanned(batch, start, end) == list(twin.scan(start, end).items())
        case "evict", (start, end):
            gone = [key for key, _ in scanned(batch, start, end)]
            play(batch, twin, "delete", gone)
        case _:
            assert batch.count("t") == len(twin.rows)


@settings(max_examples=150, deadline=None)
@given(before=st.dictionaries(KEYS, st.binary(max_size=2), max_size=8), steps=STEPS)
def test_overlay_equals_applying_at_once(before: dict[bytes, bytes], steps: list[tuple[str, object]]) -> None:
    """Law of StateBatch, and of the delta it leaves: applied to the store it gives the same rows and counts."""
    store: StateStore = open_store("memory", Path("/nonexistent"), ["t", "u"])
    store.apply(Delta(0, "u0", "", {"t": len(before)}, {"t": TableChanges(before, frozenset())}))
    batch, twin = StateBatch(store, 1), Twin(before)
    for step, argument in steps:
        play(batch, twin, step, argument)
    assert scanned(batch, None, None) == list(twin.scan(None, None).items())
    counts = batch.counts()
    changes = batch.changes()
    assert store.get_many("t", list(before)) == list(before.values())
    store.apply(Delta(1, "u1", "u0", counts, changes))
    assert scanned(StateBatch(store, 2), None, None) == sorted(twin.rows.items())
    assert counts == {"t": len(twin.rows), "u": 0}


def test_overlay_merges_into_every_chunk_of_a_long_scan(tmp_path: Path) -> None:
    """Chunks of the store are 10,000 rows; changes fall before, inside, between and behind them."""
    store = open_store("memory", tmp_path, ["t"])
    rows = {(2 * n).to_bytes(4, "big"): b"old" for n in range(25_000)}
    store.apply(Delta(0, "u0", "", {"t": len(rows)}, {"t": TableChanges(rows, frozenset())}))
    batch, twin = StateBatch(store, 1), Twin(rows)
    new = [n.to_bytes(4, "big") for n in (1, 19_998, 19_999, 20_001, 49_999, 60_000)]
    play(batch, twin, "put", [(key, b"new") for key in new])
    play(batch, twin, "delete", [(2 * n).to_bytes(4, "big") for n in (0, 9_999, 10_000, 24_999)])
    play(batch, twin, "scan", (None, None))
    play(batch, twin, "scan", (new[1], new[3]))
    play(batch, twin, "count", None)
    assert batch.count("t") == 25_001
