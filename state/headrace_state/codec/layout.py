"""State room: where each value of a row stands in its bytes.

Takes Arrow types, gives a tree of levels. A row is the record of the top level (version, null bits, fixed-width values,
lengths), then for each string its bytes and for each list the records of its elements, each in the order of the
columns; elements are a level of their own, so nesting of any depth is the same shape again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

FORMAT_VERSION = 1
"""First byte of a row; the only one that is read or written."""

_WIDE = ("<u8", (2,))
_FIXED: tuple[tuple[Callable[[Any], bool], Any], ...] = (
    (pt.is_boolean, "u1"),
    (pt.is_int8, "<i1"),
    (pt.is_int16, "<i2"),
    (pt.is_int32, "<i4"),
    (pt.is_int64, "<i8"),
    (pt.is_float32, "<f4"),
    (pt.is_float64, "<f8"),
    (pt.is_date32, "<i4"),
    (pt.is_timestamp, "<i8"),
    (pt.is_time64, "<i8"),
    (pt.is_duration, "<i8"),
    (pt.is_decimal128, _WIDE),
    (lambda kind: kind == pa.month_day_nano_interval(), _WIDE),
)


class Shape(Enum):
    """How the values of a node are laid out."""

    FIXED = "fixed"
    BYTES = "bytes"
    LIST = "list"
    STRUCT = "struct"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a level: its null bit and slot in the record, and what it holds.

    Attributes:
        type: Arrow type.
        shape: How it is laid out.
        bit: Number of its null bit in the record; 1 means null.
        slot: Record field of its value or length; "" when it has none.
        children: Fields of a struct.
        elements: Level of a list's elements, or of a map's entries.
    """

    type: Any
    shape: Shape
    bit: int
    slot: str
    children: tuple[Node, ...] = ()
    elements: Level | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """Values that occur equally often: the columns of a row, or the parts of a list's elements."""

    nodes: tuple[Node, ...]
    record: np.dtype[Any]


def level_of(types: Sequence[Any], head: Sequence[tuple[str, Any]] = ()) -> Level:
    """Return the layout of columns of these types.

    Args:
        types: Arrow types in order.
        head: Record fields that stand before all others, as numpy writes them.

    Raises:
        TypeError: A type that states cannot hold.
    """
    slots: list[tuple[Any, ...]] = []
    bits = [0]
    nodes = tuple(_node(kind, slots, bits) for kind in types)
    nulls = [(f"null{byte}", "u1") for byte in range((bits[0] + 7) // 8)]
    return Level(nodes, np.dtype([*head, *nulls, *slots]))


def type_text(kind: Any) -> str:
    """Return a name of an Arrow type that stays the same across Arrow versions."""
    if is_list_like(kind):
        name = "map" if pt.is_map(kind) else "list"
        return f"{name}<{', '.join(type_text(child.type) for child in _children(kind))}>"
    if pt.is_struct(kind):
        return f"struct<{', '.join(f'{child.name}: {type_text(child.type)}' for child in _children(kind))}>"
    if pt.is_timestamp(kind):
        return "timestamp_us_utc" if kind.tz else "timestamp_us"
    if pt.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return str(kind)


def is_list_like(kind: Any) -> bool:
    """Return True for lists and maps."""
    return bool(pt.is_list(kind) or pt.is_map(kind))


def entries_type(kind: Any) -> Any:
    """Return the type of a list's elements; of a map's, the struct of key and value."""
    if pt.is_map(kind):
        return pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])
    return kind.value_type


def _children(kind: Any) -> list[Any]:
    if pt.is_map(kind):
        return [kind.key_field, kind.item_field]
    return [kind.field(place) for place in range(kind.num_fields)]


def _node(kind: Any, slots: list[tuple[Any, ...]], bits: list[int]) -> Node:
    if pt.is_null(kind):
        return Node(kind, Shape.NULL, -1, "")
    bit = bits[0]
    bits[0] += 1
    if pt.is_struct(kind):
        children = tuple(_node(child.type, slots, bits) for child in _children(kind))
        return Node(kind, Shape.STRUCT, bit, "", children)
    slot = f"value{len(slots)}"
    fixed = next((dtype for is_kind, dtype in _FIXED if is_kind(kind)), None)
    if fixed is not None:
        if (pt.is_timestamp(kind) or pt.is_duration(kind) or pt.is_time64(kind)) and kind.unit != "us":
            message = f"state holds times in microseconds, not {kind}"
            raise TypeError(message)
        slots.append((slot, *fixed) if isinstance(fixed, tuple) else (slot, fixed))
        return Node(kind, Shape.FIXED, bit, slot)
    slots.append((slot, "<u4"))
    if pt.is_string(kind) or pt.is_binary(kind):
        return Node(kind, Shape.BYTES, bit, slot)
    if is_list_like(kind):
        return Node(kind, Shape.LIST, bit, slot, elements=level_of([entries_type(kind)]))
    message = f"state cannot hold values of type {kind}"
    raise TypeError(message)
