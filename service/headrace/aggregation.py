"""Ground floor: the contract of aggregate functions that other packages bring.

A package registers an object under the entry-point group ``headrace.aggregates``, by the name the function has in SQL.
All state of a group is one buffer of the declared columns; it is stored, so a change of its columns breaks checkpoints.
The same rows must always give the same buffer: a batch may run again.
"""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

ENTRY_POINTS = "headrace.aggregates"


class ArrowAggregation(Protocol):
    """An aggregate over Arrow arrays, called once a batch for all groups.

    Laws: merge(reduce(a), reduce(b)) = reduce(a + b), and merging with the buffer of no rows changes nothing.

    Attributes:
        arguments: Spark DDL of the arguments, such as ``x DOUBLE, weight DOUBLE``.
        buffer: Spark DDL of the buffer's columns, such as ``total DOUBLE, weights DOUBLE``.
        returns: Spark's name of the result's type, such as ``DOUBLE``.
    """

    arguments: str
    buffer: str
    returns: str

    def reduce(self, groups: pa.ListArray) -> pa.StructArray:
        """Return the buffer of each group from the list of its rows, in order of arrival; an empty list gives zero.

        Args:
            groups: LIST of STRUCT with the arguments' names; values may be NULL.
        """
        ...

    def merge(self, older: pa.StructArray, newer: pa.StructArray) -> pa.StructArray:
        """Return the buffers of two parts of each group, the older part first."""
        ...

    def finish(self, buffers: pa.StructArray) -> pa.Array:
        """Return the result of each group; called once a batch for the groups that are shown."""
        ...


class RowAggregation(Protocol):
    """The same row by row in plain Python, which is far slower; an object with `zero` is taken for one.

    A buffer is a tuple of the buffer's columns. Attributes are those of `ArrowAggregation`.
    """

    arguments: str
    buffer: str
    returns: str

    def zero(self) -> tuple[Any, ...]:
        """Return the buffer of no rows."""
        ...

    def reduce(self, buffer: tuple[Any, ...], *values: Any) -> tuple[Any, ...]:
        """Return the buffer with one more row; called in order of arrival, NULL is None."""
        ...

    def merge(self, older: tuple[Any, ...], newer: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the buffer of two parts of a group, the older part first."""
        ...

    def finish(self, buffer: tuple[Any, ...]) -> Any:
        """Return the result of a group."""
        ...
