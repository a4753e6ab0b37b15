"""Room 2: functions of a pipeline file's author, as Arrow functions of a session.

Takes a callable and its declared types; gives an `ArrowFunction` that hands over exactly those types, to a worker
process or to the callable here. Errors pass through DuckDB as one line of text that `runtime_errors` reads.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type
from headrace.errors import Retry, StreamError
from headrace.sql.vectorised import ArrowFunction
from headrace.types import DAY_TIME_INTERVAL, DataType, StructType
from headrace.workers.functions import FunctionCall, flat
from headrace.workers.remote import RemoteFunction
from headrace.workers.spec import FunctionSpec

if TYPE_CHECKING:
    from headrace.workers.worker import Worker

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

    @property
    def spec(self) -> FunctionSpec:
        """What a worker must know of it."""
        return FunctionSpec(self.target, self.parameters, self.returns, self.is_by_row)

    def arrow(self, worker: Worker | None = None) -> ArrowFunction:
        """Return what a session registers.

        Args:
            worker: Where the function runs; without one it is called in this process.
        """
        call = FunctionCall(self.spec, self.code) if worker is None else RemoteFunction(worker, self.name)
        kinds = tuple(duckdb_type(field.type) for field in self.parameters.fields)

        def run(*columns: Any) -> Any:
            return self._run(call, columns)

        # DuckDB counts the parameters that a function says it has.
        places = [Parameter(f"p{place}", Parameter.POSITIONAL_ONLY) for place in range(len(kinds))]
        run.__signature__ = Signature(places)  # type: ignore[attr-defined]  # every function may have one
        return ArrowFunction(self.sql_name, kinds, duckdb_type(self.returns), run)

    def _run(self, call: FunctionCall | RemoteFunction, columns: tuple[Any, ...]) -> Any:
        fields = self.parameters.fields
        given = [flat(column).cast(field.type.arrow()) for column, field in zip(columns, fields, strict=True)]
        try:
            result = call.answer(given)
        except StreamError as error:
            kind = f"{error.code}.MAY_PASS" if error.retry is Retry.BACKOFF else error.code
            text = f"[{kind}] {error.message}"
            raise RuntimeError(text) from error
        return result.cast(pa.int64()) if self.returns == DAY_TIME_INTERVAL else result
