"""Room 2: Spark's murmur3 and xxhash64 of whole Arrow columns, by numpy; no loop over rows.

Takes int32, int64 and byte-string columns and a column of seeds; gives hashes. A NULL leaves the seed unchanged, so the
hash of several columns is a fold. Source: Spark Murmur3_x86_32 (hashUnsafeBytes: the tail goes byte by byte), XXH64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U32, U64 = np.uint32, np.uint64
Words = npt.NDArray[Any]

_P1, _P2, _P3, _P4, _P5 = (
    U64(0x9E3779B185EBCA87),
    U64(0xC2B2AE3D27D4EB4F),
    U64(0x165667B19E3779F9),
    U64(0x85EBCA77C2B2AE63),
    U64(0x27D4EB2F165667C5),
)


def _rotate32(x: Words, r: int) -> Words:
    return (x << U32(r)) | (x >> U32(32 - r))


def _rotate64(x: Words, r: int) -> Words:
    return (x << U64(r)) | (x >> U64(64 - r))


def _mix32(h: Words, k: Words) -> Words:
    mixed = _rotate32(k * U32(0xCC9E2D51), 15) * U32(0x1B873593)
    stirred: Words = _rotate32(h ^ mixed, 13) * U32(5) + U32(0xE6546B64)
    return stirred


def _end32(h: Words, length: Words | np.uint32) -> Words:
    h = h ^ length
    h = (h ^ (h >> U32(16))) * U32(0x85EBCA6B)
    h = (h ^ (h >> U32(13))) * U32(0xC2B2AE35)
    ended: Words = h ^ (h >> U32(16))
    return ended


def murmur3_int(values: Words, seeds: Words) -> Words:
    """Return the uint32 hash of int32 values."""
    return _end32(_mix32(seeds, values.view(U32)), U32(4))


def murmur3_long(values: Words, seeds: Words) -> Words:
    """Return the uint32 hash of int64 values, low half first."""
    bits = values.view(U64)
    low, high = bits.astype(U32), (bits >> U64(32)).astype(U32)
    return _end32(_mix32(_mix32(seeds, low), high), U32(8))


def _end64(h: Words) -> Words:
    h = (h ^ (h >> U64(33))) * _P2
    h = (h ^ (h >> U64(29))) * _P3
    ended: Words = h ^ (h >> U64(32))
    return ended


def _round64(h: Words, k: Words) -> Words:
    stirred: Words = _rotate64(h ^ (_rotate64(k * _P2, 31) * _P1), 27) * _P1 + _P4
    return stirred


def xxhash64_int(values: Words, seeds: Words) -> Words:
    """Return the uint64 hash of int32 values."""
    h = seeds + _P5 + U64(4)
    h = _rotate64(h ^ (values.view(U32).astype(U64) * _P1), 23) * _P2 + _P3
    return _end64(h)


def xxhash64_long(values: Words, seeds: Words) -> Words:
    """Return the uint64 hash of int64 values."""
    return _end64(_round64(seeds + _P5 + U64(8), values.view(U64)))


class _Bytes:
    """Byte strings as one padded buffer with starts and lengths; words are read at any offset."""

    def __init__(self, column: pa.Array) -> None:
        column = column.cast(pa.large_binary())
        buffers = column.buffers()
        offsets = np.frombuffer(buffers[1], np.int64)[column.offset : column.offset + len(column) + 1]
        content = np.frombuffer(buffers[2], np.uint8) if buffers[2] is not None else np.zeros(0, np.uint8)
        self.starts = offsets[:-1]
        self.lengths = offsets[1:] - offsets[:-1]
        self._content = np.concatenate([content, np.zeros(8, np.uint8)])

    def word(self, at: Words, kind: Any) -> Words:
        """Return the little-endian words that begin at the places."""
        width = np.dtype(kind).itemsize
        view = np.lib.stride_tricks.sliding_window_view(self._content, width)
        words: Words = np.ascontiguousarray(view[at]).view(kind).reshape(-1)
        return words

    def byte(self, at: Words) -> Words:
        """Return the unsigned bytes at the places."""
        found: Words = self._content[at]
        return found


def _rounds(h: Words, done: Words, data: _Bytes, width: int, step: Callable[[Words, Words, Words], Words]) -> None:
    """Apply a step to each string while it has `width` more bytes; one turn per word, all strings at once."""
    while True:
        todo = np.flatnonzero(data.lengths - done >= width)
        if not len(todo):
            return
        h[todo] = step(h[todo], data.starts[todo] + done[todo], todo)
        done[todo] += width


def murmur3_bytes(column: pa.Array, seeds: Words) -> Words:
    """Return the uint32 hash of byte strings."""
    data = _Bytes(column)
    h, done = seeds.copy(), np.zeros(len(seeds), np.int64)
    _rounds(h, done, data, 4, lambda part, at, _: _mix32(part, data.word(at, "<u4")))
    _rounds(h, done, data, 1, lambda part, at, _: _mix32(part, data.byte(at).view(np.int8).astype(np.int32).view(U32)))
    return _end32(h, data.lengths.astype(U32))


def xxhash64_bytes(column: pa.Array, seeds: Words) -> Words:
    """Return the uint64 hash of byte strings."""
    data = _Bytes(column)
    done = np.zeros(len(seeds), np.int64)
    h = seeds + _P5
    lanes = [seeds + _P1 + _P2, seeds + _P2, seeds.copy(), seeds - _P1]

    def stripe(part: Words, at: Words, todo: Words) -> Words:
        for i, lane in enumerate(lanes):
            lane[todo] = _rotate64(lane[todo] + data.word(at + 8 * i, "<u8") * _P2, 31) * _P1
        return part

    _rounds(h, done, data, 32, stripe)
    long = data.lengths >= 32
    merged = sum((_rotate64(lane, r) for lane, r in zip(lanes, (1, 7, 12, 18), strict=True)), np.zeros_like(h))
    for lane in lanes:
        merged = (merged ^ (_rotate64(lane * _P2, 31) * _P1)) * _P1 + _P4
    h = np.where(long, merged, h) + data.lengths.astype(U64)
    _rounds(h, done, data, 8, lambda part, at, _: _round64(part, data.word(at, "<u8")))
    _rounds(h, done, data, 4, lambda p, at, _: _rotate64(p ^ (data.word(at, "<u4").astype(U64) * _P1), 23) * _P2 + _P3)
    _rounds(h, done, data, 1, lambda p, at, _: _rotate64(p ^ (data.byte(at).astype(U64) * _P5), 11) * _P1)
    return _end64(h)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def hasher(kernel: Callable[[Any, Words], Words], kind: pa.DataType | None) -> Callable[[Any, Any], pa.Array]:
    """Return an Arrow function (values, seeds) -> hashes of a kernel; `kind` is None for byte strings."""

    def run(values: Any, seeds: Any) -> pa.Array:
        column, start = _flat(values), _flat(seeds)
        wide = pa.types.is_int64(start.type)
        seed = np.asarray(start.to_numpy(zero_copy_only=False))
        words = seed.view(U64) if wide else seed.view(U32)
        if kind is None:
            filled = column.cast(pa.large_binary()) if not pa.types.is_large_binary(column.type) else column
            hashed = kernel(filled.fill_null(b""), words)
        else:
            numbers = np.ascontiguousarray(column.cast(kind).fill_null(0).to_numpy(zero_copy_only=False))
            hashed = kernel(numbers, words)
        result = np.where(np.asarray(pc.is_null(column)), words, hashed)
        return pa.array(result.view(np.int64 if wide else np.int32))

    return run
