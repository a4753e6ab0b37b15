"""Room 7: what every stateful operator takes and gives beside rows."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.values import EventTime, ProcessingTime
from headrace_state import StateBatch

_EPOCH = ProcessingTime(0)

NO_WATERMARK_US = -(1 << 60)
"""The lag behind an operator that passes no watermark on: nothing is late there, and nothing is evicted."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The times of a batch: rows at or before `late` are dropped, state at or before `eviction` goes.

    Source: Spark's allowMultipleStatefulOperators: late is the previous batch's watermark, eviction this batch's.
    """

    late_us: EventTime
    eviction_us: EventTime
    batch_time_us: ProcessingTime = _EPOCH

    def behind(self, lag_us: int) -> Thresholds:
        """Return the watermarks behind a join that holds rows back by -lag_us; the epoch stays the epoch.

        Behind what passes none on they are the epoch.
        """
        if lag_us == NO_WATERMARK_US:
            return Thresholds(EventTime(0), EventTime(0), self.batch_time_us)
        late, eviction = (EventTime(time + lag_us if time else 0) for time in (self.late_us, self.eviction_us))
        return Thresholds(late, eviction, self.batch_time_us)


@dataclass(frozen=True, slots=True)
class StateCounts:
    """What one stateful operator did in one batch; rows of state unless said."""

    step: str
    operator: str  # Spark's operatorName
    total: int
    updated: int = 0
    removed: int = 0
    dropped_late: int = 0  # after partial aggregation: groups, not rows
    dropped_duplicates: int | None = None  # rows whose key had been seen; None for operators that drop none
    update_s: float = 0.0
    removal_s: float = 0.0


class Operator(Protocol):
    """Running logic of a stateful step; keeps nothing between batches but its codecs."""

    def run(self, rows: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return the step's rows and counts; changes are staged in state, nothing is published."""
        ...

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when a batch without data would give or evict something under a new watermark."""
        ...

    @property
    def signature(self) -> dict[str, object]:
        """What a checkpoint must agree on to go on with this operator's state, as JSON."""
        ...
