"""Room 3: the ids of columns, dense from 1 inside one plan."""

from __future__ import annotations

from headrace.plan.expressions import Column
from headrace.types import DataType


class ColumnIds:
    """A counter that gives each new column of a plan its own id."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def column(self, kind: DataType, name: str) -> Column:
        """Return a column with an id no other column of the plan has."""
        self._last += 1
        return Column(kind, self._last, name)
