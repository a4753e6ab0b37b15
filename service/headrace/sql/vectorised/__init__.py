"""Room 2: Arrow functions that DuckDB lacks, and the texts that call them; a session registers them all.

Takes typed DuckDB texts; gives DuckDB texts. Every function here is total: it never raises for a row.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.duck import quote_text
from headrace.sql.vectorised.cardinality import HLL_PRECISION, mean_bias, register_codes
from headrace.sql.vectorised.hashing import (
    hasher,
    murmur3_bytes,
    murmur3_int,
    murmur3_long,
    xxhash64_bytes,
    xxhash64_int,
    xxhash64_long,
)
from headrace.sql.vectorised.histogram import fewer_bars
from headrace.sql.vectorised.sketches.registered import SKETCHES
from headrace.sql.vectorised.values.single import SINGLE
from headrace.sql.vectorised.vector_folds import mean_of_two, means, sum_of_two, sums
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

SEED = 42
"""Where every hash starts (Spark HashExpression)."""


@dataclass(frozen=True, slots=True)
class ArrowFunction:
    """A vectorised function: DuckDB types of parameters and result, and the function over Arrow arrays."""

    name: str
    parameters: tuple[str, ...]
    result: str
    run: Callable[..., pa.Array]


def _bytewise(function: Callable[[bytes], Any], kind: pa.DataType) -> Callable[[Any], pa.Array]:
    """Return an Arrow function of a C function over one byte string; equal values are computed once."""

    def run(values: Any) -> pa.Array:
        column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        coded = column.dictionary_encode()
        answers = [None if v is None else function(v) for v in coded.dictionary.to_pylist()]
        return pa.array(answers, kind).take(coded.indices)

    return run


def _digest(name: str) -> Callable[[bytes], str]:
    return lambda value: hashlib.new(name, value).hexdigest()


def _utf8(value: bytes) -> str:
    """What Spark shows for bytes that are no UTF-8: U+FFFD in place of each bad sequence."""
    return value.decode("utf-8", "replace")


def _bits(floating: Any, whole: Any, kind: pa.DataType) -> Callable[[Any], pa.Array]:
    """Return an Arrow function from floating-point numbers to their IEEE bits, -0.0 as 0.0 and every NaN the same."""

    def run(values: Any) -> pa.Array:
        column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        numbers = np.array(column.fill_null(0).to_numpy(zero_copy_only=False), dtype=floating)
        numbers[numbers == 0] = 0
        numbers[np.isnan(numbers)] = np.nan
        return pa.array(numbers.view(whole), kind, mask=np.asarray(column.is_null()))

    return run


_HASHES: tuple[tuple[str, str, Any, pa.DataType | None], ...] = (
    ("headrace_murmur3_int", "INTEGER", murmur3_int, pa.int32()),
    ("headrace_murmur3_long", "BIGINT", murmur3_long, pa.int64()),
    ("headrace_murmur3_bytes", "BLOB", murmur3_bytes, None),
    ("headrace_xxhash64_int", "INTEGER", xxhash64_int, pa.int32()),
    ("headrace_xxhash64_long", "BIGINT", xxhash64_long, pa.int64()),
    ("headrace_xxhash64_bytes", "BLOB", xxhash64_bytes, None),
)

_MEAN = "STRUCT(v FLOAT[], n BIGINT)"

ARROW_FUNCTIONS: tuple[ArrowFunction, ...] = (
    *(
        ArrowFunction(
            name,
            (kind, "BIGINT" if "xxhash" in name else "INTEGER"),
            "BIGINT" if "xxhash" in name else "INTEGER",
            hasher(kernel, arrow),
        )
        for name, kind, kernel, arrow in _HASHES
    ),
    ArrowFunction("headrace_double_bits", ("DOUBLE",), "BIGINT", _bits(np.float64, np.int64, pa.int64())),
    ArrowFunction("headrace_float_bits", ("FLOAT",), "INTEGER", _bits(np.float32, np.int32, pa.int32())),
    ArrowFunction("headrace_hll_code", ("BIGINT",), "INTEGER", register_codes),
    ArrowFunction("headrace_hll_bias", ("DOUBLE",), "DOUBLE", mean_bias),
    ArrowFunction(
        "headrace_histogram", ("STRUCT(x DOUBLE, y DOUBLE)[]", "INTEGER"), "STRUCT(x DOUBLE, y DOUBLE)[]", fewer_bars
    ),
    ArrowFunction("headrace_utf8", ("BLOB",), "VARCHAR", _bytewise(_utf8, pa.string())),
    ArrowFunction("headrace_crc32", ("BLOB",), "BIGINT", _bytewise(zlib.crc32, pa.int64())),
    *(
        ArrowFunction(f"headrace_{name}", ("BLOB",), "VARCHAR", _bytewise(_digest(name), pa.string()))
        for name in ("sha224", "sha384", "sha512")
    ),
    ArrowFunction("headrace_vector_sums", ("FLOAT[][]",), "FLOAT[]", sums),
    ArrowFunction("headrace_vector_sum_of_two", ("FLOAT[]", "FLOAT[]"), "FLOAT[]", sum_of_two),
    ArrowFunction("headrace_vector_means", ("FLOAT[][]",), _MEAN, means),
    ArrowFunction("headrace_vector_mean_of_two", (_MEAN, _MEAN), _MEAN, mean_of_two),
    *(ArrowFunction(name, parameters, result, run) for name, parameters, result, run in (*SINGLE, *SKETCHES)),
)
"""What a session registers before it is locked."""

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
    result = seed or f"CAST({SEED} AS {'INTEGER' if algorithm == 'murmur3' else 'BIGINT'})"
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


__all__ = ["ARROW_FUNCTIONS", "HLL_PRECISION", "SEED", "ArrowFunction", "hash_sql", "is_hashable"]
