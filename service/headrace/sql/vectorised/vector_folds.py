"""Room 2: sums and means of vectors, which are lists of FLOAT, element by element in single precision.

Takes lists of vectors, a list a group in order of rows; gives a vector a group. Vectors that hold a NULL do not count.
Source: Spark vector_sum and vector_avg: the mean is carried on row by row, so that it does not overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.sql.vectorised.by_value import ConditionError

Vector = npt.NDArray[np.float32]
_VECTOR = pa.list_(pa.float32())
_MEAN = pa.struct([("v", _VECTOR), ("n", pa.int64())])


def _flat(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _same(left: int, right: int, name: str) -> None:
    if left != right:
        message = f"Vectors passed to `{name}` must have the same dimension, but got {left} and {right}."
        raise ConditionError("VECTOR_DIMENSION_MISMATCH", message)


def _vectors(group: Any, name: str) -> list[Vector]:
    found: list[Vector] = []
    for vector in group:
        if vector.is_valid and vector.values.null_count == 0:
            found.append(np.asarray(vector.values.to_numpy(zero_copy_only=False), np.float32))
            _same(len(found[0]), len(found[-1]), name)
    return found


def sums(groups: Any) -> pa.Array:
    """Return the sum of each group's vectors, added in order, NULL for none."""
    with np.errstate(over="ignore", invalid="ignore"):
        return pa.array([_sum(_vectors(group.values or (), "vector_sum")) for group in _flat(groups)], _VECTOR)


def _sum(vectors: list[Vector]) -> Vector | None:
    return np.add.accumulate(np.stack(vectors), axis=0)[-1] if vectors else None


def sum_of_two(older: Any, newer: Any) -> pa.Array:
    """Return the sums of two columns of vectors, where one is NULL the other."""
    return _pairs(older, newer, _VECTOR, lambda a, b: _sum([_array(a, b, "vector_sum"), _array(b, a, "vector_sum")]))


def _array(vector: list[float], other: list[float], name: str) -> Vector:
    _same(len(vector), len(other), name)
    return np.array(vector, np.float32)


def _pairs(older: Any, newer: Any, kind: pa.DataType, both: Callable[[Any, Any], Any]) -> pa.Array:
    rows = zip(_flat(older).to_pylist(), _flat(newer).to_pylist(), strict=True)
    with np.errstate(over="ignore", invalid="ignore"):
        return pa.array([b if a is None else a if b is None else both(a, b) for a, b in rows], kind)


def means(groups: Any) -> pa.Array:
    """Return the mean of each group's vectors and their number, NULL for none."""
    with np.errstate(over="ignore", invalid="ignore"):
        return pa.array([_mean(_vectors(group.values or (), "vector_avg")) for group in _flat(groups)], _MEAN)


def _mean(vectors: list[Vector]) -> dict[str, Any] | None:
    if not vectors:
        return None
    mean = vectors[0].copy()
    for place, vector in enumerate(vectors[1:], 2):
        mean += (vector - mean) * (np.float32(1) / np.float32(place))
    return {"v": mean, "n": len(vectors)}


def mean_of_two(older: Any, newer: Any) -> pa.Array:
    """Return the means of two columns of means, weighted by their numbers, where one is NULL the other."""

    def both(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        one, two = _array(a["v"], b["v"], "vector_avg"), _array(b["v"], a["v"], "vector_avg")
        count = a["n"] + b["n"]
        return {"v": one + (two - one) * np.float32(b["n"] / count), "n": count}

    return _pairs(older, newer, _MEAN, both)
