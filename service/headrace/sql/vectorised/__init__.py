"""Room 2: Arrow functions that DuckDB lacks; a session creates those that its statements name.

Functions of whole arrays stand beside this table, those of single values in `values`, sketches in `sketches`. A row for
which Spark raises fails the statement, by a `ConditionError`; for any other a function gives a value or NULL.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.sql.vectorised.cardinality import mean_bias, register_codes
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
from headrace.sql.vectorised.values.time_patterns import read_times, write_times
from headrace.sql.vectorised.vector_folds import mean_of_two, means, sum_of_two, sums


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
    ArrowFunction("headrace_read_times", ("VARCHAR",) * 5, "BIGINT", read_times),
    ArrowFunction("headrace_write_times", ("BIGINT", "VARCHAR", "VARCHAR"), "VARCHAR", write_times),
    *(ArrowFunction(name, parameters, result, run) for name, parameters, result, run in (*SINGLE, *SKETCHES)),
)
"""What a session registers before it is locked."""
