"""Room 7: an index of what can be forgotten by time: pieces of times with keys and chunk numbers, sorted by time.

Takes the times of new rows, gives the keys whose time has passed, each time once. Reads only pieces that begin before
the asked time; a piece is short, so at most its rest is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.operators.joins.packed import Int64s
from headrace_state import KeyCodec, RowCodec, StateBatch

_PIECE_ROWS = 64
_KEYS = pa.schema([pa.field("time_us", pa.int64()), pa.field("batch", pa.int64()), pa.field("piece", pa.int64())])
_VALUES = pa.schema(
    [
        pa.field("times_us", pa.list_(pa.int64())),
        pa.field("chunks", pa.list_(pa.int32())),
        pa.field("keys", pa.list_(pa.binary())),
    ]
)


class ExpiryIndex:
    """Entries of one table: (first time, batch, piece) -> times ascending, with a key and a chunk number each."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._keys = KeyCodec(_KEYS, 0)
        self._values = RowCodec(_VALUES)

    def add(self, times_us: Int64s, keys: pa.LargeBinaryArray, chunks: Int64s, state: StateBatch) -> None:
        """Stage the times of new rows; once a batch.

        Args:
            times_us: When each row may be forgotten.
            keys: A binary array of their keys.
            chunks: Numbers of their chunks.
            state: Staged through.
        """
        if len(times_us) == 0:
            return
        order = np.argsort(times_us, kind="stable")
        starts = np.arange(0, len(order), _PIECE_ROWS)
        batch = np.full(len(starts), state.batch)
        columns = (times_us[order], chunks[order], keys.take(pa.array(order)))
        self._put(columns, np.append(starts, len(order)), (batch, np.arange(len(starts))), state)

    def take_past(self, until_us: int | None, state: StateBatch) -> tuple[pa.LargeBinaryArray, Int64s]:
        """Remove all times up to and including one, None for none; return their keys and chunks, which may repeat."""
        places: list[bytes] = []
        values: list[bytes] = []
        for some_places, some_values in self._begun(until_us, state):
            places += some_places
            values += some_values
        if until_us is None or not places:
            return pa.array([], pa.large_binary()), np.zeros(0, np.int64)
        lists = self._values.decode(values).columns
        times, chunks, keys = (column.flatten() for column in lists)
        times = times.to_numpy(zero_copy_only=False)
        chunks = chunks.to_numpy(zero_copy_only=False).astype(np.int64)
        is_past = times <= until_us
        state.delete_many(self._table, places)
        if not is_past.all():
            offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(lists[0]).to_numpy(zero_copy_only=False))])
            # How many stay before each place; the times of a piece ascend, so what stays of it is its end.
            staying = np.concatenate([[0], np.cumsum(~is_past)])[offsets]
            has_rest = np.diff(staying) > 0
            rest = (times[~is_past], chunks[~is_past], keys.filter(pa.array(~is_past)))
            names = self._keys.decode(places)
            batch, piece = (names.column(name).to_numpy()[has_rest] for name in ("batch", "piece"))
            self._put(rest, np.append(staying[:-1][has_rest], staying[-1]), (batch, piece), state)
        return keys.filter(pa.array(is_past)).cast(pa.large_binary()), chunks[is_past]

    def everything(self, state: StateBatch) -> tuple[pa.BinaryArray, pa.Int64Array]:
        """Return all keys, and the time at which each may be forgotten; Arrow arrays of equal length."""
        values = [value for _, some in state.scan(self._table, None, None) for value in some]
        times, _, keys = self._values.decode(values).columns
        return keys.flatten(), times.flatten()

    def _begun(self, until_us: int | None, state: StateBatch) -> Iterator[tuple[list[bytes], list[bytes]]]:
        return iter(()) if until_us is None else state.scan(self._table, *self._keys.upto(until_us))

    def _put(
        self, columns: tuple[Int64s, Int64s, pa.Array], bounds: Int64s, names: tuple[Int64s, Int64s], state: StateBatch
    ) -> None:
        times, chunks, keys = columns
        parts = (pa.array(times), pa.array(chunks.astype(np.int32)), keys.cast(pa.binary()))
        offsets = pa.array(bounds.astype(np.int32))
        lists = [
            pa.ListArray.from_arrays(offsets, part, type=field.type) for part, field in zip(parts, _VALUES, strict=True)
        ]
        places = self._keys.encode(pa.table([times[bounds[:-1]], *names], schema=_KEYS))
        state.put_many(self._table, places, self._values.encode(pa.table(lists, schema=_VALUES)))
