"""Room 2: what the function table says of one scalar or generator function.

`resolve` gives types (Spark's coercion rules), `render` gives DuckDB text; both work on types and texts, not on plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from headrace.dataclass import dataclass
from headrace.sql.settings import SqlSettings
from headrace.types import DataType


class How(Enum):
    """How a Spark function runs on DuckDB."""

    NATIVE = "native"  # DuckDB's function of the same meaning
    REWRITTEN = "rewritten"  # an expression of DuckDB functions
    MACRO = "macro"  # a SQL macro created with the session
    ARROW = "arrow"  # a vectorised Arrow function created with the session
    REFUSED = "refused"  # known, and refused: `why` says why


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as `resolve` sees it: its type, and its value when it is a constant (else `constant` is False).

    For a lambda `type` is the body's type and `lambda_arity` its number of parameters.
    """

    type: DataType
    constant: bool = False
    value: Any = None
    lambda_arity: int | None = None
    ansi: bool = True
    """ANSI mode of the session: what is cast without being asked depends on it."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Types after coercion: the analyzer casts each argument to `arguments[i]`, and the call has `type`."""

    arguments: tuple[DataType, ...]
    type: DataType


@dataclass(frozen=True, slots=True)
class Rendered:
    """An argument as `render` sees it: DuckDB text of the cast argument, its type, and its value when constant.

    A lambda's text is DuckDB's own, ``lambda x, y: body``.
    """

    sql: str
    type: DataType
    constant: bool = False
    value: Any = None


Resolve = Callable[[Sequence[Argument]], Resolved]
"""Raises StreamError SQL_ANALYSIS with Spark's condition (DATATYPE_MISMATCH.…) when the types do not fit."""

Render = Callable[[Sequence[Rendered], DataType, SqlSettings], str]
"""Gives DuckDB text for a resolved call of a result type; self-contained (wrapped in brackets where needed)."""


@dataclass(frozen=True, slots=True)
class Function:
    """One Spark function. Arity is checked before `resolve` (WRONG_NUM_ARGS.WITHOUT_SUGGESTION)."""

    name: str
    arity: tuple[int, int | None]
    resolve: Resolve
    render: Render
    how: How = How.NATIVE
    why: str = ""
    generator: bool = False  # gives rows: explode and its kin; `type` is then a STRUCT of the output columns
    lambda_types: Callable[[Sequence[Argument], int], tuple[DataType, ...]] | None = None
    """(arguments, position of a lambda among them) -> types of the most parameters it may have; it may take fewer."""
