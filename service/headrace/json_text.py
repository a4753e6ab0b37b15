"""Ground floor: DuckDB text that reads and writes JSON as Spark's from_json and to_json do.

Takes DuckDB expressions and Spark types, gives DuckDB expressions; invalid JSON never fails a statement.
"""

from __future__ import annotations

from headrace.types import DataType


def from_json_sql(text_sql: str, schema: DataType, time_zone: str) -> str:
    """Return a DuckDB expression of the type `schema` that reads a VARCHAR expression as Spark's from_json does."""
    raise NotImplementedError(text_sql, schema, time_zone)


def malformed_json_sql(text_sql: str, schema: DataType) -> str:
    """Return a BOOLEAN expression that is true where a text is not NULL and does not fit the schema."""
    raise NotImplementedError(text_sql, schema)


def to_json_sql(value_sql: str, kind: DataType, time_zone: str) -> str:
    """Return a VARCHAR expression with the JSON that Spark's to_json writes for a value of the type."""
    raise NotImplementedError(value_sql, kind, time_zone)
