"""Room 2: Spark's hashes of typed values, as DuckDB texts that call the Arrow functions of `hashing`.

Takes typed DuckDB texts; gives DuckDB text. Source: Spark HashExpression, Murmur3Hash, XxHash64.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    StructType,
)

_SEED = 42
"""Where every hash starts (Spark HashExpression)."""

_INTS = (BOOLEAN, TINYINT, SMALLINT, INT, DATE, YEAR_MONTH_INTERVAL, FLOAT)
_LONGS = (BIGINT, TIMESTAMP, TIMESTAMP_NTZ, DAY_TIME_INTERVAL, DOUBLE)


def is_hashable(kind: DataType) -> bool:
    """Return True for types whose Spark hash is done here."""
    if isinstance(kind, StructType):
        return all(is_hashable(field.type) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return is_hashable(kind.element)
    if isinstance(kind, DecimalType):
        return kind.precision <= 18
    return kind in (*_INTS, *_LONGS, STRING, BINARY, NULL)


def hash_sql(algorithm: str, values: Sequence[tuple[str, DataType]], seed: str = "") -> str:
    """Return the text of Spark's hash of values, one after the other.

    Args:
        algorithm: ``murmur3`` (INT) or ``xxhash64`` (BIGINT).
        values: DuckDB texts and their types, each of which `is_hashable`.
        seed: Text of the hash so far; Spark's own start when empty.
    """
    result = seed or f"CAST({_SEED} AS {'INTEGER' if algorithm == 'murmur3' else 'BIGINT'})"
    for sql, kind in values:
        result = _folded(algorithm, sql, kind, result)
    return result


def _folded(algorithm: str, sql: str, kind: DataType, seed: str) -> str:
    if kind == NULL:
        return seed
    if isinstance(kind, ArrayType):
        depth = kind.sql().count("ARRAY<")
        item = _folded(algorithm, f"hash_x{depth}", kind.element, f"hash_h{depth}")
        return f"coalesce(list_reduce({sql}, lambda hash_h{depth}, hash_x{depth}: {item}, {seed}), {seed})"
    if isinstance(kind, StructType):
        parts = [(f"struct_extract({sql}, {quote_text(f.name)})", f.type) for f in kind.fields]
        return hash_sql(algorithm, parts, seed)
    width, word = _word(sql, kind)
    return f"headrace_{algorithm}_{width}({word}, {seed})"


def _word(sql: str, kind: DataType) -> tuple[str, str]:
    """The value as the 4 or 8 bytes, or the bytes, that Spark hashes."""
    if kind in (STRING, BINARY):
        return "bytes", sql if kind == BINARY else f"encode({sql})"
    if isinstance(kind, DecimalType):
        return "long", f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS BIGINT)"
    if kind in (TIMESTAMP, TIMESTAMP_NTZ):
        return "long", f"epoch_us({sql})"
    if kind == DATE:
        return "int", f"CAST({sql} - DATE '1970-01-01' AS INTEGER)"
    if kind in (DOUBLE, FLOAT):
        return _floating(sql, kind)
    return ("long", sql) if kind in _LONGS else ("int", f"CAST({sql} AS INTEGER)")


def _floating(sql: str, kind: DataType) -> tuple[str, str]:
    """The IEEE bits, with -0.0 as 0.0 and one NaN (Spark HashExpression, doubleToLongBits)."""
    name = "double" if kind == DOUBLE else "float"
    return ("long" if kind == DOUBLE else "int"), f"headrace_{name}_bits({sql})"
