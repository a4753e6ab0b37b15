"""Room 2: what the aggregate table says of one aggregate function.

An aggregate is four texts over named buffers: partial (DuckDB aggregates over a batch's rows), merge (scalar text over
an older and a newer buffer row of one key), and final (scalar text over buffers). The operator in `headrace.operators`
keeps the buffers of a key in state; it never sees rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.dataclass import dataclass
from headrace.sql.function import Argument, Rendered
from headrace.sql.settings import SqlSettings
from headrace.types import DataType

ROW_ORDER = "_row"
"""Name of the BIGINT column that numbers the rows of a batch in order of arrival; see `AggregateForm.ordered`."""


@dataclass(frozen=True, slots=True)
class AggregateForm:
    """An aggregate resolved for argument types.

    Laws: merge is associative; merging with the partial over zero rows changes nothing; final(partial(rows a + rows b))
    = final(merge(partial(a), partial(b))) up to the order-dependence Spark has too (first, last, collect_list).
    """

    arguments: tuple[DataType, ...]
    """Types the analyzer casts the arguments to."""
    type: DataType
    """Result type."""
    buffers: tuple[DataType, ...]
    """Types of the buffer columns, in order; what state keeps. Changing them breaks checkpoints."""
    partial: Callable[[Sequence[Rendered], str | None, SqlSettings], tuple[str, ...]]
    """(arguments, FILTER condition text or None) -> one DuckDB aggregate expression per buffer, cast to its type."""
    merge: Callable[[Sequence[str], Sequence[str], SqlSettings], tuple[str, ...]]
    """(older buffer texts, newer buffer texts) -> one scalar DuckDB expression per buffer."""
    final: Callable[[Sequence[str], SqlSettings], str]
    """Buffer texts -> scalar DuckDB expression of the result type."""
    ordered: bool = False
    """True when `partial` reads the column ROW_ORDER, which the statement around it provides."""


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """One Spark aggregate function; `resolve` raises as `Function.resolve` does."""

    name: str
    arity: tuple[int, int | None]
    resolve: Callable[[Sequence[Argument], bool], AggregateForm]
    """(arguments, ignore_nulls) -> form."""
    why: str = ""
    """When not empty the aggregate is known and refused for this reason."""
