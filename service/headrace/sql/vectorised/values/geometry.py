"""Room 2: well-known binary: read, checked, and written in one byte order; bytes behind its end are left out.

Takes and gives bytes. Source: OGC Simple Features; Spark's WkbReader (points, lines, rings, and collections of them).
"""

from __future__ import annotations

import math
import struct

from headrace.sql.vectorised.by_value import ConditionError

_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_PARTS = {4: _POINT, 5: _LINE, 6: _POLYGON}
_DIMENSIONS = {0: 2, 1: 3, 2: 3, 3: 4}


class _Reader:
    """Reads one value after the other; `order` is that of the geometry being read."""

    def __init__(self, wkb: bytes, *, sphere: bool) -> None:
        self._wkb = wkb
        self._sphere = sphere
        self.place = 0

    def take(self, form: str) -> tuple[float, ...]:
        size = struct.calcsize(form)
        if self.place + size > len(self._wkb):
            raise _wrong("it ends too early", self.place)
        found: tuple[float, ...] = struct.unpack_from(form, self._wkb, self.place)
        self.place += size
        return found

    def points(self, order: str, count: int, width: int) -> list[tuple[float, ...]]:
        found = [self.take(f"{order}{width}d") for _ in range(count)]
        for point in found:
            x, y = point[:2]
            if self._sphere and not (math.isnan(x) or (-180 <= x <= 180 and -90 <= y <= 90)):
                raise _wrong(f"the point ({x}, {y}) is not on the earth", self.place)
        return found


def _wrong(why: str, place: int) -> ConditionError:
    return ConditionError("WKB_PARSE_ERROR", f"Error parsing WKB: {why} at position {place}.")


def normalized(wkb: bytes, target: str, sphere: bool) -> bytes:
    """Return the geometry with every number in a byte order.

    Args:
        wkb: The bytes.
        target: ``NDR`` for little-endian, ``XDR`` for big-endian.
        sphere: Whether points must be longitudes and latitudes.

    Raises:
        ConditionError: WKB_PARSE_ERROR, the bytes are no geometry.
    """
    if target.upper() not in ("NDR", "XDR"):
        message = f"The endianness is NDR or XDR; seen: {target!r}."
        raise ConditionError("INVALID_PARAMETER_VALUE.ENDIANNESS", message)
    reader = _Reader(wkb, sphere=sphere)
    return _geometry(reader, "<" if target.upper() == "NDR" else ">", None)


def _geometry(reader: _Reader, out: str, wanted: int | None) -> bytes:
    (mark,) = reader.take("B")
    if mark not in (0, 1):
        raise _wrong(f"{mark} is no byte order", reader.place - 1)
    order = "<" if mark else ">"
    code = int(reader.take(f"{order}I")[0])
    kind, dimension = code % 1000, code // 1000
    if dimension not in _DIMENSIONS or not 1 <= kind <= _COLLECTION or (wanted is not None and kind != wanted):
        raise _wrong(f"{code} is no type of geometry here", reader.place - 4)
    head = struct.pack(f"{out}BI", 1 if out == "<" else 0, code)
    width = _DIMENSIONS[dimension]
    if kind == _POINT:
        return head + _coordinates(reader.points(order, 1, width), out)
    count = int(reader.take(f"{order}I")[0])
    head += struct.pack(f"{out}I", count)
    if kind == _LINE:
        points = reader.points(order, count, width)
        if count == 1:
            raise _wrong("a line has two points or more", reader.place)
        return head + _coordinates(points, out)
    if kind == _POLYGON:
        return head + b"".join(_ring(reader, order, out, width) for _ in range(count))
    return head + b"".join(_geometry(reader, out, _PARTS.get(kind)) for _ in range(count))


def _ring(reader: _Reader, order: str, out: str, width: int) -> bytes:
    count = int(reader.take(f"{order}I")[0])
    points = reader.points(order, count, width)
    if count < 4 or points[0] != points[-1]:
        raise _wrong("a ring has four points or more and ends where it began", reader.place)
    return struct.pack(f"{out}I", count) + _coordinates(points, out)


def _coordinates(points: list[tuple[float, ...]], out: str) -> bytes:
    return b"".join(struct.pack(f"{out}{len(point)}d", *point) for point in points)
