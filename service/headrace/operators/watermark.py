"""Room 7: the watermark: what was seen, and what it makes of the next batch.

Takes the event times each watermark step observed; gives the one global watermark. Source: Spark WatermarkTracker,
EventTimeStats: per node the greatest event time minus the delay, in whole milliseconds, never falling; the global one
is the least (or greatest) over all nodes, where a node that has seen nothing counts as the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc

from headrace.dataclass import dataclass
from headrace.values import US_PER_MS, EventTime, ProcessingTime

_FOR_EVER = 1 << 62


class WatermarkPolicy(Enum):
    """spark.sql.streaming.multipleWatermarkPolicy."""

    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Event times of one batch under one watermark, µs; nulls count as the epoch, as in Spark."""

    rows: int
    least_us: int = 0
    greatest_us: int = 0
    mean_us: float = 0.0

    def with_those(self, other: EventTimes | None) -> EventTimes:
        """Return these and others of the same watermark together."""
        if other is None or not other.rows:
            return self
        if not self.rows:
            return other
        rows = self.rows + other.rows
        mean_us = (self.mean_us * self.rows + other.mean_us * other.rows) / rows
        least_us, greatest_us = min(self.least_us, other.least_us), max(self.greatest_us, other.greatest_us)
        return EventTimes(rows, least_us, greatest_us, mean_us)


def event_time_us(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return event times as int64 µs: a timestamp column itself, a window's end otherwise."""
    if pa.types.is_struct(column.type):
        column = pc.struct_field(column, "end")
    return column.cast(pa.int64())


def observe(column: pa.ChunkedArray) -> EventTimes:
    """Return what a batch's event-time column shows."""
    if len(column) == 0:
        return EventTimes(0)
    times = pc.fill_null(event_time_us(column), 0)
    extent = pc.min_max(times).as_py()
    return EventTimes(len(column), extent["min"], extent["max"], pc.mean(times).as_py())


def without_late(rows: pa.Table, times: pa.ChunkedArray, late_us: int) -> pa.Table:
    """Return the rows whose event time is after the watermark, and those without one; the same table when all are."""
    # A plain int would do, were its type not inferred, for which pyarrow looks for a module on disk every time.
    is_late = pc.less_equal(times, pa.scalar(late_us, pa.int64()))
    if not pc.any(is_late).as_py():
        return rows
    return rows.filter(pc.invert(is_late.fill_null(False)))


def without_future(rows: pa.Table, name: str, times: EventTimes, limit_us: int) -> pa.Table:
    """Return the rows whose event time is not behind the limit, in µs; the same table when `times` say that all are."""
    if times.greatest_us <= limit_us:
        return rows
    return rows.filter(
        pc.less_equal(pc.fill_null(event_time_us(rows.column(name)), 0), pa.scalar(limit_us, pa.int64()))
    )


class WatermarkTracker:
    """Keeps the greatest event time per node; it does not survive a restart, the global watermark does.

    Args:
        delays_us: Delay of each watermark node, by step id.
        policy: Least or greatest over the nodes.
        start_us: Where the global watermark stands.
        idle_us: Beyond Spark, by step id: processing time without rows after which the least is taken over the others.

    Attributes:
        active_us: When each node with a timeout last had rows, or was first waited for; kept by checkpoints.
    """

    def __init__(
        self,
        delays_us: Mapping[str, int],
        policy: WatermarkPolicy,
        start_us: int = 0,
        idle_us: Mapping[str, int] | None = None,
    ) -> None:
        self._delays_us = dict(delays_us)
        self._policy = policy
        self._idle_us = dict(idle_us or {})
        self._nodes: dict[str, int] = {}
        self.active_us: dict[str, ProcessingTime] = {}
        self.watermark_us = EventTime(start_us)

    def advance(self, seen: Mapping[str, EventTimes], now_us: int = 0) -> EventTime:
        """Take in a batch's observations and return the watermark of the next batch.

        Args:
            seen: Event times by node.
            now_us: The batch's processing time, by which nodes are idle.

        Law: the watermark never falls, and advancing with nothing new changes nothing.
        """
        for node, delay_us in self._delays_us.items():
            times = seen.get(node)
            has_rows = times is not None and times.rows > 0
            if times is not None and has_rows:
                here = _whole_ms(times.greatest_us) - _whole_ms(delay_us)
                self._nodes[node] = max(self._nodes.get(node, here), here)
            else:
                self._nodes.setdefault(node, 0)
            if node in self._idle_us and (has_rows or node not in self.active_us):
                self.active_us[node] = ProcessingTime(now_us)
        return self.tick(now_us)

    def tick(self, now_us: int) -> EventTime:
        """Return the watermark of the next batch when nothing but processing time has gone on.

        Law: without timeouts, and when every node is idle, nothing moves.
        """
        counted = [time for node, time in self._nodes.items() if not self._is_idle(node, now_us)]
        if counted:
            pick = min if self._policy is WatermarkPolicy.MIN else max
            self.watermark_us = EventTime(max(self.watermark_us, pick(counted)))
        return self.watermark_us

    def _is_idle(self, node: str, now_us: int) -> bool:
        since = self.active_us.get(node)
        return since is not None and now_us - since >= self._idle_us.get(node, _FOR_EVER)


def _whole_ms(time_us: int) -> int:
    return time_us // US_PER_MS * US_PER_MS
