"""Room 7: the watermark: what was seen, and what it makes of the next batch.

Takes the event times each watermark step observed; gives the one global watermark. Source: Spark WatermarkTracker,
EventTimeStats: per node the greatest event time minus the delay, in whole milliseconds, never falling; the global one
is the least (or greatest) over all nodes, where a node that has seen nothing counts as the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc

from headrace.values import US_PER_MS, EventTime


class WatermarkPolicy(Enum):
    """spark.sql.streaming.multipleWatermarkPolicy."""

    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Event times of one batch at one watermark step, µs; nulls count as the epoch, as in Spark."""

    rows: int
    least_us: int = 0
    greatest_us: int = 0
    mean_us: float = 0.0


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


class WatermarkTracker:
    """Keeps the greatest event time per node; only the global watermark survives a restart.

    Args:
        delays_us: Delay of each watermark node, by step id.
        policy: Least or greatest over the nodes.
        start_us: Where the global watermark stands.
    """

    def __init__(self, delays_us: Mapping[str, int], policy: WatermarkPolicy, start_us: int = 0) -> None:
        self._delays_us = dict(delays_us)
        self._policy = policy
        self._nodes: dict[str, int] = {}
        self.watermark_us = EventTime(start_us)

    def advance(self, seen: Mapping[str, EventTimes]) -> EventTime:
        """Take in a batch's observations and return the watermark of the next batch.

        Law: the watermark never falls, and advancing with nothing new changes nothing.
        """
        for node, delay_us in self._delays_us.items():
            times = seen.get(node)
            if times is not None and times.rows:
                here = _whole_ms(times.greatest_us) - _whole_ms(delay_us)
                self._nodes[node] = max(self._nodes.get(node, here), here)
            else:
                self._nodes.setdefault(node, 0)
        if self._nodes:
            pick = min if self._policy is WatermarkPolicy.MIN else max
            self.watermark_us = EventTime(max(self.watermark_us, pick(self._nodes.values())))
        return self.watermark_us


def _whole_ms(time_us: int) -> int:
    return time_us // US_PER_MS * US_PER_MS
