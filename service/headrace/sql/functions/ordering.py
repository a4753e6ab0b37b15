"""Room 2: which values have an order, and may be compared, sorted or told apart."""

from __future__ import annotations

from headrace.sql.functions.signature import mismatch
from headrace.types import VARIANT, ArrayType, DataType, MapType, StructType


def orderable(kind: DataType, name: str) -> DataType:
    """Return the type of an argument that a function compares or puts in order.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_ORDERING_TYPE, it is a map or a variant or holds one.
    """
    if _is_unordered(kind):
        raise mismatch(f'{name} needs an order, which "{kind.sql()}" has not.', condition="INVALID_ORDERING_TYPE")
    return kind


def _is_unordered(kind: DataType) -> bool:
    if isinstance(kind, StructType):
        return any(_is_unordered(field.type) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return _is_unordered(kind.element)
    return isinstance(kind, MapType) or kind == VARIANT
