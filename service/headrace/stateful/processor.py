"""Ground floor, for authors of stateful processors: the class to derive from and what it is given.

Source: PySpark StatefulProcessor and StatefulProcessorHandle; the names are theirs. A processor is made anew for every
batch, so what it must remember belongs into its state variables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from headrace.dataclass import dataclass

Values = Any
"""A tuple, one value a column of a schema; what is read has the columns as attributes too."""


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The times of a batch, in ms since the epoch; both are -1 with timeout: none."""

    currentProcessingTimeInMs: int = -1
    currentWatermarkInMs: int = -1

    def getCurrentProcessingTimeInMs(self) -> int:
        """Return the batch's time."""
        return self.currentProcessingTimeInMs

    def getCurrentWatermarkInMs(self) -> int:
        """Return the watermark."""
        return self.currentWatermarkInMs


@dataclass(frozen=True, slots=True)
class ExpiredTimerInfo:
    """The timer that has expired."""

    expiryTimeInMs: int = -1

    def getExpiryTimeInMs(self) -> int:
        """Return the time it was registered for, in ms since the epoch."""
        return self.expiryTimeInMs


class ValueState(Protocol):
    """One value a key."""

    def exists(self) -> bool:
        """Return whether there is a value."""
        ...

    def get(self) -> Values | None:
        """Return the value, or None."""
        ...

    def update(self, newValue: Values) -> None:
        """Set the value; its time to live starts again."""
        ...

    def clear(self) -> None:
        """Forget the value."""
        ...


class ListState(Protocol):
    """A list a key; each element has a time to live of its own."""

    def exists(self) -> bool:
        """Return whether there is any element."""
        ...

    def get(self) -> Iterator[Values]:
        """Return the elements in order."""
        ...

    def put(self, newState: Iterable[Values]) -> None:
        """Set the whole list."""
        ...

    def appendValue(self, newState: Values) -> None:
        """Add one element at the end."""
        ...

    def appendList(self, newState: Iterable[Values]) -> None:
        """Add elements at the end."""
        ...

    def clear(self) -> None:
        """Forget all elements."""
        ...


class MapState(Protocol):
    """A map a key; each entry has a time to live of its own."""

    def exists(self) -> bool:
        """Return whether there is any entry."""
        ...

    def getValue(self, key: Values) -> Values | None:
        """Return the value of a key of the map, or None."""
        ...

    def containsKey(self, key: Values) -> bool:
        """Return whether the map has the key."""
        ...

    def updateValue(self, key: Values, value: Values) -> None:
        """Set one entry."""
        ...

    def iterator(self) -> Iterator[tuple[Values, Values]]:
        """Return the entries."""
        ...

    def keys(self) -> Iterator[Values]:
        """Return the keys of the map."""
        ...

    def values(self) -> Iterator[Values]:
        """Return the values of the map."""
        ...

    def removeKey(self, key: Values) -> None:
        """Forget one entry; an absent one is no error."""
        ...

    def clear(self) -> None:
        """Forget all entries."""
        ...


class StatefulProcessorHandle(Protocol):
    """Declares state variables, in init only, and keeps timers, of the key that is being handled."""

    def getValueState(
        self,
        stateName: str,
        schema: str,
        ttlDurationMs: int | None = None,
    ) -> ValueState:
        """Declare a value of a DDL schema, with a time to live in ms of processing time."""
        ...

    def getListState(
        self,
        stateName: str,
        schema: str,
        ttlDurationMs: int | None = None,
    ) -> ListState:
        """Declare a list of a DDL schema, with a time to live in ms of processing time."""
        ...

    def getMapState(
        self,
        stateName: str,
        userKeySchema: str,
        valueSchema: str,
        ttlDurationMs: int | None = None,
    ) -> MapState:
        """Declare a map of DDL schemas, with a time to live in ms of processing time."""
        ...

    def registerTimer(self, expiryTimestampMs: int) -> None:
        """Ask for a call of handleExpiredTimer once the batch's time, or the watermark, has reached this time in ms."""
        ...

    def deleteTimer(self, expiryTimestampMs: int) -> None:
        """Forget a timer; an absent one is no error."""
        ...

    def listTimers(self) -> Iterator[int]:
        """Return the key's timers, earliest first, in ms since the epoch."""
        ...


class StatefulProcessor(ABC):
    """State, timers and rows of one key at a time; derive from it and name the class as `processor:`."""

    @abstractmethod
    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare the state variables; called once a batch, before any key."""

    @abstractmethod
    def handleInputRows(self, key: Any, rows: Any, timerValues: TimerValues) -> Any:
        """Return the rows that a key's new rows give; called once a batch for each key that has some.

        Args:
            key: A named tuple of the key columns.
            rows: An iterator of named tuples, or a pyarrow Table, by the view's `form`.
            timerValues: The batch's times.
        """

    def handleInitialState(self, key: Any, initialState: Any, timerValues: TimerValues) -> None:
        """Take over what a view's `initial_state` says of a key; called in the first batch, before the key's rows.

        Args:
            key: A named tuple of the key columns.
            initialState: A row as a named tuple, one a call; with `form: table` a pyarrow Table of all the key's rows.
            timerValues: The batch's times.
        """
        del key, initialState, timerValues

    def handleExpiredTimer(
        self,
        key: Any,
        timerValues: TimerValues,
        expiredTimerInfo: ExpiredTimerInfo,
    ) -> Any:
        """Return the rows that an expired timer gives; called after all new rows, earliest timer first."""
        del key, timerValues, expiredTimerInfo
        return ()

    def close(self) -> None:
        """Let go of what init took; called at the end of each batch."""
        return
