"""Python code of the pipeline beside it: a function for SQL, a stateful function and a stateful processor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.stateful import ExpiredTimerInfo, GroupState, StatefulProcessor, StatefulProcessorHandle, TimerValues

RUN_GAP_MS = 60_000
SILENCE_MS = 30_000


def felt_celsius(celsius: pa.Array, humidity: pa.Array) -> pa.Array:
    """A rule of thumb; whole arrays in, one array of the same length out."""
    return pc.add(celsius, pc.multiply(humidity, 0.05))


def runs(key: Any, rows: pa.Table, state: GroupState) -> pa.Table | None:
    """A run of a device ends a minute after its last report; the rows of a key come as one table."""
    if state.hasTimedOut:
        start, end, reports, hottest = state.get
        state.remove()
        found = {"device": [key.device], "start": [start], "end": [end], "reports": [reports], "hottest": [hottest]}
        return pa.table(found)
    times, felt = pc.min_max(rows["at"]).as_py(), pc.max(rows["felt"]).as_py()
    if state.exists:
        start, end, reports, hottest = state.get
        times = {"min": min(start, times["min"]), "max": max(end, times["max"])}
        felt = max(hottest, felt)
    else:
        reports = 0
    state.update((times["min"], times["max"], reports + rows.num_rows, felt))
    state.setTimeoutTimestamp(max(_ms(times["max"]) + RUN_GAP_MS, state.getCurrentWatermarkMs()))
    return None


class Silence(StatefulProcessor):
    """Says when a device has been silent for 30 seconds, and when it is back."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare the state: when the device was last heard, and whether it is missed."""
        self.handle = handle
        self.heard = handle.getValueState("heard", "at_ms BIGINT, missed BOOLEAN")

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Set the timer anew."""
        last, missed = self.heard.get() or (0, False)
        newest = max(_ms(row.at) for row in rows)
        if missed:
            yield key.device, _time(newest), "is back"
        self.handle.deleteTimer(last + SILENCE_MS)
        self.handle.registerTimer(max(last, newest) + SILENCE_MS)
        self.heard.update((max(last, newest), False))

    def handleExpiredTimer(
        self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo
    ) -> Iterator[tuple[Any, ...]]:
        """Report the silence once."""
        expired = expiredTimerInfo.getExpiryTimeInMs()
        self.heard.update((expired - SILENCE_MS, True))
        yield key.device, _time(expired), "has been silent for 30 seconds"


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
