"""Room 2: Spark's order of values inside DuckDB.

Takes the text of a value and its type; gives the text of a key that DuckDB compares as Spark compares the value. DuckDB
puts NULL inside a nested value last, Spark first.
"""

from __future__ import annotations

from headrace.duck import each, quote_text
from headrace.types import ArrayType, DataType, MapType, StructType


def has_map(kind: DataType) -> bool:
    """Return True when a type is a map or holds one: such values are neither ordered nor compared."""
    if isinstance(kind, StructType):
        return any(has_map(field.type) for field in kind.fields)
    return isinstance(kind, MapType) or (isinstance(kind, ArrayType) and has_map(kind.element))


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
