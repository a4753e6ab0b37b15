"""Room 3: the nodes that streams bring: watermarks, windows of time, and what keeps state by key."""

from __future__ import annotations

from headrace.dataclass import dataclass
from headrace.plan.expressions import Column, Expression
from headrace.plan.group_code import GroupCode
from headrace.plan.nodes.plan import Giving, Passing, Plan
from headrace.values import US_PER_MS


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
class Watermark(Passing):
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
class Deduplicate(Passing):
    """The first row of each key; with within_watermark forgotten once the first row's time plus delay has passed."""

    keys: tuple[Column, ...]
    within_watermark: bool


@dataclass(frozen=True, slots=True)
class GroupsWithState(Giving, Plan):
    """What Python code makes of all rows of each key, with state; `name` is the view's.

    `initial` is static and gives the first state of keys: their columns first, then what the code sees of it.
    """

    child: Plan
    keys: tuple[Column, ...]
    code: GroupCode
    output: tuple[Column, ...]
    name: str
    initial: Plan | None = None
