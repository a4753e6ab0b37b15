"""Room 7: what one side of a stream join remembers.

Takes the side's new rows; keeps each under its join key and a number, and, where rows can be forgotten, an index by
the time at which they are. A probe reads only the keys of the batch, an eviction only the times that have passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.incremental.steps import JoinSide
from headrace.operators.statements import conform, inner_schema
from headrace_state import KeyCodec, RowCodec, StateBatch

_UNMATCHED, _MATCHED = b"\x00", b"\x01"
_NUMBER_BYTES = 12
_TIME_BYTES = 9
_TIME = pa.schema([pa.field("time", pa.int64())])


@dataclass(frozen=True, slots=True)
class SideRows:
    """Rows of one side, new ones first: columns, join key bytes, time of eviction in µs or null.

    `stored` are state key and value of the rows behind the new ones.
    """

    rows: pa.Table
    keys: list[bytes]
    times: pa.ChunkedArray
    stored: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))

    @property
    def new(self) -> int:
        """How many rows are new."""
        return len(self.keys) - len(self.stored[0])

    def with_stored(self, older: SideRows) -> SideRows:
        """Return these new rows and the stored ones behind them."""
        rows = pa.concat_tables([self.rows, older.rows])
        return SideRows(rows, [*self.keys, *older.keys], self.times, older.stored)

    def relation(self, prefix: str, groups: Mapping[bytes, int]) -> pa.Table:
        """Return the rows with their place, whether they are new, and the number of their key; -1 for an unknown key.

        A key is unknown when the other side has no row of it.
        """
        count = len(self.keys)
        extra = {
            f"{prefix}place": pa.array(np.arange(count)),
            f"{prefix}new": pa.array(np.arange(count) < self.new),
            f"{prefix}group": pa.array([groups.get(key, -1) for key in self.keys], pa.int64()),
        }
        names = [*self.rows.column_names, *extra]
        return pa.Table.from_arrays([*self.rows.columns, *extra.values()], names=names)


class JoinSideState:
    """Reads and stages the rows of one side."""

    def __init__(self, table: str, side: JoinSide) -> None:
        self._table = table
        self._index = f"{table}.times"
        self._side = side
        self._schema = inner_schema(side.columns)
        keys = pa.schema([pa.field(f"k{i}", kind.arrow()) for i, kind in enumerate(side.keys)])
        marks = [("passes", pa.bool_()), ("late_us", pa.int64()), ("evict_us", pa.int64())]
        self._given = pa.schema([*self._schema, *keys, *(pa.field(name, kind) for name, kind in marks)])
        self._keys = KeyCodec(keys)
        self._rows = RowCodec(self._schema)
        self._times = KeyCodec(_TIME, 0)

    @property
    def signature(self) -> dict[str, object]:
        """Types of keys and rows, and whether rows are found by time."""
        evicts = self._side.evict_offset_us is not None
        return {"keys": self._keys.signature, "rows": self._rows.signature, "evicts": evicts}

    def admit(self, given: pa.Table, late_us: int) -> tuple[SideRows, pa.Table, int]:
        """Return the rows that may match, those on time that fail this side's own conditions, and how many were late.

        Args:
            given: The side's stretch: its columns, keys and marks.
            late_us: Rows at or before this watermark are late.
        """
        table = conform(given, self._given)
        on_time = table.filter(pc.fill_null(pc.greater(table.column("late_us"), late_us), True))
        late = len(table) - len(on_time)
        passes = pc.fill_null(on_time.column("passes"), False)
        kept, failed = on_time.filter(passes), on_time.filter(pc.invert(passes))
        keys = [_prefix(key) for key in self._keys.encode(kept.select(self._keys.schema.names))]
        names = self._schema.names
        return SideRows(kept.select(names), keys, kept.column("evict_us")), failed.select(names), late

    def stored(self, keys: Sequence[bytes], state: StateBatch) -> SideRows:
        """Return the stored rows of the keys; before anything is staged, since scans over staged rows are slow."""
        found: list[bytes] = []
        values: list[bytes] = []
        for key in dict.fromkeys(keys):
            for some_keys, some_values in state.scan(self._table, key, _behind(key)):
                found += some_keys
                values += some_values
        rows = self._decoded(values)
        times = pa.chunked_array([], pa.int64())
        return SideRows(rows, [key[:-_NUMBER_BYTES] for key in found], times, (found, values))

    def store(
        self, side: SideRows, matched: npt.NDArray[np.int64], state: StateBatch, *, forget_matched: bool
    ) -> tuple[int, int]:
        """Stage new rows and new matches; return how many rows were put and how many taken away.

        Args:
            side: New and stored rows.
            matched: Places of the rows that matched in this batch, repeated or not.
            state: Staged through.
            forget_matched: Matched rows leave the state, or never enter it.
        """
        flags = np.zeros(len(side.keys), np.bool_)
        flags[matched] = True
        taken = self._mark_stored(side, flags[side.new :], state, forget=forget_matched)
        kept = np.flatnonzero(~flags[: side.new]) if forget_matched else np.arange(side.new)
        rows = self._rows.encode(side.rows.slice(0, side.new).take(pa.array(kept)))
        prefixes = [side.keys[place] for place in kept]
        batch = state.batch.to_bytes(8, "big")
        keys = [
            prefix + batch + place.to_bytes(4, "big") for place, prefix in zip(kept.tolist(), prefixes, strict=True)
        ]
        marks = [_MATCHED if flag else _UNMATCHED for flag in flags[kept]]
        state.put_many(self._table, keys, [mark + row for mark, row in zip(marks, rows, strict=True)])
        if self._side.evict_offset_us is not None and keys:
            times = self._times.encode(pa.table([side.times.take(pa.array(kept))], schema=_TIME))
            places = [time[:_TIME_BYTES] + key for time, key in zip(times, keys, strict=True)]
            state.put_many(self._index, places, [b""] * len(places))
        return len(keys), taken

    def _mark_stored(self, side: SideRows, flags: npt.NDArray[np.bool_], state: StateBatch, *, forget: bool) -> int:
        keys, values = side.stored
        places = np.flatnonzero(flags).tolist()
        if forget:
            state.delete_many(self._table, [keys[place] for place in places])
            return len(places)
        changed = [place for place in places if values[place][:1] == _UNMATCHED]
        state.put_many(self._table, [keys[p] for p in changed], [_MATCHED + values[p][1:] for p in changed])
        return 0

    def evict(self, watermark_us: int, state: StateBatch, *, unmatched: bool) -> tuple[pa.Table, int]:
        """Forget the rows that nothing can match any more; return the unmatched of them if asked, and how many went.

        Args:
            watermark_us: The eviction watermark at this join.
            state: Staged through.
            unmatched: Whether rows that never matched are given.
        """
        if self._side.evict_offset_us is None:
            return self._schema.empty_table(), 0
        places: list[bytes] = []
        for some, _ in state.scan(self._index, *self._times.upto(watermark_us + self._side.evict_offset_us)):
            places += some
        keys = [place[_TIME_BYTES:] for place in places]
        values = [value for value in state.get_many(self._table, keys) if value is not None] if keys else []
        state.delete_many(self._index, places)
        state.delete_many(self._table, keys)
        alone = [value for value in values if value[:1] == _UNMATCHED] if unmatched else []
        return self._decoded(alone), len(values)

    def _decoded(self, values: Sequence[bytes]) -> pa.Table:
        if not values:
            return self._schema.empty_table()
        return pa.Table.from_batches([self._rows.decode([value[1:] for value in values])])


def _prefix(key: bytes) -> bytes:
    return len(key).to_bytes(4, "big") + key


def _behind(prefix: bytes) -> bytes:
    """Return the first bytes behind everything that starts with the prefix, which is never all 0xff."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1])
