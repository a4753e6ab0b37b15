"""Room 2: sketches of frequent items, as approx_top_k_accumulate keeps them.

Takes lists of items and bytes of sketches; gives bytes as Spark writes them, the number of NULLs behind. The hash map
is the library's, place by place, since its order decides between items of equal counts. Source: Misra and Gries, 1982;
Anderson et al., A High-Performance Algorithm for Identifying Frequent Items in Data Streams, 2017; Apache DataSketches
frequencies (ItemsSketch, ReversePurgeItemHashMap), Spark ApproxTopKAggregates.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence

from headrace.sql.vectorised.by_value import ConditionError

Item = int | str
_MASK = 2**64 - 1
_START_LOG = 3
_GOLDEN = 0.6180339887498949025
_SAMPLES = 1024
_FAMILY = 10
_EMPTY = 5
_EMPTY_BYTES = 16
_MOST_LOG = 26
_MARKS = {"short": b"\x03", "int": b"\x09", "long": b"", "text": b""}
_WIDTHS = {"short": "<h", "int": "<i", "long": "<q"}


def _slot(item: Item, kind: str) -> int:
    """Java's hashCode, mixed."""
    if isinstance(item, str):
        code = 0
        units = item.encode("utf-16-le")
        for (unit,) in struct.iter_unpack("<H", units):
            code = (code * 31 + unit) & 0xFFFFFFFF
    else:
        code = (item ^ (item >> 32)) & 0xFFFFFFFF if kind == "long" else item & 0xFFFFFFFF
    x = (code - 2**32 if code >= 2**31 else code) & _MASK
    x = ((x ^ (x >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    x = ((x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    return x ^ (x >> 33)


def most_log(tracked: int) -> int:
    """Return the logarithm of the places for so many items: three of four places are filled."""
    return max(_START_LOG, (-(-tracked * 4 // 3) - 1).bit_length())


class Frequent:
    """A hash map of linear probing with counts; when it is full a middling count is taken from all."""

    def __init__(self, log: int, kind: str, current_log: int = _START_LOG) -> None:
        self.log, self.kind, self.current_log = log, kind, min(current_log, log)
        self.total = self.offset = self.nulls = 0
        self._clear()

    def _clear(self) -> None:
        size = 1 << self.current_log
        self._items: list[Item | None] = [None] * size
        self._counts = [0] * size
        self._drifts = [0] * size
        self.active = 0

    def add(self, item: Item, count: int) -> None:
        """Count an item."""
        self.total += count
        self._put(item, count)
        if self.active > len(self._items) * 3 // 4:
            if self.current_log < self.log:
                old = [(self._known(place), self._counts[place]) for place, drift in enumerate(self._drifts) if drift]
                self.current_log += 1
                self._clear()
                for known, number in old:
                    self._put(known, number)
            else:
                self._purge()

    def _put(self, item: Item, count: int) -> None:
        mask = len(self._items) - 1
        place, drift = _slot(item, self.kind) & mask, 1
        while self._drifts[place] and self._items[place] != item:
            place, drift = (place + 1) & mask, drift + 1
        if self._drifts[place]:
            self._counts[place] += count
        else:
            self._items[place], self._counts[place], self._drifts[place] = item, count, drift
            self.active += 1

    def _purge(self) -> None:
        wanted = min(_SAMPLES, self.active)
        samples = [n for n, d in zip(self._counts, self._drifts, strict=True) if d][:wanted]
        middle = sorted(samples)[wanted // 2]
        self._counts = [n - middle for n in self._counts]
        first = len(self._drifts) - 1
        while self._drifts[first]:
            first -= 1
        for place in (*range(first - 1, -1, -1), *range(len(self._drifts) - 1, first - 1, -1)):
            if self._drifts[place] and self._counts[place] <= 0:
                self._delete(place)
                self.active -= 1
        self.offset += middle

    def _delete(self, place: int) -> None:
        mask = len(self._items) - 1
        self._drifts[place] = 0
        drift, probe = 1, (place + 1) & mask
        while self._drifts[probe]:
            if self._drifts[probe] > drift:
                self._items[place], self._counts[place] = self._items[probe], self._counts[probe]
                self._drifts[place] = self._drifts[probe] - drift
                self._drifts[probe] = 0
                drift, place = 0, probe
            probe, drift = (probe + 1) & mask, drift + 1

    def walk(self) -> Iterator[tuple[Item, int]]:
        """Give items and counts in the library's order of iteration."""
        size = len(self._items)
        stride = int(size * _GOLDEN) | 1
        for step in range(size):
            place = (step * stride) & (size - 1)
            if self._drifts[place]:
                yield self._known(place), self._counts[place]

    def _known(self, place: int) -> Item:
        item = self._items[place]
        assert item is not None
        return item

    def merge(self, other: Frequent) -> None:
        """Count what another sketch counted."""
        self.nulls += other.nulls
        if not other.active:
            return
        total = self.total + other.total
        self.offset += other.offset
        for item, count in other.walk():
            self.add(item, count)
        self.total = total

    def written(self) -> bytes:
        """Return the bytes, the number of NULLs behind."""
        nulls = struct.pack(">q", self.nulls)
        if not self.active:
            return struct.pack("<BBBBBBH", 1, 1, _FAMILY, self.log, _START_LOG, _EMPTY, 0) + nulls
        used = [place for place, drift in enumerate(self._drifts) if drift]
        numbers = (self.log, self.current_log, 0, 0, self.active, 0, self.total, self.offset)
        head = struct.pack("<BBBBBBHIIqq", 4, 1, _FAMILY, *numbers)
        counts = struct.pack(f"<{len(used)}q", *(self._counts[place] for place in used))
        return head + counts + b"".join(self._item_bytes(self._known(place)) for place in used) + nulls

    def _item_bytes(self, item: Item) -> bytes:
        if isinstance(item, str):
            content = item.encode()
            return struct.pack("<i", len(content)) + content
        return _MARKS[self.kind] + struct.pack(_WIDTHS[self.kind], item)


def built(items: Sequence[Item], nulls: int, tracked: int, kind: str) -> bytes:
    """Return the sketch of items in order; counts come first where that gives the same map, which it does unpurged."""
    sketch = Frequent(most_log(tracked), kind)
    counts = Counter(items)
    if len(counts) <= (1 << sketch.log) * 3 // 4:
        for item, count in counts.items():
            sketch.add(item, count)
    else:
        for item in items:
            sketch.add(item, 1)
    sketch.nulls = nulls
    return sketch.written()


def union(sketches: Sequence[bytes], tracked: int, kind: str) -> bytes:
    """Return the sketch of what all sketches counted, for so many items."""
    whole = Frequent(most_log(tracked), kind)
    for content in sketches:
        whole.merge(read(content, kind))
    return whole.written()


def frequent(content: bytes, most: int, kind: str) -> list[dict[str, Item | int | None]]:
    """Return the most frequent items that are surely so, NULL behind items of its count."""
    sketch = read(content, kind)
    found: list[tuple[Item | None, int]] = [
        (item, count + sketch.offset) for item, count in sketch.walk() if count >= sketch.offset
    ]
    if sketch.nulls >= max(sketch.offset, 1):
        found.append((None, sketch.nulls))
    found.sort(key=lambda pair: -pair[1])
    return [{"item": item, "count": count} for item, count in found[:most]]


def read(content: bytes, kind: str) -> Frequent:
    """Return the sketch that bytes hold.

    Raises:
        ConditionError: APPROX_TOP_K_SKETCH_INVALID, they hold none.
    """
    try:
        return _read(content, kind)
    except (ValueError, IndexError, struct.error) as error:
        message = "Only valid states are supported as inputs, such as those of approx_top_k_accumulate."
        raise ConditionError("APPROX_TOP_K_SKETCH_INVALID", message) from error


def _read(content: bytes, kind: str) -> Frequent:
    _, version, family, log, current = struct.unpack_from("<BBBBB", content)
    if version != 1 or family != _FAMILY or not _START_LOG <= current <= max(log, _START_LOG) <= _MOST_LOG:
        raise ValueError(family)
    sketch = Frequent(log, kind, current)
    (nulls,) = struct.unpack(">q", content[-8:])
    if content[5] & _EMPTY == _EMPTY:
        if len(content) != _EMPTY_BYTES:
            raise ValueError(len(content))
        sketch.nulls = nulls
        return sketch
    active, _, total, offset = struct.unpack_from("<IIqq", content, 8)
    counts = struct.unpack_from(f"<{active}q", content, 32)
    place = 32 + 8 * active
    for count in counts:
        item, place = _item(content, place, kind)
        sketch.add(item, count)
    if place != len(content) - 8:
        raise ValueError(place)
    sketch.total, sketch.offset, sketch.nulls = total, offset, nulls
    return sketch


def _item(content: bytes, place: int, kind: str) -> tuple[Item, int]:
    if kind == "text":
        (length,) = struct.unpack_from("<i", content, place)
        end = place + 4 + length
        if length < 0 or end > len(content):
            raise ValueError(length)
        return content[place + 4 : end].decode(), end
    mark, width = _MARKS[kind], _WIDTHS[kind]
    if content[place : place + len(mark)] != mark:
        raise ValueError(place)
    place += len(mark)
    return struct.unpack_from(width, content, place)[0], place + struct.calcsize(width)
