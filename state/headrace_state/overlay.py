"""State room: the changes of one running batch over a store that is only read.

Takes reads and writes of the operators, answers as if writes were applied at once, and gives the changes when the
batch is done. Law: equal to applying each write at once to a copy of the store.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Iterator, Sequence
from itertools import compress, repeat

from headrace_state.delta import Changes, TableChanges
from headrace_state.store.contract import StateStore

_UNTOUCHED = object()


class _TableOverlay:
    """Writes of one table: key -> value, None for deleted; and what reads told: key -> whether the store has it.

    `rows` is the table's number of rows since the last write, once it was asked for.
    """

    def __init__(self) -> None:
        self.writes: dict[bytes, bytes | None] = {}
        self.known: dict[bytes, bool] = {}
        self.rows: int | None = None
        self.has_deletes = False


class StateBatch:
    """Read-your-writes view for one micro-batch; `uuid` is the name its changes will have."""

    def __init__(self, store: StateStore, batch: int) -> None:
        self.batch = batch
        self.uuid = uuids.uuid4().hex
        self._store = store
        self._overlays: dict[str, _TableOverlay] = {name: _TableOverlay() for name in store.tables}

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, in order, None for those absent or deleted; at most one multi-get."""
        overlay = self._overlays[table]
        if overlay.writes.keys().isdisjoint(keys):
            return self._read(table, keys)
        found = list(map(overlay.writes.get, keys, repeat(_UNTOUCHED)))
        places = [place for place, value in enumerate(found) if value is _UNTOUCHED]
        values: list[bytes | None] = found  # type: ignore[assignment]  # the marks are replaced in the next loop
        for place, value in zip(places, self._read(table, [keys[place] for place in places]), strict=True):
            values[place] = value
        return values

    def scan(self, table: str, start: bytes | None, end: bytes | None) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Give the rows with start <= key < end in key order, in chunks; shows the moment of the call.

        Raises:
            StateError: CORRUPT at the latest when the iterator ends.
        """
        overlay = self._overlays[table]
        changed = {
            key: value
            for key, value in overlay.writes.items()
            if (start is None or key >= start) and (end is None or key < end)
        }
        chunks = self._store.scan(table, start, end)
        # Ranges with an end are those that eviction deletes next; knowing that they exist spares the count a read.
        known = overlay.known if end is not None else None
        return _merge(chunks, changed, known)

    def put_many(self, table: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Set the value of each key; the last one wins where a key repeats."""
        overlay = self._overlays[table]
        overlay.writes.update(zip(keys, values, strict=True))
        overlay.rows = None

    def delete_many(self, table: str, keys: Sequence[bytes]) -> None:
        """Remove keys; absent ones are no error."""
        overlay = self._overlays[table]
        overlay.writes.update(dict.fromkeys(keys))
        overlay.rows, overlay.has_deletes = None, overlay.has_deletes or len(keys) > 0

    def count(self, table: str) -> int:
        """Return the exact number of rows as of now; reads the store once for keys written but never read."""
        overlay = self._overlays[table]
        if overlay.rows is None:
            is_put = [value is not None for value in overlay.writes.values()]
            overlay.rows = self._store.count(table) + sum(is_put) - sum(self._is_stored(table))
        return overlay.rows

    def counts(self) -> dict[str, int]:
        """Return the exact number of rows of each table as of now."""
        return {table: self.count(table) for table in self._overlays}

    def changes(self) -> Changes:
        """Return what is to be applied; tables that nothing was written to are absent.

        Deletes of keys that the store does not have are left out, so that a key put and deleted leaves no trace.
        """
        found: dict[str, TableChanges] = {}
        for table, overlay in self._overlays.items():
            if not overlay.writes:
                continue
            puts: dict[bytes, bytes] = overlay.writes.copy()  # type: ignore[assignment]  # where nothing is deleted
            deletes = frozenset[bytes]()
            if overlay.has_deletes:
                gone = compress(overlay.writes.items(), self._is_stored(table))
                deletes = frozenset(key for key, value in gone if value is None)
                puts = {key: value for key, value in overlay.writes.items() if value is not None}
            if puts or deletes:
                found[table] = TableChanges(puts, deletes)
        return found

    def _read(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        values = self._store.get_many(table, keys)
        self._overlays[table].known.update(zip(keys, [value is not None for value in values], strict=True))
        return values

    def _is_stored(self, table: str) -> list[bool]:
        """Tell for each written key whether the store has it; reads those that nobody read."""
        overlay = self._overlays[table]
        unknown = [key for key in overlay.writes if key not in overlay.known]
        self._read(table, unknown)
        return list(map(overlay.known.__getitem__, overlay.writes))


def _merge(
    chunks: Iterator[tuple[list[bytes], list[bytes]]],
    changed: dict[bytes, bytes | None],
    known: dict[bytes, bool] | None,
) -> Iterator[tuple[list[bytes], list[bytes]]]:
    waiting = sorted(changed)
    position = 0
    for keys, values in chunks:
        if known is not None:
            known.update(dict.fromkeys(keys, True))
        first = position
        while position < len(waiting) and waiting[position] <= keys[-1]:
            position += 1
        if position == first:
            yield keys, values
            continue
        rows: dict[bytes, bytes | None] = dict(zip(keys, values, strict=True))
        rows.update((key, changed[key]) for key in waiting[first:position])
        if merged := _sorted_rows(rows):
            yield merged
    if rest := _sorted_rows({key: changed[key] for key in waiting[position:]}):
        yield rest


def _sorted_rows(rows: dict[bytes, bytes | None]) -> tuple[list[bytes], list[bytes]] | None:
    kept = [(key, value) for key, value in sorted(rows.items()) if value is not None]
    return ([key for key, _ in kept], [value for _, value in kept]) if kept else None
