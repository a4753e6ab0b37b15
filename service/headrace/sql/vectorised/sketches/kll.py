"""Room 2: KLL sketches: quantiles of BIGINT, FLOAT or DOUBLE within a known error.

Takes lists of numbers and bytes of compact sketches; gives such bytes as Spark writes them. A level that is too full is
sorted and every other item goes up with twice the weight; which ones is drawn from the items themselves, so that the
same rows give the same sketch. Source: Karnin, Lang, Liberty: Optimal quantile approximation in streams, 2016; Apache
DataSketches kll (preamble, capacities, sorted view).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.dataclass import dataclass
from headrace.sql.vectorised.by_value import ConditionError

Items = npt.NDArray[Any]

DEFAULT_K = 200
KS = (8, 65535)
_M = 8
_FAMILY = 15
_EMPTY, _SORTED, _SINGLE = 0x01, 0x02, 0x04
_ODD = 0x9E3779B97F4A7C15
KINDS: dict[str, np.dtype[Any]] = {"bigint": np.dtype("<i8"), "float": np.dtype("<f4"), "double": np.dtype("<f8")}
"""What a sketch holds, as names of functions end."""
_TITLES = {"bigint": "Longs", "float": "Floats", "double": "Doubles"}


@dataclass(frozen=True, slots=True)
class Kll:
    """A sketch: an item of level n stands for 2**n values. Level 0 has the newest first, the others are sorted."""

    k: int
    smallest_k: int
    count: int
    levels: tuple[Items, ...]
    least: Any
    most: Any
    kind: np.dtype[Any]

    @property
    def kept(self) -> int:
        """How many items there are."""
        return sum(len(level) for level in self.levels)


def _nothing(k: int, kind: np.dtype[Any]) -> Kll:
    return Kll(k, k, 0, (np.empty(0, kind),), None, None, kind)


def nothing(k: int, kind: str) -> bytes:
    """Return the sketch of no numbers."""
    return written(_nothing(k, KINDS[kind]))


def built(values: Items, k: int, kind: str) -> bytes:
    """Return the sketch of numbers; NaN is not counted."""
    return written(_with(_nothing(k, KINDS[kind]), values.astype(KINDS[kind])))


def _with(sketch: Kll, values: Items) -> Kll:
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    if not len(values):
        return sketch
    zero = np.concatenate([values[::-1], sketch.levels[0]])
    return _compressed(_bounded(sketch, values, len(values), (zero, *sketch.levels[1:])))


def _bounded(sketch: Kll, values: Any, count: int, levels: tuple[Items, ...]) -> Kll:
    ends = [end for end in (sketch.least, sketch.most) if end is not None]
    low, high = min([*ends, np.min(values)]), max([*ends, np.max(values)])
    return replace(sketch, count=sketch.count + count, levels=levels, least=low, most=high)


def _merged(one: Kll, other: Kll) -> Kll:
    """The sketch of the values of both, of the first one's k."""
    if not other.count:
        return one
    height = max(len(one.levels), len(other.levels))
    levels = []
    for level in range(height):
        parts = [s.levels[level] if level < len(s.levels) else np.empty(0, one.kind) for s in (one, other)]
        levels.append(np.concatenate([parts[1][::-1], parts[0]]) if level == 0 else np.sort(np.concatenate(parts)))
    whole = _bounded(one, np.array([other.least, other.most]), other.count, tuple(levels))
    if len(other.levels) > 1:
        whole = replace(whole, smallest_k=min(one.smallest_k, other.smallest_k))
    return _compressed(whole)


def _capacity(k: int, height: int, level: int) -> int:
    depth = height - level - 1
    share: int = (2 * k << depth) // 3**depth
    return max(_M, (share + 1) >> 1)


def _room(k: int, height: int) -> int:
    return sum(_capacity(k, height, level) for level in range(height))


