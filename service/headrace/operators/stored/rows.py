"""Room 7: stored bytes to the rows that SQL sees.

Takes a description and a store that nobody changes; gives one Arrow table with the description's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.incremental.steps import JoinSide, JoinStreams
from headrace.operators.groups.generations import StoredRows
from headrace.operators.joins.entries import JoinState
from headrace.operators.joins.expiry import ExpiryIndex
from headrace.operators.stored.description import Layout, StoredState
from headrace.plan.expressions import Column
from headrace.plan.nodes import JoinType
from headrace.types import BIGINT, BOOLEAN, ArrayType, Field, StructType
from headrace_state import KeyCodec, RowCodec, StateBatch

_NO_TIMEOUT = -1
"""What Spark keeps for a group without a timeout."""

Columns = list[pa.Array]
"""Arrow arrays of equal length: the key struct, then the columns behind it."""


def stored_rows(stored: StoredState, state: StateBatch) -> pa.Table:
    """Return the rows of a description, in the order of their keys' bytes.

    Args:
        stored: What to read.
        state: A view of the state; nothing is staged in it.

    Raises:
        StateError: CORRUPT or INCOMPATIBLE.
    """
    schema = stored.schema.arrow_schema()
    tables = [
        pa.Table.from_arrays([*columns, _partitions(len(columns[0]))], schema=schema)
        for columns in _READERS[stored.layout](stored, state)
    ]
    return pa.concat_tables([schema.empty_table(), *tables])


def _partitions(rows: int) -> pa.Array:
    return pa.array(np.zeros(rows, np.int32))


def _chunks(stored: StoredState, state: StateBatch) -> Iterator[tuple[list[bytes], list[bytes]]]:
    return state.scan(stored.step, None, None)


def _codec(kind: StructType) -> RowCodec:
    return RowCodec(kind.arrow_schema())


def _structs(kind: StructType, columns: Columns, rows: int) -> pa.StructArray:
    """Return columns as structs of a type; a struct without fields has the NULL that stands for it."""
    if not kind.fields:
        return pa.StructArray.from_arrays([pa.nulls(rows)], names=["__dummy__"])
    return pa.StructArray.from_arrays(columns, fields=list(kind.arrow_schema()))


def _keys(stored: StoredState, keys: list[bytes]) -> pa.StructArray:
    decoded = KeyCodec(stored.keys.arrow_schema(), stored.order).decode(keys)
    return _structs(stored.keys, decoded.columns, len(keys))


def _rows(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    codec = _codec(stored.values)
    for keys, values in _chunks(stored, state):
        yield [_keys(stored, keys), _structs(stored.values, codec.decode(values).columns, len(values))]


def _only_keys(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, _ in _chunks(stored, state):
        yield [_keys(stored, keys), _structs(stored.values, [], len(keys))]


def _expiring(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    keys, times = ExpiryIndex(stored.tables[0]).everything(state)
    yield [_keys(stored, keys.to_pylist()), _structs(stored.values, [times], len(times))]


def _count(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, values in _chunks(stored, state):
        counts = pa.array([int.from_bytes(value, "big") for value in values], pa.int64())
        yield [_structs(stored.keys, [pa.nulls(len(keys))], len(keys)), _structs(stored.values, [counts], len(counts))]


def _join_side(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    is_left = stored.name == "left"
    own, other = (_side(kind, stored.keys, start) for kind, start in ((stored.values, 0), (stored.other, 1 << 20)))
    sides = (own, other) if is_left else (other, own)
    entries = JoinState(JoinStreams(stored.step, (), *sides, JoinType.INNER, ""))
    for keys in entries.keys(state):
        rows = entries.read(keys, state)[0 if is_left else 1].rows
        of_row = keys.take(pa.array(rows.group)).to_pylist()
        columns = [column.combine_chunks() for column in rows.table.columns[2:]]
        yield [_keys(stored, of_row), _structs(stored.values, columns, len(of_row))]


def _side(columns: StructType, keys: StructType, first: int) -> JoinSide:
    numbered = tuple(Column(field.type, first + place, field.name) for place, field in enumerate(columns.fields))
    return JoinSide("", numbered, tuple(field.type for field in keys.fields), None)


def _function(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    fields = [Field(f"v{place}", field.type) for place, field in enumerate(stored.values.fields)]
    codec = StoredRows(StructType((*fields, Field("exists", BOOLEAN), Field("timeout", BIGINT))), stored.older)
    for keys, values in _chunks(stored, state):
        *columns, exists, timeouts = codec.decode(values).columns
        groups = pa.StructArray.from_arrays(columns, fields=list(stored.values.arrow_schema()), mask=pc.invert(exists))
        kind = stored.schema.fields[1].type.arrow()
        parts = [groups, pc.fill_null(timeouts, _NO_TIMEOUT)]
        yield [_keys(stored, keys), pa.StructArray.from_arrays(parts, fields=list(kind))]


def _variables(stored: StoredState, state: StateBatch) -> Iterator[tuple[pa.StructArray, pa.Array]]:
    """Give the keys of a processor and what they hold of one variable."""
    codec = StoredRows(StructType((*stored.values.fields, Field("timers", ArrayType(BIGINT)))), stored.older)
    place = len(stored.values.fields) if stored.layout is Layout.TIMERS else stored.values.names.index(stored.name)
    for keys, values in _chunks(stored, state):
        yield _keys(stored, keys), codec.decode(values).column(place)


def _value(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, held in _variables(stored, state):
        known = held.is_valid()
        yield [keys.filter(known), _living(stored, held.filter(known))]


def _list(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, held in _variables(stored, state):
        yield [keys.take(pc.list_parent_indices(held)), _living(stored, held.flatten())]


def _map(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, held in _variables(stored, state):
        entries = held.flatten()
        inner = _named(pc.struct_field(entries, "key"), stored.shown[1])
        yield [keys.take(pc.list_parent_indices(held)), inner, _living(stored, entries)]


def _timers(stored: StoredState, state: StateBatch) -> Iterator[Columns]:
    for keys, held in _variables(stored, state):
        yield [keys.take(pc.list_parent_indices(held)), held.flatten()]


def _living(stored: StoredState, living: pa.StructArray) -> pa.Array:
    """Return stored elements under the names of their fields, with their expiry where the variable has one."""
    values = _named(pc.struct_field(living, "value"), stored.shown[0])
    if not stored.expires:
        return values
    return pa.StructArray.from_arrays([values, pc.struct_field(living, "expires")], names=["value", "ttlExpirationMs"])


def _named(structs: pa.StructArray, kind: StructType) -> pa.StructArray:
    return _structs(kind, structs.flatten(), len(structs))


_READERS: Mapping[Layout, Callable[[StoredState, StateBatch], Iterator[Columns]]] = {
    Layout.ROWS: _rows,
    Layout.KEYS: _only_keys,
    Layout.EXPIRING: _expiring,
    Layout.COUNT: _count,
    Layout.JOIN: _join_side,
    Layout.FUNCTION: _function,
    Layout.VALUE: _value,
    Layout.LIST: _list,
    Layout.MAP: _map,
    Layout.TIMERS: _timers,
}
