"""Room 2: the hash of Apache DataSketches, 63 bits of MurmurHash3 x64 128 of its default seed, by numpy.

Takes whole Arrow columns; gives hashes as BIGINT, NULL for NULL and for what a sketch does not count: empty texts,
bytes and arrays. Source: MurmurHash3 by Appleby; Apache DataSketches hashes numbers as their 8 bytes, low first.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = np.uint64
Words = npt.NDArray[np.uint64]

_SEED = U64(9001)
_C1, _C2 = U64(0x87C37B91114253D5), U64(0x4CF5AD432745937F)
_BLOCK_BYTES = 16


def _rotated(x: Words, bits: int) -> Words:
    return (x << U64(bits)) | (x >> U64(64 - bits))


def _mixed(k: Words, first: np.uint64, bits: int, second: np.uint64) -> Words:
    return _rotated(k * first, bits) * second


def _finished(x: Words) -> Words:
    x = (x ^ (x >> U64(33))) * U64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> U64(33))) * U64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> U64(33))


def hashed(words: Words, length: int) -> npt.NDArray[np.int64]:
    """Return the hashes of byte strings of one length.

    Args:
        words: A row a string, its bytes as little-endian words, zeros behind, an even number of words.
        length: Bytes of each string.
    """
    h1 = np.full(len(words), _SEED)
    h2 = h1.copy()
    whole, rest = divmod(length, _BLOCK_BYTES)
    for i in range(whole):
        h1 = h1 ^ _mixed(words[:, 2 * i], _C1, 31, _C2)
        h1 = (_rotated(h1, 27) + h2) * U64(5) + U64(0x52DCE729)
        h2 = h2 ^ _mixed(words[:, 2 * i + 1], _C2, 33, _C1)
        h2 = (_rotated(h2, 31) + h1) * U64(5) + U64(0x38495AB5)
    if rest > 8:
        h2 = h2 ^ _mixed(words[:, 2 * whole + 1], _C2, 33, _C1)
    if rest > 0:
        h1 = h1 ^ _mixed(words[:, 2 * whole], _C1, 31, _C2)
    h1, h2 = h1 ^ U64(length), h2 ^ U64(length)
    h1 = h1 + h2
    h2 = h2 + h1
    h1, h2 = _finished(h1), _finished(h2)
    return ((h1 + h2) >> U64(1)).view(np.int64)


def _column(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _of_words(words: npt.NDArray[Any], absent: npt.NDArray[np.bool_]) -> pa.Array:
    pairs = np.zeros((len(words), 2), U64)
    pairs[:, 0] = words.view(U64)
    return pa.array(hashed(pairs, 8), pa.int64(), mask=absent)


def hash_longs(values: Any) -> pa.Array:
    """Return the hash of each BIGINT."""
    column = _column(values)
    words = np.ascontiguousarray(column.fill_null(0).to_numpy(zero_copy_only=False))
    return _of_words(words, np.asarray(column.is_null()))


def hash_doubles(values: Any) -> pa.Array:
    """Return the hash of each DOUBLE, -0.0 as 0.0 and every NaN the same."""
    column = _column(values)
    numbers = np.array(column.fill_null(0).to_numpy(zero_copy_only=False), np.float64)
    numbers[numbers == 0] = 0
    numbers[np.isnan(numbers)] = np.nan
    return _of_words(numbers, np.asarray(column.is_null()))


def hash_bytes(values: Any) -> pa.Array:
    """Return the hash of each BLOB, NULL for an empty one."""
    return _of_strings(_column(values).to_pylist())


def hash_int_lists(values: Any) -> pa.Array:
    """Return the hash of each list of INT, NULL for an empty one; a NULL in it counts as 0."""
    return _of_strings([_packed(one, "<i4") for one in _column(values).to_pylist()])


def hash_long_lists(values: Any) -> pa.Array:
    """Return the hash of each list of BIGINT, NULL for an empty one; a NULL in it counts as 0."""
    return _of_strings([_packed(one, "<i8") for one in _column(values).to_pylist()])


def _packed(numbers: list[int | None] | None, kind: str) -> bytes | None:
    return None if numbers is None else np.array([number or 0 for number in numbers], kind).tobytes()


def _of_strings(strings: list[bytes | None]) -> pa.Array:
    places: dict[int, list[int]] = defaultdict(list)
    for place, string in enumerate(strings):
        if string:
            places[len(string)].append(place)
    found = np.zeros(len(strings), np.int64)
    absent = np.ones(len(strings), bool)
    for length, chosen in places.items():
        padding = bytes(-length % _BLOCK_BYTES)
        content = b"".join(part for place in chosen for part in (strings[place] or b"", padding))
        words = np.frombuffer(content, "<u8").reshape(len(chosen), -1)
        found[chosen] = hashed(words, length)
        absent[chosen] = False
    return pa.array(found, pa.int64(), mask=absent)