def _compressed(sketch: Kll) -> Kll:
    """From the lowest level up: one that is too full in a sketch that is too full gives half of its items up."""
    levels, kept, level = list(sketch.levels), sketch.kept, 0
    room = _room(sketch.k, len(levels))
    if kept <= room:
        return sketch
    while level < len(levels):
        items = levels[level]
        if kept >= room and len(items) >= _capacity(sketch.k, len(levels), level):
            if level == len(levels) - 1:
                levels.append(np.empty(0, sketch.kind))
                room = _room(sketch.k, len(levels))
            odd = len(items) % 2
            rest = np.sort(items[odd:])
            levels[level] = items[:odd]
            levels[level + 1] = np.sort(np.concatenate([rest[_coin(rest, level) :: 2], levels[level + 1]]))
            kept -= len(rest) // 2
        level += 1
    return replace(sketch, levels=tuple(levels))


def _coin(items: Items, level: int) -> int:
    """0 or 1, from the bits of the items."""
    bits = items.astype(np.float64).view(np.uint64) if items.dtype.kind == "f" else items.view(np.uint64)
    total = (int(np.bitwise_xor.reduce(bits)) + int(bits.sum()) + level) * _ODD
    return (total >> 40) & 1


def union(sketches: Sequence[bytes], k: int, name: str, kind: str) -> bytes:
    """Return the sketch of the values of all sketches.

    Args:
        sketches: Bytes of sketches, at least one unless k is given.
        k: Of the result, 0 for that of the first sketch.
        name: Of the SQL function, for messages.
        kind: What the sketches hold.
    """
    found = [read(one, name, kind) for one in sketches]
    whole = _nothing(k, KINDS[kind]) if k else found[0]
    for sketch in found if k else found[1:]:
        whole = _merged(whole, sketch)
    return written(whole)


def count(content: bytes, name: str, kind: str) -> int:
    """Return how many values were counted."""
    return read(content, name, kind).count


def _view(content: bytes, name: str, kind: str) -> tuple[Kll, Items, npt.NDArray[np.int64]]:
    """The items in order and the weight up to each, with the least and the most among them as Spark's view has them."""
    sketch = read(content, name, kind)
    if not sketch.count:
        raise _wrong(name)
    items = np.concatenate(sketch.levels)
    weights = np.concatenate([np.full(len(one), 2**level, np.int64) for level, one in enumerate(sketch.levels)])
    order = np.argsort(items, kind="stable")
    items, sums = items[order], np.cumsum(weights[order])
    if items[0] != sketch.least:
        items, sums = np.insert(items, 0, sketch.least), np.insert(sums, 0, 1)
    if items[-1] != sketch.most:
        items, sums = np.append(items, sketch.kind.type(sketch.most)), np.append(sums, sums[-1])
        sums[-2] = sums[-1] - 1
    return sketch, items, sums


def quantiles(content: bytes, ranks: Items, name: str, kind: str) -> list[Any]:
    """Return for each share of all values the value up to which about that share lies.

    Raises:
        ConditionError: KLL_SKETCH_INVALID_QUANTILE_RANGE or KLL_INVALID_INPUT_SKETCH_BUFFER.
    """
    sketch, items, sums = _view(content, name, kind)
    found = []
    for rank in ranks.tolist():
        if not 0.0 <= rank <= 1.0:
            message = f"For function `{name}`, the quantile value must be between 0.0 and 1.0 (inclusive)."
            raise ConditionError("KLL_SKETCH_INVALID_QUANTILE_RANGE", message)
        place = rank * sketch.count
        if sketch.count <= 1_000_000:
            place = math.floor(place * 1e6 + 0.5) / 1e6
        found.append(items[min(int(np.searchsorted(sums, math.ceil(place))), len(items) - 1)].item())
    return found


def ranks(content: bytes, values: Items, name: str, kind: str) -> list[float]:
    """Return for each value about which share of all values is not above it."""
    sketch, items, sums = _view(content, name, kind)
    places = np.searchsorted(items, values.astype(sketch.kind), side="right")
    return [float(sums[place - 1]) / sketch.count if place else 0.0 for place in places.tolist()]


def written(sketch: Kll) -> bytes:
    """Return the bytes."""
    k = sketch.k
    if sketch.count == 0:
        return struct.pack("<BBBBHBB", 2, 1, _FAMILY, _EMPTY, k, _M, 0)
    if sketch.count == 1:
        return struct.pack("<BBBBHBB", 2, 2, _FAMILY, _SINGLE, k, _M, 0) + sketch.levels[0].tobytes()
    height = len(sketch.levels)
    head = struct.pack("<BBBBHBBQHBB", 5, 1, _FAMILY, 0, k, _M, 0, sketch.count, sketch.smallest_k, height, 0)
    free = _room(k, height) - sketch.kept
    starts = free + np.cumsum([0, *(len(level) for level in sketch.levels[:-1])])
    ends = np.array([sketch.least, sketch.most], sketch.kind)
    return b"".join(
        [head, starts.astype("<u4").tobytes(), ends.tobytes(), *(level.tobytes() for level in sketch.levels)]
    )


