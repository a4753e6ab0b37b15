"""Room 2: tuple sketches: theta sketches with a number beside each hash, a DOUBLE or an INT.

Takes hashes with numbers and bytes of compact tuple sketches; gives such bytes, as Spark writes them but in order of
hashes. Source: Apache DataSketches tuple, adouble and aninteger: a number stands beside the mode it was made in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.dataclass import dataclass
from headrace.sql.vectorised.by_value import ConditionError
from headrace.sql.vectorised.sketches import theta
from headrace.sql.vectorised.sketches.theta import ALL, SEED_MARK, TUPLE_FAMILY, Longs

Numbers = npt.NDArray[Any]
_EMPTY, _READ = 0x04, 0x0A


@dataclass(frozen=True, slots=True)
class Kind:
    """What stands beside a hash: its numpy type, and what each mode starts from."""

    name: str
    number: np.dtype[Any]
    starts: Mapping[str, float]

    @property
    def entry(self) -> np.dtype[Any]:
        """One entry in the bytes."""
        return np.dtype([("hash", "<i8"), ("number", self.number.newbyteorder("<")), ("mode", "u1")])


MODES = ("sum", "min", "max", "alwaysone")
"""In the order of their marks in the bytes."""
DOUBLE = Kind("double", np.dtype(np.float64), {"sum": 0.0, "min": np.inf, "max": -np.inf, "alwaysone": 1.0})
INTEGER = Kind("integer", np.dtype(np.int32), {"sum": 0, "min": 2**31 - 1, "max": -(2**31), "alwaysone": 1})


@dataclass(frozen=True, slots=True)
class Tuple:
    """Sorted hashes below a bound, a number and the mark of a mode beside each."""

    bound: int
    hashes: Longs
    numbers: Numbers
    marks: npt.NDArray[np.uint8]
    empty: bool

    def chosen(self, keep: Any) -> Tuple:
        """Return the sketch with some entries only."""
        return replace(self, hashes=self.hashes[keep], numbers=self.numbers[keep], marks=self.marks[keep])


def _made(bound: int, hashes: Longs, numbers: Numbers, mode: str, *, empty: bool = False) -> Tuple:
    return Tuple(bound, hashes, numbers, np.full(len(hashes), MODES.index(mode), np.uint8), empty)


def _nothing(kind: Kind) -> Tuple:
    return _made(ALL, np.empty(0, np.int64), np.empty(0, kind.number), "sum", empty=True)


def _grouped(places: npt.NDArray[np.intp], numbers: Numbers, count: int, mode: str) -> Numbers:
    """One number a place, by the mode; a sum of INT is cut to 32 bits as Java cuts it."""
    if mode == "alwaysone":
        return np.ones(count, numbers.dtype)
    start = (DOUBLE if numbers.dtype == np.float64 else INTEGER).starts[mode]
    found = np.full(count, start, numbers.dtype)
    {"sum": np.add, "min": np.minimum, "max": np.maximum}[mode].at(found, places, numbers)
    return found


def built(hashes: Longs, numbers: Numbers, most_log: int, mode: str, kind: Kind) -> bytes:
    """Return the sketch of hashes and the number beside each, those of equal hashes joined by the mode."""
    found, places = np.unique(hashes, return_inverse=True)
    sketch = _made(ALL, found, _grouped(places, numbers, len(found), mode), mode, empty=not len(hashes))
    return written(_trimmed(sketch.chosen(sketch.hashes > 0), most_log), kind)


def _trimmed(sketch: Tuple, most_log: int) -> Tuple:
    most = 1 << most_log
    if len(sketch.hashes) <= most:
        return sketch
    return replace(sketch.chosen(slice(0, most)), bound=int(sketch.hashes[most]), empty=False)


def _joined(one: Tuple, other: Tuple, mode: str) -> Tuple:
    """All entries of both below the lower bound; those of both sketches joined by the mode, others as they are."""
    bound = min(one.bound, other.bound)
    hashes, first, places, counts = np.unique(
        np.concatenate([one.hashes, other.hashes]), return_index=True, return_inverse=True, return_counts=True
    )
    numbers = np.concatenate([one.numbers, other.numbers])
    both = counts == 2
    joined = np.where(both, _grouped(places, numbers, len(hashes), mode), numbers[first])
    marks = np.where(both, MODES.index(mode), np.concatenate([one.marks, other.marks])[first])
    made = Tuple(bound, hashes, joined.astype(numbers.dtype), marks.astype(np.uint8), False)
    return made.chosen(hashes < bound)


def _union(sketches: Sequence[Tuple], most_log: int, mode: str, kind: Kind) -> bytes:
    found = [sketch for sketch in sketches if not sketch.empty]
    if not found:
        return written(_nothing(kind), kind)
    whole = found[0]
    for sketch in found[1:]:
        whole = _trimmed(_joined(whole, sketch, mode), most_log)
    return written(_trimmed(whole, most_log), kind)


def union(sketches: list[bytes], most_log: int, mode: str, name: str, kind: Kind) -> bytes:
    """Return the sketch of everything that any of the sketches counted; none gives the empty sketch."""
    return _union([read(one, name, kind) for one in sketches], most_log, mode, kind)


def _intersection(sketches: Sequence[Tuple], mode: str, kind: Kind) -> bytes:
    whole = sketches[0]
    for sketch in sketches[1:]:
        if whole.empty or sketch.empty:
            return written(_nothing(kind), kind)
        common = np.intersect1d(whole.hashes, sketch.hashes, assume_unique=True)
        joined = _joined(whole, sketch, mode)
        whole = joined.chosen(np.isin(joined.hashes, common, assume_unique=True))
    return written(whole, kind)


def intersection(sketches: list[bytes], mode: str, name: str, kind: Kind) -> bytes:
    """Return the sketch of what all of the sketches counted, at least one."""
    return _intersection([read(one, name, kind) for one in sketches], mode, kind)


def difference(left: bytes, right: bytes, name: str, kind: Kind) -> bytes:
    """Return the entries of the left sketch whose hashes the right one, a tuple sketch, has not."""
    return _difference(read(left, name, kind), read(right, name, kind), kind)


def difference_theta(left: bytes, right: bytes, name: str, kind: Kind) -> bytes:
    """Return the entries of the left sketch whose hashes the right one, a theta sketch, has not."""
    return _difference(read(left, name, kind), _plain(right, "sum", name, kind), kind)


def _difference(one: Tuple, other: Tuple, kind: Kind) -> bytes:
    if one.empty or other.empty:
        return written(one, kind)
    bound = min(one.bound, other.bound)
    keep = ~np.isin(one.hashes, other.hashes, assume_unique=True) & (one.hashes < bound)
    left = replace(one.chosen(keep), bound=bound)
    return written(_nothing(kind) if bound == ALL and not len(left.hashes) else left, kind)


def union_theta(left: bytes, right: bytes, most_log: int, mode: str, name: str, kind: Kind) -> bytes:
    """Return the union with a theta sketch, whose hashes stand beside what the mode starts from."""
    return _union([read(left, name, kind), _plain(right, mode, name, kind)], most_log, mode, kind)


def intersection_theta(left: bytes, right: bytes, mode: str, name: str, kind: Kind) -> bytes:
    """Return the intersection with a theta sketch, whose hashes stand beside what the mode starts from."""
    return _intersection([read(left, name, kind), _plain(right, mode, name, kind)], mode, kind)


def _plain(content: bytes, mode: str, name: str, kind: Kind) -> Tuple:
    found = theta.read(content, name)
    numbers = np.full(len(found.hashes), kind.starts[mode], kind.number)
    return _made(found.bound, found.hashes, numbers, mode, empty=found.empty)


def estimate(sketch: bytes, name: str, kind: Kind) -> float:
    """Return about how many different keys were counted."""
    found = read(sketch, name, kind)
    return theta.Theta(found.bound, found.hashes, found.empty).estimate


def share(sketch: bytes, name: str, kind: Kind) -> float:
    """Return the bound as a share of all hashes, 1.0 when all were kept."""
    bound = read(sketch, name, kind).bound
    return 1.0 if bound == ALL else bound / 2.0**63


def summary(sketch: bytes, mode: str, name: str, kind: Kind) -> float | int:
    """Return the numbers of all entries joined by the mode, 0 for none; a sum of INT is a BIGINT."""
    numbers = read(sketch, name, kind).numbers
    if mode == "alwaysone" or not len(numbers):
        return float(len(numbers)) if kind is DOUBLE else len(numbers)
    if mode == "sum":
        total = numbers.sum(dtype=np.float64 if kind is DOUBLE else np.int64)
        return float(total) if kind is DOUBLE else int(total)
    found = numbers.min() if mode == "min" else numbers.max()
    return float(found) if kind is DOUBLE else int(found)


def written(sketch: Tuple, kind: Kind) -> bytes:
    """Return the bytes."""
    if sketch.empty:
        return struct.pack("<BBBBBBH", 1, 3, TUPLE_FAMILY, 1, 0, _READ | _EMPTY, SEED_MARK)
    count, exact = len(sketch.hashes), sketch.bound == ALL
    longs = 3 if not exact else 1 if count == 1 else 2
    head = struct.pack("<BBBBBBH", longs, 3, TUPLE_FAMILY, 1, 0, _READ, SEED_MARK)
    if longs > 1:
        head += struct.pack("<II", count, 0)
    if longs > 2:
        head += struct.pack("<q", sketch.bound)
    entries = np.empty(count, kind.entry)
    entries["hash"], entries["number"], entries["mode"] = sketch.hashes, sketch.numbers, sketch.marks
    return head + entries.tobytes()


def _wrong(name: str) -> Callable[[], ConditionError]:
    message = f"Invalid call to `{name}`; only valid Tuple sketch buffers are supported as inputs"
    return lambda: ConditionError(
        "TUPLE_INVALID_INPUT_SKETCH_BUFFER", f"{message}, such as those of the tuple_sketch_agg_* functions."
    )


def read(content: bytes, name: str, kind: Kind) -> Tuple:
    """Return the sketch that bytes hold.

    Args:
        content: A compact tuple sketch, serial version 3.
        name: Of the SQL function, for messages.
        kind: What stands beside the hashes.

    Raises:
        ConditionError: TUPLE_INVALID_INPUT_SKETCH_BUFFER and its kin.
    """
    wrong = _wrong(name)
    theta.check_head(content, TUPLE_FAMILY, name, wrong)
    longs, version, sort, flags = content[0], content[1], content[3], content[5]
    if version != 3 or sort != 1 or struct.unpack_from("<H", content, 6)[0] != SEED_MARK:
        raise wrong()
    if flags & _EMPTY:
        return _nothing(kind)
    try:
        count = struct.unpack_from("<I", content, 8)[0] if longs > 1 else 1
        bound = struct.unpack_from("<q", content, 16)[0] if longs > 2 else ALL
        entries = np.frombuffer(content, kind.entry, count, 8 * longs)
    except (ValueError, struct.error) as error:
        raise wrong() from error
    entries = entries[np.argsort(entries["hash"], kind="stable")]
    hashes = entries["hash"].astype(np.int64)
    if len(hashes) and (not 0 < hashes[0] <= hashes[-1] < bound or entries["mode"].max() >= len(MODES)):
        raise wrong()
    return Tuple(bound, hashes, entries["number"].astype(kind.number), entries["mode"].copy(), False)
