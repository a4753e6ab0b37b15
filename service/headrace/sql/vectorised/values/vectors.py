"""Room 2: functions of vectors, which are arrays of FLOAT, in single precision.

Takes lists of floats; gives floats and lists. Source: Spark vectorExpressions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headrace.sql.vectorised.by_value import ConditionError

Vector = list[float | None]


def _pair(left: Vector, right: Vector, name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
    if len(left) != len(right):
        message = f"Vectors passed to {name} must have the same dimension, but got {len(left)} and {len(right)}."
        raise ConditionError("VECTOR_DIMENSION_MISMATCH", message)
    if None in left or None in right:
        return None
    return np.array(left, np.float32), np.array(right, np.float32)


def _sum(values: npt.NDArray[np.float32]) -> np.float32:
    """Return the sum in order, rounded at each step."""
    total = np.float32(0)
    for value in values:
        total = np.float32(total + value)
    return total


def inner_product(left: Vector, right: Vector) -> float | None:
    """Return the sum of the products, None when an element is NULL."""
    pair = _pair(left, right, "vector_inner_product")
    return None if pair is None else float(_sum(pair[0] * pair[1]))


def cosine_similarity(left: Vector, right: Vector) -> float | None:
    """Return the cosine of the angle, None when a vector is empty, zero or holds a NULL."""
    pair = _pair(left, right, "vector_cosine_similarity")
    if pair is None or not left:
        return None
    norms = np.float32(_sum(pair[0] * pair[0]) * _sum(pair[1] * pair[1]))
    return None if norms == 0 else float(_sum(pair[0] * pair[1]) / np.sqrt(norms))


def l2_distance(left: Vector, right: Vector) -> float | None:
    """Return the Euclidean distance, None when an element is NULL."""
    pair = _pair(left, right, "vector_l2_distance")
    if pair is None:
        return None
    apart = pair[0] - pair[1]
    return float(np.float32(float(_sum(apart * apart)) ** 0.5))


def norm(vector: Vector, degree: float) -> float | None:
    """Return the norm of degree 1, 2 or infinity, None when an element is NULL."""
    if degree not in (1.0, 2.0, float("inf")):
        message = f"The degree of vector_norm is 1.0, 2.0 or infinity; seen: {degree}."
        raise ConditionError("INVALID_VECTOR_NORM_DEGREE", message)
    if None in vector:
        return None
    values = np.array(vector, np.float32)
    if degree == 2.0:
        return float(np.float32(float(_sum(values * values)) ** 0.5))
    if degree == 1.0:
        return float(_sum(np.abs(values)))
    return float(np.max(np.abs(values))) if vector else 0.0


def normalized(vector: Vector, degree: float) -> list[float] | None:
    """Return the vector divided by its norm, None when that is 0 or an element is NULL."""
    length = norm(vector, degree)
    if length is None:
        return None
    if not vector:
        return []
    if length == 0:
        return None
    return [float(value) for value in np.array(vector, np.float32) / np.float32(length)]