def _wrong(name: str) -> ConditionError:
    message = f"Invalid call to `{name}`; only valid KLL sketch buffers are supported as inputs"
    return ConditionError(
        "KLL_INVALID_INPUT_SKETCH_BUFFER", f"{message}, such as those of the kll_sketch_agg functions."
    )


def read(content: bytes, name: str, kind: str) -> Kll:
    """Return the sketch that bytes hold.

    Args:
        content: A compact KLL sketch.
        name: Of the SQL function, for messages.
        kind: What the sketch holds; the bytes do not tell.

    Raises:
        ConditionError: KLL_INVALID_INPUT_SKETCH_BUFFER.
    """
    try:
        longs, version, family, flags, k, m = struct.unpack_from("<BBBBHB", content)
        if family != _FAMILY or m != _M or k < KS[0] or (longs, version) not in ((2, 1), (2, 2), (5, 1)):
            raise ValueError(longs)
        if longs == 5:
            return _read_full(content, k, KINDS[kind])
        if version == 1:
            if not flags & _EMPTY:
                raise ValueError(flags)
            return _nothing(k, KINDS[kind])
        item = np.frombuffer(content, KINDS[kind], 1, 8)
        return Kll(k, k, 1, (item,), item[0], item[0], KINDS[kind])
    except (ValueError, struct.error) as error:
        raise _wrong(name) from error


def _read_full(content: bytes, k: int, kind: np.dtype[Any]) -> Kll:
    counted, smallest_k, height = struct.unpack_from("<QHB", content, 8)
    starts = np.frombuffer(content, "<u4", height, 20).astype(np.int64)
    room = _room(k, height)
    sizes = np.diff([*starts, room])
    if height == 0 or starts[0] > room or (sizes < 0).any():
        raise ValueError(height)
    at = 20 + 4 * height
    items = np.frombuffer(content, kind, 2 + int(sizes.sum()), at)
    levels = np.split(items[2:], np.cumsum(sizes)[:-1])
    if counted != sum(len(level) << place for place, level in enumerate(levels)):
        raise ValueError(counted)
    return Kll(k, smallest_k, counted, tuple(levels), items[0], items[1], kind)


def end(content: bytes, most: bool, name: str, kind: str) -> Any:
    """Return the least or the most value, None when there are none."""
    sketch = read(content, name, kind)
    value = sketch.most if most else sketch.least
    return None if value is None else value.item()


def described(content: bytes, name: str, kind: str) -> str:
    """Return what Spark tells of a sketch, all lines but those of its least and most value."""
    sketch = read(content, name, kind)
    height, k, small = len(sketch.levels), sketch.k, sketch.smallest_k
    room, width = _room(k, height), sketch.kind.itemsize
    compact = {0: 8, 1: 8 + width}.get(sketch.count, 20 + 4 * height + (sketch.kept + 2) * width)
    rows: list[tuple[str, Any]] = [
        ("K", k),
        ("Dynamic min K", small),
        ("M", _M),
        ("N", sketch.count),
        ("Epsilon", f"{2.296 / small**0.9723:.3%}"),
        ("Epsilon PMF", f"{2.446 / small**0.9433:.3%}"),
        ("Empty", str(sketch.count == 0).lower()),
        ("Estimation Mode", str(height > 1).lower()),
        ("Levels", height),
        ("Level 0 Sorted", "false"),
        ("Capacity Items", room),
        ("Retained Items", sketch.kept),
        ("Free Space", room - sketch.kept),
        ("ReadOnly", "false"),
        ("Updatable Storage Bytes", 20 + 4 * (height + 1) + (room + 2) * width),
        ("Compact Storage Bytes", compact),
    ]
    title = f"\n### KllKll{_TITLES[kind]}Sketch Summary:\n"
    return title + "".join(f"   {label:<23}: {value}\n" for label, value in rows)
