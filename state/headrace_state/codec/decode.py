"""State room: the bytes of rows back to columns, without a Python step a row.

Takes joined rows and a layout, gives Arrow arrays. Each part of all rows is gathered in C, its bounds computed from
the lengths in the part before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from headrace_state.codec.layout import Level, Node, Shape
from headrace_state.codec.packing import Int64s, gather, lengths_of, offsets_of
from headrace_state.errors import corrupt

_MOST_OFFSET = 2**31 - 1


class Cursor:
    """How far each row has been read."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        offsets = offsets_of(lengths_of(rows))
        self._content = b"".join(rows)
        self._at, self._ends = offsets[:-1].copy(), offsets[1:]

    def take(self, lengths: Int64s) -> Any:
        """Return the next bytes of every row one behind the other.

        Raises:
            StateError: CORRUPT when a row is too short.
        """
        starts, ends = self._at, self._at + lengths
        if (ends > self._ends).any():
            message = "a row in the state is shorter than its lengths say"
            raise corrupt(message)
        self._at = ends
        is_whole = np.array_equal(starts[1:], ends[:-1]) and len(starts) and ends[-1] == len(self._content)
        return self._content if is_whole and starts[0] == 0 else gather(self._content, starts, lengths)[0]

    def finish(self) -> None:
        """Check that every row has been read to its end; StateError CORRUPT otherwise."""
        if not np.array_equal(self._at, self._ends):
            message = "a row in the state is longer than its lengths say"
            raise corrupt(message)


def decode_record(level: Level, cursor: Cursor, bounds: Int64s) -> npt.NDArray[Any]:
    """Return the records of a level; bounds as in encode_level."""
    if not level.record.itemsize:
        return np.zeros(int(bounds[-1]), dtype=level.record)
    return np.frombuffer(cursor.take(np.diff(bounds) * level.record.itemsize), dtype=level.record)


def decode_nodes(level: Level, record: npt.NDArray[Any], cursor: Cursor, bounds: Int64s) -> list[Any]:
    """Return an Arrow array for each node of a level; errors as in Cursor.take."""
    return [_decode_node(node, record, cursor, bounds) for node in level.nodes]


def _decode_node(node: Node, record: npt.NDArray[Any], cursor: Cursor, bounds: Int64s) -> Any:
    size = len(record)
    if node.shape is Shape.NULL:
        return pa.nulls(size)
    validity = _validity(record, node.bit)
    if node.shape is Shape.FIXED:
        values = _values(node, record)
        return pa.Array.from_buffers(node.type, size, [validity, pa.py_buffer(values)])
    if node.shape is Shape.STRUCT:
        children = [_decode_node(child, record, cursor, bounds) for child in node.children]
        return pa.Array.from_buffers(node.type, size, [validity], children=children)
    offsets = offsets_of(record[node.slot])
    if offsets[-1] > _MOST_OFFSET:
        message = f"{size} rows hold {offsets[-1]} bytes or elements in one column; decode fewer rows at once"
        raise OverflowError(message)
    starts = pa.py_buffer(offsets.astype(np.int32))
    if node.shape is Shape.BYTES:
        content = cursor.take(np.diff(offsets[bounds]))
        return pa.Array.from_buffers(node.type, size, [validity, starts, pa.py_buffer(content)])
    assert node.elements is not None
    inner = offsets[bounds]
    elements = decode_nodes(node.elements, decode_record(node.elements, cursor, inner), cursor, inner)
    return pa.Array.from_buffers(node.type, size, [validity, starts], children=elements)


def _validity(record: npt.NDArray[Any], bit: int) -> Any:
    bits = record[f"null{bit // 8}"]
    is_null = (bits >> (bit % 8)) & 1
    return pa.py_buffer(np.packbits(is_null == 0, bitorder="little")) if is_null.any() else None


def _values(node: Node, record: npt.NDArray[Any]) -> npt.NDArray[Any]:
    values = record[node.slot]
    if pt.is_boolean(node.type):
        return np.packbits(values, bitorder="little")
    return np.ascontiguousarray(values)
