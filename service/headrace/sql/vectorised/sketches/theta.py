"""Room 2: theta sketches: the smallest hashes of what was counted, and the bound below which all were kept.

Takes lists of hashes and bytes of compact theta sketches; gives such bytes, as Spark writes them: differences of sorted
hashes packed into bits (serial version 4), version 3 for none or one. Source: Apache DataSketches theta, PreambleUtil
and BitPacking; Dasgupta, Lang, Rhodes, Thaler: A framework for estimating stream expression cardinalities, 2015.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from headrace.dataclass import dataclass
from headrace.sql.vectorised.by_value import ConditionError

Longs = npt.NDArray[np.int64]

ALL = 2**63 - 1
"""The bound of a sketch that kept every hash."""
SEED_MARK = 0x93CC
"""What stands in the bytes for the default seed."""
THETA_FAMILY, TUPLE_FAMILY = 3, 9
_FAMILIES = {
    1: "ALPHA",
    2: "QUICKSELECT",
    3: "COMPACT",
    4: "UNION",
    5: "INTERSECTION",
    6: "A_NOT_B",
    7: "HLL",
    8: "QUANTILES",
    9: "TUPLE",
    10: "FREQUENCY",
    11: "RESERVOIR",
    12: "RESERVOIR_UNION",
    13: "VAROPT",
    14: "VAROPT_UNION",
    15: "KLL",
    16: "CPC",
}
_EMPTY, _READ, _SINGLE = 0x04, 0x1A, 0x20


@dataclass(frozen=True, slots=True)
class Theta:
    """Sorted hashes below a bound; `empty` says that nothing was ever counted, so that the bound means nothing."""

    bound: int
    hashes: Longs
    empty: bool

    @property
    def estimate(self) -> float:
        """About how many different values were counted."""
        return len(self.hashes) / (self.bound / 2.0**63) if self.bound < ALL else float(len(self.hashes))


NOTHING = Theta(ALL, np.empty(0, np.int64), True)


def built(hashes: Longs, most_log: int) -> bytes:
    """Return the sketch of hashes, of which at most 2 to the power of `most_log` are kept."""
    found = np.unique(hashes[hashes > 0])
    return written(trimmed(Theta(ALL, found, len(hashes) == 0), most_log))


def trimmed(sketch: Theta, most_log: int) -> Theta:
    """Return the sketch with no more hashes than asked for; the smallest one left out becomes the bound."""
    most = 1 << most_log
    if len(sketch.hashes) <= most:
        return sketch
    return Theta(int(sketch.hashes[most]), sketch.hashes[:most], False)


def union(sketches: list[bytes], most_log: int, name: str) -> bytes:
    """Return the sketch of everything that any of the sketches counted; none gives the empty sketch."""
    found = [sketch for sketch in (read(one, name) for one in sketches) if not sketch.empty]
    if not found:
        return written(NOTHING)
    bound = min(sketch.bound for sketch in found)
    hashes = np.unique(np.concatenate([sketch.hashes for sketch in found]))
    return written(trimmed(Theta(bound, hashes[hashes < bound], False), most_log))


def intersection(sketches: list[bytes], name: str) -> bytes:
    """Return the sketch of what all of the sketches counted, at least one."""
    found = [read(one, name) for one in sketches]
    if any(sketch.empty for sketch in found):
        return written(NOTHING)
    bound = min(sketch.bound for sketch in found)
    hashes = found[0].hashes
    for sketch in found[1:]:
        hashes = np.intersect1d(hashes, sketch.hashes, assume_unique=True)
    return written(settled(Theta(bound, hashes[hashes < bound], False)))


def difference(left: bytes, right: bytes, name: str) -> bytes:
    """Return the sketch of what the left one counted and the right one did not."""
    one, other = read(left, name), read(right, name)
    if one.empty or other.empty:
        return written(one)
    bound = min(one.bound, other.bound)
    hashes = np.setdiff1d(one.hashes, other.hashes, assume_unique=True)
    return written(settled(Theta(bound, hashes[hashes < bound], False)))


def settled(sketch: Theta) -> Theta:
    """Return the empty sketch for one that kept everything there was, which was nothing."""
    return NOTHING if sketch.bound == ALL and not len(sketch.hashes) else sketch


def estimate(sketch: bytes, name: str) -> int:
    """Return about how many different values were counted, halves rounded up as Java does."""
    return int(np.floor(read(sketch, name).estimate + 0.5))


def written(sketch: Theta) -> bytes:
    """Return the bytes."""
    if sketch.empty:
        return struct.pack("<BBBBBBH", 1, 3, THETA_FAMILY, 0, 0, _READ | _EMPTY, 0)
    exact, count = sketch.bound == ALL, len(sketch.hashes)
    if count == 1 and exact:
        head = struct.pack("<BBBBBBH", 1, 3, THETA_FAMILY, 0, 0, _READ | _SINGLE, SEED_MARK)
        return head + sketch.hashes.astype("<i8").tobytes()
    if count == 0:
        return struct.pack("<BBBBBBHIfq", 3, 3, THETA_FAMILY, 0, 0, _READ, SEED_MARK, 0, 1.0, sketch.bound)
    gaps = np.diff(sketch.hashes, prepend=np.int64(0))
    bits, size = int(np.bitwise_or.reduce(gaps)).bit_length(), (count.bit_length() + 7) // 8
    head = struct.pack("<BBBBBBH", 1 if exact else 2, 4, THETA_FAMILY, bits, size, _READ, SEED_MARK)
    bound = b"" if exact else struct.pack("<q", sketch.bound)
    flat = np.unpackbits(gaps.astype(">u8").view(np.uint8).reshape(count, 8), axis=1)[:, 64 - bits :]
    return head + bound + count.to_bytes(size, "little") + np.packbits(flat.reshape(-1)).tobytes()


def check_head(content: bytes, family: int, name: str, wrong: Callable[[], ConditionError]) -> None:
    """Raise what Spark does for bytes that are not of the family or not of the default seed."""
    if len(content) < 8:
        raise wrong()
    if content[2] != family:
        kind, maker = ("Theta", "theta_sketch_agg") if family == THETA_FAMILY else ("Tuple", "tuple_sketch_agg_*")
        seen = _FAMILIES.get(content[2])
        if seen is None:
            raise wrong()
        message = (
            f"Invalid call to `{name}`: expected {_FAMILIES[family]} sketch family but received {seen}. "
            f"Only valid {kind} sketch buffers are supported as inputs, such as those of {maker}."
        )
        raise ConditionError(f"{kind.upper()}_INVALID_INPUT_SKETCH_BUFFER_FAMILY", message)


def read(content: bytes, name: str) -> Theta:
    """Return the sketch that bytes hold.

    Args:
        content: A compact theta sketch, serial version 3 or 4.
        name: Of the SQL function, for messages.

    Raises:
        ConditionError: THETA_INVALID_INPUT_SKETCH_BUFFER and its kin.
    """

    def wrong() -> ConditionError:
        message = f"Invalid call to `{name}`; only valid Theta sketch buffers are supported as inputs"
        return ConditionError("THETA_INVALID_INPUT_SKETCH_BUFFER", f"{message}, such as those of theta_sketch_agg.")

    check_head(content, THETA_FAMILY, name, wrong)
    try:
        sketch = {3: _read_plain, 4: _read_packed}[content[1]](content)
    except (KeyError, ValueError, IndexError, struct.error) as error:
        raise wrong() from error
    if len(sketch.hashes) and not (sketch.hashes[0] > 0 and sketch.hashes[-1] < sketch.bound):
        raise wrong()
    return sketch


def _read_plain(content: bytes) -> Theta:
    longs, flags = content[0] & 0x3F, content[5]
    if flags & _EMPTY:
        return NOTHING
    _check_seed(content)
    count, bound, start = 1, ALL, 8
    if longs > 1:
        (count,) = struct.unpack_from("<I", content, 8)
        start = 8 * longs
    if longs > 2:
        (bound,) = struct.unpack_from("<q", content, 16)
    hashes = np.frombuffer(content, "<i8", count, start)
    return Theta(bound, np.sort(hashes).astype(np.int64), False)


def _read_packed(content: bytes) -> Theta:
    _check_seed(content)
    longs, bits, size = content[0] & 0x3F, content[3], content[4]
    bound = struct.unpack_from("<q", content, 8)[0] if longs > 1 else ALL
    start = 8 * longs
    count = int.from_bytes(content[start : start + size], "little")
    packed = np.frombuffer(content, np.uint8, (count * bits + 7) // 8, start + size)
    flat = np.unpackbits(packed)[: count * bits].reshape(count, bits)
    wide = np.zeros((count, 64), np.uint8)
    wide[:, 64 - bits :] = flat
    gaps = np.packbits(wide, axis=1).view(">u8").reshape(-1).astype(np.int64)
    return Theta(bound, np.cumsum(gaps), False)


def _check_seed(content: bytes) -> None:
    if struct.unpack_from("<H", content, 6)[0] != SEED_MARK:
        raise ValueError(content[6:8])
