"""State room: lists of byte strings as one buffer and back, without a Python step an item.

Takes lists of bytes, gives a joined buffer with lengths; the shapes in which RocksDB, deltas and codecs exchange rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
"""A one-dimensional array of int64."""


def lengths_of(items: Sequence[bytes]) -> Int64s:
    """Return the length of each item in bytes."""
    return np.fromiter(map(len, items), dtype=np.int64, count=len(items))


def offsets_of(lengths: npt.NDArray[Any]) -> Int64s:
    """Return where each item starts in the joined buffer, and last where it ends; shape (items + 1)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def binary_array(buffer: Any, offsets: Int64s) -> Any:
    """Return a pa.LargeBinaryArray over a buffer without copying; offsets as in offsets_of."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(buffer)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def items_of(array: Any) -> list[bytes]:
    """Return the items of a binary array as bytes objects."""
    items: list[bytes] = array.to_numpy(zero_copy_only=False).tolist()
    return items


def split(buffer: Any, offsets: Int64s) -> list[bytes]:
    """Return the items of a joined buffer as bytes objects."""
    return items_of(binary_array(buffer, offsets))


def gather(buffer: Any, starts: Int64s, lengths: Int64s) -> tuple[Any, Int64s]:
    """Return the slices of a buffer in one buffer, with their offsets; starts ascend, slices do not overlap."""
    # Slices and the gaps between them alternate as items of one array; taking every second one copies in C.
    edges = np.empty(2 * len(starts) + 1, dtype=np.int64)
    edges[0:-1:2] = starts
    edges[1::2] = starts + lengths
    edges[-1] = edges[-2] if len(starts) else 0
    slices = binary_array(buffer, edges).take(pa.array(np.arange(0, 2 * len(starts), 2)))
    content = slices.buffers()[2]
    return (content if content is not None else b""), offsets_of(lengths)
