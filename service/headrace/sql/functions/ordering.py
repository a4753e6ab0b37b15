"""Room 2: which values have an order, and what that order is inside DuckDB.

Takes the text of a value and its type; gives the text of a key that DuckDB compares as Spark compares the value: DuckDB
puts NULL inside a nested value last, Spark first.
"""

from __future__ import annotations

from headrace.duck import each, quote_text
from headrace.sql.functions.signature import mismatch
from headrace.types import CALENDAR_INTERVAL, VARIANT, ArrayType, DataType, MapType, StructType


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
    return isinstance(kind, MapType) or kind in (VARIANT, CALENDAR_INTERVAL)


def is_nested(kind: DataType) -> bool:
    """Return True for types whose values DuckDB and Spark compare differently."""
    return isinstance(kind, ArrayType | StructType)


def order_key(sql: str, kind: DataType) -> str:
    """Return the text of a key by which values of the type are in Spark's order; NULL where the value is NULL."""
    if isinstance(kind, StructType):
        parts = []
        for place, field in enumerate(kind.fields):
            value = f"struct_extract({sql}, {quote_text(field.name)})"
            parts.append(f"h{place} := {value} IS NOT NULL, v{place} := {order_key(value, field.type)}")
        return f"(CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"
    if isinstance(kind, ArrayType):
        element = kind.element
        return each(sql, lambda x: f"struct_pack(h := {x} IS NOT NULL, v := {order_key(x, element)})")
    return sql
