"""Ground floor, for authors of stateful functions: the state of one key during one call.

Source: PySpark GroupState and Spark GroupStateImpl; the rules and the kinds of exceptions are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from headrace.dataclass import dataclass


class TimeMode(Enum):
    """What timeouts and timers go by."""

    NONE = "none"
    PROCESSING_TIME = "processing_time"
    EVENT_TIME = "event_time"


@dataclass(frozen=True, slots=True)
class GroupTimes:
    """The times of a batch, in ms since the epoch; `watermark_ms` is None without a watermark."""

    mode: TimeMode
    batch_ms: int
    watermark_ms: int | None


class GroupState:
    """The state of one key; valid during the call it is given to, and until its rows are consumed.

    Args:
        value: What was stored, None for a key without state.
        times: The batch's times.
        has_timed_out: Whether this call is for a timeout, and so without rows.
    """

    def __init__(self, value: tuple[Any, ...] | None, times: GroupTimes, *, has_timed_out: bool = False) -> None:
        self._value = value
        self._times = times
        self._has_timed_out = has_timed_out
        self._is_updated = self._is_removed = False
        self._timeout_ms: int | None = None

    @property
    def exists(self) -> bool:
        """Whether the key has state."""
        return self._value is not None

    @property
    def get(self) -> tuple[Any, ...]:
        """The state, in the order of the state schema.

        Raises:
            ValueError: There is none, or it was removed.
        """
        if self._value is None:
            message = "State is either not defined or has already been removed."
            raise ValueError(message)
        return self._value

    @property
    def getOption(self) -> tuple[Any, ...] | None:
        """The state, or None."""
        return self._value

    @property
    def hasTimedOut(self) -> bool:
        """Whether the function is called because the key has timed out; there are no rows then."""
        return self._has_timed_out

    def update(self, newValue: Any) -> None:
        """Set the state: one value a column of the state schema.

        Raises:
            TypeError: The value is None, or no tuple.
        """
        if isinstance(newValue, str | bytes) or not isinstance(newValue, Sequence):
            message = f"The state is a tuple, one value a column of the state schema; seen: {newValue!r}."
            raise TypeError(message)
        self._value = tuple(newValue)
        self._is_updated, self._is_removed = True, False

    def remove(self) -> None:
        """Forget the state; the timeout, when one is set in this call, stays."""
        self._value = None
        self._is_updated, self._is_removed = False, True

    def setTimeoutDuration(self, durationMs: Any) -> None:
        """Call again without rows when so many ms of processing time have passed; holds until the key's next call.

        Raises:
            RuntimeError: The timeout is not processing_time.
            TypeError: The duration is no whole number.
            ValueError: It is zero or less.
        """
        if self._times.mode is not TimeMode.PROCESSING_TIME:
            message = "Cannot set timeout duration without timeout: processing_time."
            raise RuntimeError(message)
        if not isinstance(durationMs, int):
            message = f"A timeout duration is a whole number of ms; seen: {durationMs!r}."
            raise TypeError(message)
        if durationMs <= 0:
            message = f"A timeout duration must be positive; seen: {durationMs}."
            raise ValueError(message)
        self._timeout_ms = self._times.batch_ms + durationMs

    def setTimeoutTimestamp(self, timestampMs: int | datetime) -> None:
        """Call again without rows when the watermark has passed this time; holds until the key's next call.

        Args:
            timestampMs: ms since the epoch, or a datetime; one without a zone is in UTC.

        Raises:
            RuntimeError: The timeout is not event_time.
            ValueError: It is zero or less, or before the watermark.
        """
        if self._times.mode is not TimeMode.EVENT_TIME:
            message = "Cannot set timeout timestamp without timeout: event_time."
            raise RuntimeError(message)
        if isinstance(timestampMs, datetime):
            zoned = timestampMs if timestampMs.tzinfo else timestampMs.replace(tzinfo=UTC)
            timestampMs = int(zoned.timestamp() * 1000)
        if timestampMs <= 0:
            message = f"A timeout timestamp must be positive; seen: {timestampMs}."
            raise ValueError(message)
        watermark = self._times.watermark_ms
        if watermark is not None and timestampMs < watermark:
            message = f"Timeout timestamp ({timestampMs}) cannot be earlier than the current watermark ({watermark})."
            raise ValueError(message)
        self._timeout_ms = int(timestampMs)

    def getCurrentWatermarkMs(self) -> int:
        """Return the watermark in ms since the epoch; 0 before the first.

        Raises:
            RuntimeError: The input has no watermark.
        """
        if self._times.watermark_ms is None:
            message = "Cannot get the watermark of an input without one; set it on the source or on a view."
            raise RuntimeError(message)
        return self._times.watermark_ms

    def getCurrentProcessingTimeMs(self) -> int:
        """Return the batch's time in ms since the epoch; the same when the batch is run again."""
        return self._times.batch_ms


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call left behind: the state (None for none), its timeout in ms, and what it did to the state."""

    value: tuple[Any, ...] | None
    timeout_ms: int | None
    is_updated: bool
    is_removed: bool


def outcome_of(state: GroupState) -> Outcome:
    """Return what a call did to its state; for the engine."""
    return Outcome(state._value, state._timeout_ms, state._is_updated, state._is_removed)  # noqa: SLF001 -- same module
