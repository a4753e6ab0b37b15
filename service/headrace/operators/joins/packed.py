"""Room 7: rows of one side of a stream join, packed by key into chunks.

A key's rows stand in chunks numbered from 0. The last one is open: it grows, and is kept in the key's own entry, which
the join state reads and writes. A long chunk is closed and kept under key and number; it changes only when rows of it
match or are forgotten. So a key with few rows costs one entry, and one with many is never rewritten whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.dataclass import dataclass
from headrace_state import RowCodec, StateBatch, StateError, StateErrorKind, items_of

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MATCHED, EVICT_US = "matched", "evict_us"
"""Columns of a stored row beside its own: whether it ever matched, and the time at which it may be forgotten."""

ENTRY_PARTS = ("open", "closed", "rows")
"""Parts of an entry for each side: number of the open chunk, numbers of the closed ones, rows of the open one."""

_CHUNK_BITS = 32
_CHUNK_MASK = (1 << _CHUNK_BITS) - 1
_LEAST_ROWS = 16
_NOTHING = pa.scalar(b"", pa.large_binary())


@dataclass(frozen=True, slots=True)
class SideRows:
    """Rows of one side: `matched`, `evict_us` and the side's columns; and where each of them is kept.

    A slot is the number of the row's key among the keys at hand, and that of the chunk; see slots.
    """

    table: pa.Table
    slot: Int64s

    @property
    def group(self) -> Int64s:
        """The number of each row's key among the keys at hand."""
        return self.slot >> _CHUNK_BITS

    @property
    def chunk(self) -> Int64s:
        """The number of each row's chunk."""
        return self.slot & _CHUNK_MASK

    def take(self, places: Int64s | Bools) -> SideRows:
        """Return the rows at these places, or where a mask is True."""
        if places.dtype == np.bool_:
            places = np.flatnonzero(places)
        return SideRows(self.table.take(pa.array(places)), self.slot[places])

    def with_more(self, more: SideRows) -> SideRows:
        """Return these rows and more behind them."""
        return SideRows(pa.concat_tables([self.table, more.table]), np.concatenate([self.slot, more.slot]))


@dataclass(frozen=True, slots=True)
class SideEntries:
    """What some keys hold of one side.

    Attributes:
        rows: Rows of the open chunks, and of the closed ones that were read, in order of arrival within a key.
        open: Number of the open chunk by key; shape (keys).
        closed: Slots of all closed chunks, read or not, ascending.
    """

    rows: SideRows
    open: Int64s
    closed: Int64s


def slots(group: Int64s, chunk: Int64s) -> Int64s:
    """Return keys and chunk numbers as one number each; ordered by key, then by chunk."""
    return (group << _CHUNK_BITS) | chunk


def distinct(values: Int64s) -> Int64s:
    """Return each value once, ascending; by sorting, which is faster than numpy's hashing."""
    ordered = np.sort(values)
    is_first: Bools = np.diff(ordered, prepend=ordered[:1] - 1) != 0
    return ordered[is_first]


