"""Room 7: the state of a stream join: one entry a key with the newest rows of both sides, older ones in chunks.

Takes the keys of a batch, gives their stored rows by one multi-get, and stages the changed ones. No range is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from headrace.incremental.steps import JoinStreams
from headrace.operators.joins.packed import Int64s, PackedSide, SideEntries
from headrace.operators.statements import inner_schema
from headrace_state import RowCodec, StateBatch, items_of

Sides = tuple[SideEntries, SideEntries]
"""Left and right."""

_SIDES = (("left.", b"L"), ("right.", b"R"))
_TOTAL_KEY = b"rows"
"""No join key: those begin with a format version."""


class JoinState:
    """Reads and stages the entries of keys.

    Law: read after write gives the rows that were written, whatever chunks they went to.
    """

    def __init__(self, step: JoinStreams) -> None:
        self._table, chunks = step.state_tables[:2]
        columns = (inner_schema(step.left.columns), inner_schema(step.right.columns))
        self.sides = tuple(PackedSide(chunks, mark, own) for (_, mark), own in zip(_SIDES, columns, strict=True))
        fields = [side.entry_fields(prefix) for side, (prefix, _) in zip(self.sides, _SIDES, strict=True)]
        self._parts = len(fields[0])
        self._entries = RowCodec(pa.schema([field for some in fields for field in some]))

    def read(self, keys: pa.LargeBinaryArray, state: StateBatch, wanted: Sequence[Int64s] | None = None) -> Sides:
        """Return what is stored under the keys.

        Args:
            keys: A binary array, each key once.
            state: Read through.
            wanted: Slots of the closed chunks to read by side, those that are gone too; None reads all.

        Raises:
            StateError: CORRUPT.
        """
        values = state.get_many(self._table, items_of(keys))
        found = np.flatnonzero(np.fromiter((value is not None for value in values), np.bool_, len(values)))
        columns = self._entries.decode([value for value in values if value is not None]).columns
        left, right = (
            side.unpack(len(keys), found, columns[place * self._parts : (place + 1) * self._parts])
            for place, side in enumerate(self.sides)
        )
        return self._filled(0, left, keys, state, wanted), self._filled(1, right, keys, state, wanted)

    def keys(self, state: StateBatch) -> Iterator[pa.LargeBinaryArray]:
        """Give the keys of all entries, some thousands a time, as binary arrays."""
        for keys, _ in state.scan(self._table, None, None):
            yield pa.array([key for key in keys if key != _TOTAL_KEY], pa.large_binary())

    def write(self, keys: pa.LargeBinaryArray, sides: Sides, changed: Sequence[Int64s], state: StateBatch) -> None:
        """Stage the rows of both sides under their keys.

        Args:
            keys: As at reading.
            sides: What is to be there; closed chunks that were not read are left as they are.
            changed: By side, slots whose rows differ from what is stored, each once.
            state: Staged through.
        """
        is_due = np.zeros(len(keys), np.bool_)
        settled = []
        for side, entries, slots in zip(self.sides, sides, changed, strict=True):
            after, due = side.settle(keys, entries, slots, state)
            settled.append(after)
            is_due |= due
        groups = np.flatnonzero(is_due)
        columns = [side.pack(after, groups) for side, after in zip(self.sides, settled, strict=True)]
        is_empty = np.ones(len(groups), np.bool_)
        for _, closed, rows in columns:
            for lists in (closed, rows):
                is_empty &= np.diff(lists.offsets.to_numpy()) == 0
        table = pa.table([part for parts in columns for part in parts], schema=self._entries.schema)
        kept = table.filter(pa.array(~is_empty)) if is_empty.any() else table
        state.put_many(self._table, _items(keys, groups[~is_empty]), self._entries.encode(kept))
        state.delete_many(self._table, _items(keys, groups[is_empty]))

    def total(self, state: StateBatch, change: int = 0) -> int:
        """Return how many rows both sides have, after adding a change."""
        value = state.get_many(self._table, [_TOTAL_KEY])[0]
        total = int.from_bytes(value or b"", "big") + change
        if change:
            state.put_many(self._table, [_TOTAL_KEY], [total.to_bytes(8, "big")])
        return total

    def _filled(
        self,
        place: int,
        entries: SideEntries,
        keys: pa.LargeBinaryArray,
        state: StateBatch,
        wanted: Sequence[Int64s] | None,
    ) -> SideEntries:
        slots = entries.closed if wanted is None else np.intersect1d(entries.closed, wanted[place])
        if len(slots) == 0:
            return entries
        older = self.sides[place].read_closed(keys, slots, state)
        return SideEntries(older.with_more(entries.rows), entries.open, entries.closed)


def _items(keys: pa.LargeBinaryArray, groups: Int64s) -> list[bytes]:
    return items_of(keys.take(pa.array(groups)))
