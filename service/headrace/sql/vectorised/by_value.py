"""Room 2: Arrow functions made of a Python function of single values, for what DuckDB has no words for.

Takes a function that gets and gives plain Python values; gives an Arrow function that calls it once for each distinct
row of arguments. For functions of rare use: hot paths have their own vectorised forms.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pyarrow as pa


def by_value(function: Callable[..., Any], result: pa.DataType, *, nulls: bool = False) -> Callable[..., pa.Array]:
    """Return the Arrow function of a function of single values.

    Args:
        function: Gets one value an argument; what it raises fails the statement, its message in Spark's form.
        result: The Arrow type of what it gives.
        nulls: Whether it is asked about rows in which an argument is NULL; else those give NULL.
    """

    def run(*columns: Any) -> pa.Array:
        answers: dict[Any, Any] = {}
        found = []
        for row in zip(*(column.to_pylist() for column in columns), strict=True):
            key = repr(row) if any(isinstance(value, list | dict) for value in row) else row
            if key not in answers:
                unknown = not nulls and any(value is None for value in row)
                answers[key] = None if unknown else function(*row)
            found.append(answers[key])
        return pa.array(found, result)

    # DuckDB asks a function for its signature, and takes *columns for one parameter.
    run.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return run


class ConditionError(ValueError):
    """A value for which Spark raises; its text is ``[CONDITION] message``, which `runtime_errors` reads."""

    def __init__(self, condition: str, message: str) -> None:
        super().__init__(f"[{condition}] {message}")