class PackedSide:
    """Codec of one side's rows, and reader and writer of its closed chunks."""

    def __init__(self, table: str, mark: bytes, columns: pa.Schema) -> None:
        self._table = table
        self._mark = mark
        self.schema = pa.schema([pa.field(MATCHED, pa.bool_()), pa.field(EVICT_US, pa.int64()), *columns])
        # Columns have other names when the query around the join changes; the state names them by place.
        self._row = [field.with_name(f"v{place}") for place, field in enumerate(self.schema)]
        rows = pa.list_(pa.struct(self._row))
        self._entry_types = (pa.int32(), pa.list_(pa.int32()), rows)
        self._chunks = RowCodec(pa.schema([pa.field("rows", rows)]))

    @property
    def signature(self) -> str:
        """Types of the rows."""
        return self._chunks.signature

    def entry_fields(self, prefix: str) -> list[pa.Field]:
        """Return the fields that an entry has for this side."""
        return [pa.field(prefix + name, kind) for name, kind in zip(ENTRY_PARTS, self._entry_types, strict=True)]

    def unpack(self, keys: int, found: Int64s, parts: Sequence[pa.Array]) -> SideEntries:
        """Return what entries hold, without the rows of closed chunks.

        Args:
            keys: How many keys are at hand.
            found: Which of them have an entry, ascending.
            parts: Columns of the entries that were found, as entry_fields.
        """
        number, closed, rows = parts
        opened = np.zeros(keys, np.int64)
        opened[found] = number.to_numpy(zero_copy_only=False)
        chunks = closed.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
        owner = np.repeat(found, _lengths(rows))
        table = pa.Table.from_arrays(rows.flatten().flatten(), schema=self.schema)
        closed_slots = np.sort(slots(np.repeat(found, _lengths(closed)), chunks))
        return SideEntries(SideRows(table, slots(owner, opened[owner])), opened, closed_slots)

    def pack(self, entries: SideEntries, groups: Int64s) -> list[pa.Array]:
        """Return the columns of the entries of some keys, as entry_fields; rows are those of open chunks only."""
        is_asked = np.zeros(len(entries.open), np.bool_)
        is_asked[groups] = True
        closed = entries.closed[is_asked[entries.closed >> _CHUNK_BITS]]
        numbers = pa.array((closed & _CHUNK_MASK).astype(np.int32))
        group = entries.rows.group
        rows = _by_slot(entries.rows.take(is_asked[group] & (entries.rows.slot == slots(group, entries.open[group]))))
        return [
            pa.array(entries.open[groups].astype(np.int32)),
            self._listed(numbers, _counts(closed >> _CHUNK_BITS, groups), 1),
            self._listed(self._structs(rows.table), _counts(rows.group, groups), 2),
        ]

    def read_closed(self, keys: pa.LargeBinaryArray, wanted: Int64s, state: StateBatch) -> SideRows:
        """Return the rows of closed chunks.

        Raises:
            StateError: CORRUPT when a chunk is missing.
        """
        values = [v for v in state.get_many(self._table, self._chunk_keys(keys, wanted)) if v is not None]
        if len(values) < len(wanted):
            message = f"{len(wanted) - len(values)} chunks of rows are missing in table {self._table}"
            raise StateError(StateErrorKind.CORRUPT, message)
        rows = self._chunks.decode(values).column(0)
        table = pa.Table.from_arrays(rows.flatten().flatten(), schema=self.schema)
        return SideRows(table, np.repeat(wanted, _lengths(rows)))

    def settle(
        self, keys: pa.LargeBinaryArray, after: SideEntries, changed: Int64s, state: StateBatch
    ) -> tuple[SideEntries, Bools]:
        """Close open chunks that are long, stage closed ones that changed; return what entries hold then, and which.

        Args:
            keys: The keys at hand.
            after: Rows and chunks as they are to be.
            changed: Slots whose rows are no longer what is stored, each once.
            state: Staged through.

        Returns:
            The entries, and by key whether its entry is to be written.
        """
        is_open = after.open[changed >> _CHUNK_BITS] == changed & _CHUNK_MASK
        is_due = np.zeros(len(keys), np.bool_)
        is_due[changed[is_open] >> _CHUNK_BITS] = True
        open_slots = slots(np.arange(len(keys)), after.open)
        sizes = np.bincount(after.rows.group[after.rows.slot == open_slots[after.rows.group]], minlength=len(keys))
        others = np.bincount(after.closed >> _CHUNK_BITS, minlength=len(keys))
        # The longer a key's list of chunks, the longer each of them: n rows make up about sqrt(n) chunks.
        is_long = is_due & (sizes >= np.maximum(_LEAST_ROWS, others))
        written = np.concatenate([changed[~is_open], open_slots[is_long]])
        gone = self._write_closed(keys, after.rows, written, state)
        is_due[gone >> _CHUNK_BITS] = True
        closed = after.closed
        if len(gone) or is_long.any():
            closed = np.sort(np.concatenate([np.setdiff1d(closed, gone), open_slots[is_long]]))
        return SideEntries(after.rows, after.open + is_long, closed), is_due

    def _write_closed(self, keys: pa.LargeBinaryArray, rows: SideRows, written: Int64s, state: StateBatch) -> Int64s:
        """Stage closed chunks and return the slots of those that have no rows any more."""
        if len(written) == 0:
            return written
        chosen = _by_slot(rows.take(np.isin(rows.slot, written)))
        kept = distinct(chosen.slot)
        lists = self._listed(self._structs(chosen.table), _counts(chosen.slot, kept), 2)
        values = self._chunks.encode(pa.table([lists], schema=self._chunks.schema))
        state.put_many(self._table, self._chunk_keys(keys, kept), values)
        gone = np.setdiff1d(written, kept)
        state.delete_many(self._table, self._chunk_keys(keys, gone))
        return gone

    def _chunk_keys(self, keys: pa.LargeBinaryArray, wanted: Int64s) -> list[bytes]:
        numbers = (wanted & _CHUNK_MASK).astype(">u4")
        ends = pa.Array.from_buffers(pa.binary(4), len(wanted), [None, pa.py_buffer(numbers.tobytes())])
        heads = keys.take(pa.array(wanted >> _CHUNK_BITS))
        mark = pa.scalar(self._mark, pa.large_binary())
        return items_of(pc.binary_join_element_wise(heads, mark, ends.cast(pa.large_binary()), _NOTHING))

    def _structs(self, table: pa.Table) -> pa.StructArray:
        return pa.StructArray.from_arrays([column.combine_chunks() for column in table.columns], fields=self._row)

    def _listed(self, values: pa.Array, counts: Int64s, part: int) -> pa.ListArray:
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, values, type=self._entry_types[part])


def _lengths(lists: pa.ListArray) -> Int64s:
    lengths: Int64s = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _counts(values: Int64s, among: Int64s) -> Int64s:
    """Return how often each of `among`, ascending, occurs in values, which are ascending."""
    return np.searchsorted(values, among, side="right") - np.searchsorted(values, among, side="left")


def _by_slot(rows: SideRows) -> SideRows:
    if np.all(rows.slot[1:] >= rows.slot[:-1]):
        return rows
    return rows.take(np.argsort(rows.slot, kind="stable"))
