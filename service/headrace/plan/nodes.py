"""Room 3: the nodes of the logical plan, one streaming or relational concept each.

Frozen; `columns` is what a node gives, in order. Every relational meaning is Spark's; how a node runs is not known
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from headrace.plan.expressions import Alias, Call, Column, Expression
from headrace.plan.group_code import GroupCode
from headrace.types import Field, StructType
from headrace.values import US_PER_MS, Position


@dataclass(frozen=True, slots=True)
class Plan:
    """A relation; `at` is where the SQL asks for it, which no comparison of plans looks at."""

    at: Position | None = field(default=None, kw_only=True, compare=False, repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the node gives, in order."""
        raise TypeError(type(self).__name__)

    @property
    def inputs(self) -> tuple[Plan, ...]:
        """The nodes it reads, left to right."""
        return tuple(_plans_in(tuple(getattr(self, item.name) for item in fields(self))))

    @property
    def is_streaming(self) -> bool:
        """True when a stream stands anywhere below."""
        return any(node.is_streaming for node in self.inputs)

    @property
    def schema(self) -> StructType:
        """Names and types of `columns`."""
        return StructType(tuple(Field(column.name, column.type) for column in self.columns))


def _plans_in(value: Any) -> Iterator[Plan]:
    if isinstance(value, Plan):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _plans_in(part)


class _Giving:
    """A node that gives its `output`, one column a position."""

    __slots__ = ()
    output: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the node gives, in order."""
        return self.output


@dataclass(frozen=True, slots=True)
class StreamScan(_Giving, Plan):
    """The new rows of a source in this batch. Each scan of one source has its own column ids."""

    source: str
    output: tuple[Column, ...]

    @property
    def is_streaming(self) -> bool:
        """A stream by definition."""
        return True


@dataclass(frozen=True, slots=True)
class TableScan(_Giving, Plan):
    """All rows of a static table."""

    table: str
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Values(_Giving, Plan):
    """Rows written in the SQL; `SELECT 1` without FROM is one row without columns."""

    rows: tuple[tuple[Expression, ...], ...]
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class _Passing(Plan):
    """A node that gives its child's columns unchanged."""

    child: Plan

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns."""
        return self.child.columns


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
class Filter(_Passing):
    """Rows whose condition is true."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class TimeGuard:
    """What a watermark is protected from, beyond Spark; None switches a guard off.

    Attributes:
        idle_timeout_us: Processing time without rows after which the watermark holds no other one back.
        max_future_skew_us: Rows further ahead of the batch's time than this are set aside.
        late_rows: ``drop`` or ``dead_letter``: late rows are counted one by one, and with the latter sent away.
        at: Keys of the pipeline file under which the watermark stands.
    """

    idle_timeout_us: int | None = None
    max_future_skew_us: int | None = None
    late_rows: str | None = None
    at: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The guards that are on, to stand behind the delay; empty when none is."""
        parts = []
        if self.idle_timeout_us is not None:
            parts.append(f", left out after {self.idle_timeout_us // US_PER_MS} ms without rows")
        if self.max_future_skew_us is not None:
            parts.append(f", rows more than {self.max_future_skew_us // US_PER_MS} ms ahead set aside")
        if self.late_rows is not None:
            parts.append(f", late rows counted: {self.late_rows}")
        return "".join(parts)


NO_GUARD = TimeGuard()
"""A watermark as Spark has it."""


@dataclass(frozen=True, slots=True)
class Watermark(_Passing):
    """Rows observed for event time; the watermark is the greatest value seen minus the delay.

    `event_time` is TIMESTAMP or a struct whose `end` is TIMESTAMP. `relation` is whose watermark it is: nodes of one
    relation, read in several places, share what they have seen. Source: Spark EventTimeWatermark.
    """

    event_time: Column
    delay_us: int
    guard: TimeGuard = NO_GUARD
    relation: str = ""


@dataclass(frozen=True, slots=True)
class WindowAssign(Plan):
    """Each row once for every window its time falls in, with the window struct as a new last column; null times vanish.

    Source: Spark TimeWindowing; all times in µs.
    """

    child: Plan
    time: Expression
    size_us: int
    slide_us: int
    start_us: int
    window: Column

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns, then the window."""
        return (*self.child.columns, self.window)


@dataclass(frozen=True, slots=True)
class SessionAssign(Plan):
    """Each row with its own [time, time + gap) as a new last column; null times and gaps of zero or less vanish."""

    child: Plan
    time: Expression
    gap: Expression  # DAY TO SECOND interval
    window: Column

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns, then the session."""
        return (*self.child.columns, self.window)


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
class Expand(_Giving, Plan):
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
class Union(_Giving, Plan):
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
class Deduplicate(_Passing):
    """The first row of each key; with within_watermark forgotten once the first row's time plus delay has passed."""

    keys: tuple[Column, ...]
    within_watermark: bool


@dataclass(frozen=True, slots=True)
class GroupsWithState(_Giving, Plan):
    """What Python code makes of all rows of each key, with state; `name` is the view's.

    `initial` is static and gives the first state of keys: their columns first, then what the code sees of it.
    """

    child: Plan
    keys: tuple[Column, ...]
    code: GroupCode
    output: tuple[Column, ...]
    name: str
    initial: Plan | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY item; Spark's default is nulls first ascending, nulls last descending."""

    child: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Sort(_Passing):
    """ORDER BY."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit(_Passing):
    """LIMIT: of the stream's whole life, or of what a batch reads until so many of its rows are `passing`."""

    count: int
    of_batch: bool = False
    passing: Expression | None = None


@dataclass(frozen=True, slots=True)
class Offset(_Passing):
    """OFFSET."""

    count: int


@dataclass(frozen=True, slots=True)
class WindowFunctions(Plan):
    """OVER (...): kept only so that the checks can refuse it by name."""

    child: Plan
    items: tuple[Alias, ...]
    functions: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns, then the functions'."""
        return (*self.child.columns, *(item.column for item in self.items))


@dataclass(frozen=True, slots=True)
class RecursionScan(_Giving, Plan):
    """The rows of the level before, inside the step of the `Recursion` of that name."""

    name: str
    output: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Recursion(_Giving, Plan):
    """WITH RECURSIVE: the anchor's rows, then those that the step makes of each level, up to a number of levels."""

    anchor: Plan
    step: Plan
    output: tuple[Column, ...]
    name: str
    levels: int


def walk(plan: Plan) -> Iterator[Plan]:
    """Yield the node and everything below it, topmost first."""
    yield plan
    for node in plan.inputs:
        yield from walk(node)
