"""State room: columns to the bytes of rows, without a Python step a row.

Takes Arrow arrays and a layout, gives for each part of a row one buffer with the rows' bounds in it; joining the parts
row by row happens in C. Knows nothing of keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from headrace_state.codec.layout import Level, Node, Shape, entries_type, level_of
from headrace_state.codec.packing import Int64s, binary_array, items_of, offsets_of

_NOTHING = pa.scalar(b"", pa.large_binary())


@dataclass(slots=True)
class Parts:
    """Buffers that make up rows, in order, each with where every row starts in it.

    Attributes:
        is_canonical: Equal values give equal bytes, as Spark's grouping compares them.
        buffers: (bytes, bounds of shape rows + 1).
    """

    is_canonical: bool
    buffers: list[tuple[Any, Int64s]] = field(default_factory=list)

    def to_array(self) -> Any:
        """Return the rows as one pa.LargeBinaryArray."""
        arrays = [binary_array(content, bounds) for content, bounds in self.buffers]
        return arrays[0] if len(arrays) == 1 else pc.binary_join_element_wise(*arrays, _NOTHING)

    def to_rows(self) -> list[bytes]:
        """Return one bytes object a row."""
        return items_of(self.to_array())


def encode_level(level: Level, columns: list[Any], bounds: Int64s, parts: Parts) -> npt.NDArray[Any]:
    """Add the parts of a level and return its record array, whose head fields the caller may still fill.

    Args:
        level: The layout.
        columns: An Arrow array a node, of equal length.
        bounds: Where the values of each row start, shape (rows + 1).
        parts: Receives the buffers.
    """
    record = np.zeros(int(bounds[-1]), dtype=level.record)
    if level.record.itemsize:
        parts.buffers.append((record.view("u1") if len(record) else b"", bounds * level.record.itemsize))
    for node, column in zip(level.nodes, columns, strict=True):
        _encode_node(node, column, record, bounds, parts)
    return record


def null_mask(column: Any) -> npt.NDArray[np.bool_]:
    """Return True where a value is null."""
    mask: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def fixed_values(column: Any, dtype: Any) -> npt.NDArray[Any]:
    """Return the values of a fixed-width column, 0 where null; 16-byte types have shape (rows, 2)."""
    if pt.is_boolean(column.type):
        column = column.cast(pa.uint8())
    base, shape = (dtype.base, dtype.shape) if isinstance(dtype, np.dtype) else (np.dtype(dtype), ())
    content = column.buffers()[1]
    if content is None:
        return np.zeros((len(column), *shape), dtype=base)
    values = np.frombuffer(content, dtype=base).reshape(-1, *shape)[column.offset : column.offset + len(column)]
    if column.null_count:
        values = values.copy()
        values[null_mask(column)] = 0
    return values


def _encode_node(node: Node, column: Any, record: npt.NDArray[Any], bounds: Int64s, parts: Parts) -> None:
    if node.shape is Shape.NULL:
        return
    if column.null_count:
        record[f"null{node.bit // 8}"] |= null_mask(column).astype("u1") << (node.bit % 8)
    if node.shape is Shape.FIXED:
        values = fixed_values(column, record.dtype[node.slot])
        is_float = parts.is_canonical and values.dtype.kind == "f"
        record[node.slot] = _canonical_floats(values) if is_float else values
    elif node.shape is Shape.BYTES:
        record[node.slot] = _encode_bytes(column, bounds, parts)
    elif node.shape is Shape.STRUCT:
        for child, values in zip(node.children, column.flatten(), strict=True):
            _encode_node(child, values, record, bounds, parts)
    else:
        record[node.slot] = _encode_list(node, column, bounds, parts)


def _canonical_floats(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # Every NaN becomes the one quiet NaN, -0.0 becomes 0.0 (Spark's NormalizeFloatingNumbers).
    plain = values.copy()
    plain[np.isnan(plain)] = np.nan
    plain[plain == 0] = 0
    return plain


def _encode_bytes(column: Any, bounds: Int64s, parts: Parts) -> Int64s:
    plain = column.cast(pa.large_binary())
    if plain.null_count:
        plain = pc.fill_null(plain, b"")
    _, starts, content = plain.buffers()
    if starts is None:
        offsets = np.zeros(len(plain) + 1, dtype=np.int64)
    else:
        offsets = np.frombuffer(starts, dtype=np.int64)[plain.offset : plain.offset + len(plain) + 1]
    parts.buffers.append((content if content is not None else b"", offsets[bounds]))
    return np.diff(offsets)


def _encode_list(node: Node, column: Any, bounds: Int64s, parts: Parts) -> Int64s:
    assert node.elements is not None
    lists = _as_list(column)
    lengths = fixed_values(pc.list_value_length(lists), "<i4").astype(np.int64)
    elements = lists.flatten()
    if parts.is_canonical and pt.is_map(column.type):
        elements = _sorted_entries(elements, lengths)
    encode_level(node.elements, [elements], offsets_of(lengths)[bounds], parts)
    return lengths


def _as_list(column: Any) -> Any:
    if not pt.is_map(column.type):
        return column
    kind = entries_type(column.type)
    entries = pa.StructArray.from_arrays([column.keys, column.items], fields=[kind.field(0), kind.field(1)])
    buffers = column.buffers()[:2]
    return pa.Array.from_buffers(pa.list_(kind), len(column), buffers, offset=column.offset, children=[entries])


def _sorted_entries(entries: Any, lengths: Int64s) -> Any:
    keys = entries.field("key")
    parts = Parts(is_canonical=True)
    encode_level(level_of([keys.type]), [keys], np.arange(len(keys) + 1, dtype=np.int64), parts)
    owners = pa.array(np.repeat(np.arange(len(lengths)), lengths))
    table = pa.table({"owner": owners, "key": pa.array(parts.to_rows(), pa.large_binary())})
    return entries.take(pc.sort_indices(table, [("owner", "ascending"), ("key", "ascending")]))
