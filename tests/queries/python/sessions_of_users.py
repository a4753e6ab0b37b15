"""Stateful code that the cases in this folder run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.stateful import (
    ExpiredTimerInfo,
    GroupState,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
)


def running_total(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[Any, ...]]:
    """Give the total so far once a batch; a negative value forgets it."""
    n, total = state.get if state.exists else (0, 0)
    for row in rows:
        if row.v is not None and row.v < 0:
            state.remove()
            yield (key.k, 0, 0)
            return
        n, total = n + 1, total + (row.v or 0)
    state.update((n, total))
    yield (key.k, n, total)


def running_total_of_tables(key: Any, rows: pa.Table, state: GroupState) -> pa.Table:
    """The same over Arrow tables."""
    n, total = state.getOption or (0, 0)
    n, total = n + rows.num_rows, total + (pc.sum(rows["v"]).as_py() or 0)
    state.update((n, total))
    return pa.table({"total": [total], "k": [key.k], "n": [n]})


def visits(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[dict[str, Any]]:
    """A session ends ten seconds of event time after its last event."""
    if state.hasTimedOut:
        n, last = state.get
        state.remove()
        yield {"k": key.k, "n": n, "last": last}
        return
    n, last = state.get if state.exists else (0, None)
    for row in rows:
        n, last = n + 1, row.ts if last is None else max(last, row.ts)
    state.update((n, last))
    state.setTimeoutTimestamp(int(last.timestamp() * 1000) + 10_000)


def silent(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[str, str]]:
    """Say when a key was silent for 1.5 seconds of processing time."""
    if state.hasTimedOut:
        yield (key.k, "silent")
        return
    state.update((len(list(rows)),))
    state.setTimeoutDuration(1500)


class Alarm(StatefulProcessor):
    """Counts, keeps the last values and the values by sign; an alarm rings 5 s of event time after the last row."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare."""
        self.handle = handle
        self.count = handle.getValueState("count", "n BIGINT")
        self.last = handle.getListState("last", "v BIGINT")
        self.signs = handle.getMapState("signs", "sign STRING", "n BIGINT")

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Give counts."""
        found = self.count.get()
        n = found.n if found else 0
        for row in rows:
            n += 1
            self.last.appendValue((row.v,))
            sign = "minus" if row.v < 0 else "plus"
            self.signs.updateValue((sign,), ((self.signs.getValue((sign,)) or (0,))[0] + 1,))
            for timer in self.handle.listTimers():
                self.handle.deleteTimer(timer)
            self.handle.registerTimer(int(row.ts.timestamp() * 1000) + 5_000)
        self.count.update((n,))
        signs = {sign: count for (sign,), (count,) in self.signs.iterator()}
        yield (key.k, f"n={n} last={[v for (v,) in self.last.get()]} signs={signs}")

    def handleExpiredTimer(self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo) -> Any:
        """Ring and forget."""
        self.count.clear()
        self.last.clear()
        self.signs.clear()
        return [(key.k, f"ring {expiredTimerInfo.getExpiryTimeInMs()} at {timerValues.getCurrentWatermarkInMs()}")]


class Chain(StatefulProcessor):
    """Four timers a row; the first that rings registers one in the past and deletes one that is due."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare."""
        self.handle = handle
        self.rung = handle.getValueState("rung", "n BIGINT")

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Register."""
        for row in rows:
            for later in (1000, 2000, 3000, 9000):
                self.handle.registerTimer(int(row.ts.timestamp() * 1000) + later)
        yield (key.k, f"timers {self._timers()}")

    def handleExpiredTimer(self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo) -> Any:
        """Ring."""
        time = expiredTimerInfo.getExpiryTimeInMs()
        (rung,) = self.rung.get() or (0,)
        self.rung.update((rung + 1,))
        before = self._timers()
        if rung == 0:
            self.handle.registerTimer(time + 10)
            self.handle.deleteTimer(time + 1000)
        return [(key.k, f"ring {time % 100000} n={rung + 1} timers={before}")]

    def _timers(self) -> list[int]:
        return [time % 100000 for time in self.handle.listTimers()]


class Stamped(StatefulProcessor):
    """Gives each row on, stamped with its own time; a negative value is stamped with 1970."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare."""
        self.n = handle.getValueState("n", "n BIGINT")

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Number the rows of a key."""
        (n,) = self.n.get() or (0,)
        for row in rows:
            n += 1
            yield (row.ts if row.v >= 0 else row.ts.replace(year=1970), key.k, n)
        self.n.update((n,))


class Remembers(StatefulProcessor):
    """A value that lives for 1.5 seconds of processing time."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare."""
        self.seen = handle.getValueState("seen", "n BIGINT", ttlDurationMs=1500)

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Any:
        """Say whether the key was seen lately."""
        known = self.seen.exists()
        self.seen.update((1,))
        return [(key.k, "known" if known else "new")]


class StartsWith(StatefulProcessor):
    """Counts on from what an initial state says of a key; the last of its rows also sets a timer."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare."""
        self.handle = handle
        self.count = handle.getValueState("count", "n BIGINT")
        self.names = handle.getListState("names", "name STRING")

    def handleInitialState(self, key: Any, initialState: Any, timerValues: TimerValues) -> None:
        """Take one row over."""
        (n,) = self.count.get() or (0,)
        self.count.update((n + initialState.n,))
        self.names.appendValue((f"{initialState.name} of {initialState.k}",))
        self.handle.registerTimer(timerValues.getCurrentProcessingTimeInMs() + 1500)

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Count."""
        (n,) = self.count.get() or (0,)
        n += len(list(rows))
        self.count.update((n,))
        yield (key.k, n, f"counted after {[name for (name,) in self.names.get()]}")

    def handleExpiredTimer(self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo) -> Any:
        """Say what there is."""
        (n,) = self.count.get() or (0,)
        return [(key.k, n, "rang")]


def starts_with(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[Any, ...]]:
    """Give the state found, and whether there were rows; a total of zero or less is forgotten."""
    _, found = state.getOption or (0, None)
    values = [row.v for row in rows]
    total = (found or 0) + sum(values)
    yield (key.k, found, len(values), total)
    if total > 0:
        state.update((len(values), total))
    else:
        state.remove()


def rings_at_start(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[Any, ...]]:
    """A key that is called without rows, or with them, is called again ten seconds of event time later."""
    if state.hasTimedOut:
        yield (key.k, state.get[0], "timed out")
        state.remove()
        return
    n = (state.getOption or (0,))[0] + len(list(rows))
    state.update((n,))
    state.setTimeoutTimestamp(max(state.getCurrentWatermarkMs(), 1704067200000) + 10_000)
    yield (key.k, n, "called")
