"""Room 2: which arguments of aggregates hold maps; their order is `functions.ordering`."""

from __future__ import annotations

from headrace.types import ArrayType, DataType, MapType, StructType


def has_map(kind: DataType) -> bool:
    """Return True when a type is a map or holds one: such values are neither ordered nor compared."""
    if isinstance(kind, StructType):
        return any(has_map(field.type) for field in kind.fields)
    return isinstance(kind, MapType) or (isinstance(kind, ArrayType) and has_map(kind.element))
