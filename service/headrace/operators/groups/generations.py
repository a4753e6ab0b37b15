"""Room 7: rows of state whose schema has grown, read beside those that were written before it did.

Takes the schema of now and those before it, oldest first; gives bytes and back. A row of the first schema is as
`RowCodec` writes it; a row of a later one has a byte in front that says which, so that rows change as they are written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from headrace.types import BIGINT, DOUBLE, FLOAT, INT, ArrayType, DataType, MapType, StructType
from headrace_state import RowCodec

MOST_GENERATIONS = 100
"""So many schemas one checkpoint can have seen."""

_LATER = 0x80  # no format version of rows is as large
_WIDER = ((INT, BIGINT), (FLOAT, DOUBLE))


def has_grown(old: DataType, new: DataType) -> bool:
    """Return True when values of the old type can be read as those of the new one, or the types are equal.

    Structs may have more fields behind those of before, INT may be BIGINT and FLOAT be DOUBLE; keys of maps stay.
    """
    match old, new:
        case StructType(), StructType():
            kept = new.fields[: len(old.fields)]
            return old.names == tuple(field.name for field in kept) and all(
                has_grown(was.type, now.type) for was, now in zip(old.fields, kept, strict=True)
            )
        case ArrayType(), ArrayType():
            return has_grown(old.element, new.element)
        case MapType(), MapType():
            return old.key == new.key and has_grown(old.value, new.value)
    return old == new or (old, new) in _WIDER


class StoredRows:
    """Encodes and decodes rows of state. Law: what was written under any of the schemas is read under the newest.

    Args:
        schema: The newest.
        older: Those before it, oldest first; columns are found by their names, and absent ones are null.
    """

    def __init__(self, schema: StructType, older: Sequence[StructType] = ()) -> None:
        self._codecs = [RowCodec(each.arrow_schema()) for each in (*older, schema)]
        self.schema: pa.Schema = self._codecs[-1].schema
        self.signature = self._codecs[-1].signature

    def encode(self, rows: pa.RecordBatch | pa.Table) -> list[bytes]:
        """Return the bytes of each row, under the newest schema."""
        encoded = self._codecs[-1].encode(rows)
        generation = len(self._codecs) - 1
        return [bytes([_LATER + generation]) + row for row in encoded] if generation else encoded

    def decode(self, rows: Sequence[bytes]) -> pa.RecordBatch:
        """Return rows under the newest schema; errors as those of RowCodec."""
        if len(self._codecs) == 1:
            return self._codecs[0].decode(rows)
        written = np.array([max(row[0] - _LATER, 0) for row in rows], np.int64)
        parts, places = [], []
        for generation in np.unique(written):
            found = np.flatnonzero(written == generation).tolist()
            decoded = self._codecs[generation].decode([rows[place][1 if generation else 0 :] for place in found])
            parts.append(_as_struct(decoded, pa.struct(list(self.schema))))
            places.append(found)
        if not parts:
            return self._codecs[-1].decode([])
        order = np.argsort(np.concatenate(places))
        return pa.RecordBatch.from_struct_array(pa.concat_arrays(parts).take(pa.array(order)))


def _as_struct(rows: pa.RecordBatch, kind: pa.DataType) -> pa.StructArray:
    return _grown(rows.to_struct_array(), kind)


def _grown(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return values of a type as those of one that it has grown to."""
    if values.type == kind:
        return values
    if pt.is_struct(kind):
        return _grown_struct(values, kind)
    if pt.is_list(kind):
        inner = _grown(values.values, kind.value_type)
        return pa.ListArray.from_arrays(values.offsets, inner, type=kind, mask=values.is_null())
    if pt.is_map(kind):
        items = _grown(values.items, kind.item_type)
        return pa.MapArray.from_arrays(values.offsets, values.keys, items, type=kind, mask=values.is_null())
    return values.cast(kind)


def _grown_struct(values: pa.StructArray, kind: pa.DataType) -> pa.StructArray:
    names = [field.name for field in values.type]
    parts = values.flatten()
    children = [
        _grown(parts[names.index(field.name)], field.type) if field.name in names else pa.nulls(len(values), field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=values.is_null())
