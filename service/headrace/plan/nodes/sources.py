"""Room 3: the nodes that read: sources, static tables, and rows written in the SQL."""

from __future__ import annotations

from headrace.dataclass import dataclass
from headrace.plan.expressions import Column, Expression
from headrace.plan.nodes.plan import Giving, Plan


@dataclass(frozen=True, slots=True)
class StreamScan(Giving, Plan):
    """The new rows of a source in this batch. Each scan of one source has its own column ids."""

    source: str
    output: tuple[Column, ...]

    @property
    def is_streaming(self) -> bool:
        """A stream by definition."""
        return True


@dataclass(frozen=True, slots=True)
class TableScan(Giving, Plan):
    """All rows of a static table."""

    table: str
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Values(Giving, Plan):
    """Rows written in the SQL; `SELECT 1` without FROM is one row without columns."""

    rows: tuple[tuple[Expression, ...], ...]
    output: tuple[Column, ...]
