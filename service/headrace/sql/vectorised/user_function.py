"""Room 2: functions of a pipeline file's author, as Arrow functions of a session.

Takes a callable and its declared types; gives an `ArrowFunction` that hands over exactly those types, and refuses
results of another length or type. Errors pass through DuckDB as one line of text that `runtime_errors` reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

import pyarrow as pa

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.vectorised import ArrowFunction
from headrace.types import DAY_TIME_INTERVAL, DataType, StructType
from headrace.user_code import broken, failed

PREFIX = "headrace_user_"
"""What the names of these functions begin with inside DuckDB: none can stand for a function of ours or of DuckDB's."""


@dataclass(frozen=True, slots=True)
class UserFunction:
    """One function of the file.

    Attributes:
        name: In SQL, lower case.
        target: The code, as the file names it.
        parameters: Names and types.
        returns: Type of the result.
        code: The callable.
        is_by_row: Called once a row with plain values, in place of once a batch with arrays.
    """

    name: str
    target: str
    parameters: StructType
    returns: DataType
    code: Callable[..., Any]
    is_by_row: bool = False

    @property
    def sql_name(self) -> str:
        """What it is called inside DuckDB."""
        return PREFIX + self.name

    def arrow(self) -> ArrowFunction:
        """Return what a session registers."""
        kinds = tuple(duckdb_type(field.type) for field in self.parameters.fields)

        def run(*columns: Any) -> Any:
            return self._run(*columns)

        # DuckDB counts the parameters that a function says it has.
        places = [Parameter(f"p{place}", Parameter.POSITIONAL_ONLY) for place in range(len(kinds))]
        run.__signature__ = Signature(places)  # type: ignore[attr-defined]  # every function may have one
        return ArrowFunction(self.sql_name, kinds, duckdb_type(self.returns), run)

    def _run(self, *columns: Any) -> Any:
        given = [_flat(column).cast(field.type.arrow()) for column, field in zip(columns, self._fields, strict=True)]
        try:
            found = self._rows(given) if self.is_by_row else self._called(given)
            result = self._checked(found, len(given[0]))
        except StreamError as error:
            text = f"[{error.code}] {error.message}"
            raise RuntimeError(text) from error
        return result.cast(pa.int64()) if self.returns == DAY_TIME_INTERVAL else result

    def _called(self, columns: list[Any]) -> Any:
        try:
            return self.code(*columns)
        except Exception as error:
            raise failed(self.target, error, self._seen(columns), code=self.code) from error

    @property
    def _fields(self) -> tuple[Any, ...]:
        return self.parameters.fields

    def _rows(self, columns: list[Any]) -> Any:
        lists = [column.to_pylist() for column in columns]
        values = []
        for row in zip(*lists, strict=True):
            try:
                values.append(self.code(*row))
            except Exception as error:
                shown = ", ".join(f"{f.name}={v!r}" for f, v in zip(self._fields, row, strict=True))
                raise failed(self.target, error, shown, code=self.code) from error
        return self._typed(values)

    def _typed(self, values: list[Any]) -> Any:
        kind = self.returns.arrow()
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            bad = next((value for value in values if not _fits(value, kind)), None)
            raise broken(self.target, f"returned {bad!r}, which is no {self.returns.sql()}.") from error

    def _checked(self, found: Any, rows: int) -> Any:
        if not isinstance(found, pa.Array | pa.ChunkedArray):
            raise broken(self.target, f"returned a {type(found).__name__}; a pyarrow array is wanted.")
        if len(found) != rows:
            raise broken(self.target, f"returned {len(found)} values for {rows} rows.")
        kind = self.returns.arrow()
        try:
            return _flat(found).cast(kind)
        except pa.ArrowException as error:
            message = f"returned {found.type}, which does not go into {self.returns.sql()}: {error}"
            raise broken(self.target, message) from error

    def _seen(self, columns: list[Any]) -> str:
        firsts = [column[0].as_py() if len(column) else None for column in columns]
        return ", ".join(f"{field.name}={first!r}" for field, first in zip(self._fields, firsts, strict=True))


def _flat(column: Any) -> Any:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True
