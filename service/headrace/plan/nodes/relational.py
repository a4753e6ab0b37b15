"""Room 3: the nodes of relational algebra, as SQL has them."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from headrace.dataclass import dataclass
from headrace.plan.expressions import Alias, Call, Column, Expression
from headrace.plan.nodes.plan import Giving, Passing, Plan


@dataclass(frozen=True, slots=True)
class Project(Plan):
    """SELECT without aggregates; an item that only passes a column keeps its id."""

    child: Plan
    items: tuple[Alias, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """One column an item."""
        return tuple(item.column for item in self.items)


@dataclass(frozen=True, slots=True)
class Filter(Passing):
    """Rows whose condition is true."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Aggregate(Plan):
    """GROUP BY keys: one row a group (one row in all without keys). Children of `aggregates` are AggregateCall.

    SELECT DISTINCT and UNION are `distinct`, without functions. A key of WindowAssign or SessionAssign is a window.
    """

    child: Plan
    keys: tuple[Alias, ...]
    aggregates: tuple[Alias, ...]
    distinct: bool = field(default=False, kw_only=True, compare=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Keys, then aggregates."""
        return tuple(item.column for item in (*self.keys, *self.aggregates))


@dataclass(frozen=True, slots=True)
class Expand(Giving, Plan):
    """Each row once per projection (GROUPING SETS, CUBE, ROLLUP). Source: Spark Expand."""

    child: Plan
    projections: tuple[tuple[Expression, ...], ...]
    output: tuple[Column, ...]


class JoinType(Enum):
    """Spark's join types; the value is Spark's name in messages."""

    INNER = "Inner"
    LEFT = "LeftOuter"
    RIGHT = "RightOuter"
    FULL = "FullOuter"
    SEMI = "LeftSemi"
    ANTI = "LeftAnti"


@dataclass(frozen=True, slots=True)
class Join(Plan):
    """The rows of two relations that belong together."""

    left: Plan
    right: Plan
    how: JoinType
    condition: Expression | None
    null_aware: bool = False  # NOT IN (subquery), whose null on either side leaves no row
    in_where: bool = False  # IN or EXISTS, a filter
    lateral: bool = False  # the right side reads the row of the left one; both are tables

    @property
    def columns(self) -> tuple[Column, ...]:
        """Left columns, then right ones unless the join only tests."""
        if self.how in (JoinType.SEMI, JoinType.ANTI):
            return self.left.columns
        return (*self.left.columns, *self.right.columns)


@dataclass(frozen=True, slots=True)
class Union(Giving, Plan):
    """UNION ALL; the children's columns by position, already cast to common types."""

    children: tuple[Plan, ...]
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Plan):
    """EXCEPT or INTERSECT, distinct or ALL."""

    left: Plan
    right: Plan
    operation: str  # "Except" | "Intersect"
    all: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """The left columns."""
        return self.left.columns


@dataclass(frozen=True, slots=True)
class Generate(Plan):
    """explode and its kin: the child's columns, then the generator's, a row per element; outer keeps empty ones."""

    child: Plan
    generator: Call
    outer: bool
    output: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns, then the generated ones."""
        return (*self.child.columns, *self.output)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY item; Spark's default is nulls first ascending, nulls last descending."""

    child: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Sort(Passing):
    """ORDER BY."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit(Passing):
    """LIMIT: of the stream's whole life, or of what a batch reads until so many of its rows are `passing`."""

    count: int
    of_batch: bool = False
    passing: Expression | None = None


@dataclass(frozen=True, slots=True)
class Offset(Passing):
    """OFFSET."""

    count: int


@dataclass(frozen=True, slots=True)
class WindowFunctions(Plan):
    """f(...) OVER (...) of tables, a column each; of streams the checks refuse it by name."""

    child: Plan
    items: tuple[Alias, ...]
    functions: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns, then the functions'."""
        return (*self.child.columns, *(item.column for item in self.items))


@dataclass(frozen=True, slots=True)
class RecursionScan(Giving, Plan):
    """The rows of the level before, inside the step of the `Recursion` of that name."""

    name: str
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Recursion(Giving, Plan):
    """WITH RECURSIVE: the anchor's rows, then those that the step makes of each level, up to a number of levels."""

    anchor: Plan
    step: Plan
    output: tuple[Column, ...]
    name: str
    levels: int
