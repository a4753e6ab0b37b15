"""Workers: calls of a function for SQL: over arrays, or a row at a time.

Takes Arrow arrays of exactly the declared types; gives one of the declared type, or says what does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from headrace.user_code import broken, failed
from headrace.workers.spec import FunctionSpec


class FunctionCall:
    """A function that can be called.

    Args:
        spec: What the pipeline file says of it.
        code: The callable.
    """

    def __init__(self, spec: FunctionSpec, code: Callable[..., Any]) -> None:
        self._spec = spec
        self._code = code

    def answer(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Return the results of the rows.

        Raises:
            StreamError: FUNCTION_FAILED: the function raised, or gave what it may not.
        """
        found = self._rows(columns) if self._spec.is_by_row else self._called(columns)
        return self._checked(found, len(columns[0]))

    def _called(self, columns: Sequence[pa.Array]) -> Any:
        try:
            return self._code(*columns)
        except (Exception, SystemExit) as error:
            raise failed(self._spec.target, error, self._seen(columns), code=self._code) from error

    def _rows(self, columns: Sequence[pa.Array]) -> pa.Array:
        lists = [column.to_pylist() for column in columns]
        values = []
        for row in zip(*lists, strict=True):
            try:
                values.append(self._code(*row))
            except (Exception, SystemExit) as error:
                raise failed(self._spec.target, error, self._shown(row), code=self._code) from error
        return self._typed(values)

    def _typed(self, values: list[Any]) -> pa.Array:
        kind = self._spec.returns.arrow()
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            bad = next((value for value in values if not _fits(value, kind)), None)
            message = f"returned {bad!r}, which is no {self._spec.returns.sql()}."
            raise broken(self._spec.target, message) from error

    def _checked(self, found: Any, rows: int) -> pa.Array:
        if not isinstance(found, pa.Array | pa.ChunkedArray):
            raise broken(self._spec.target, f"returned a {type(found).__name__}; a pyarrow array is wanted.")
        if len(found) != rows:
            raise broken(self._spec.target, f"returned {len(found)} values for {rows} rows.")
        kind = self._spec.returns.arrow()
        try:
            return flat(found).cast(kind)
        except pa.ArrowException as error:
            message = f"returned {found.type}, which does not go into {self._spec.returns.sql()}: {error}"
            raise broken(self._spec.target, message) from error

    def _seen(self, columns: Sequence[pa.Array]) -> str:
        return self._shown([column[0].as_py() if len(column) else None for column in columns])

    def _shown(self, values: Sequence[Any]) -> str:
        names = self._spec.parameters.names
        return ", ".join(f"{name}={value!r}" for name, value in zip(names, values, strict=True))


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True
