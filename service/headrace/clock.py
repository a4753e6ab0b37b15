"""Ground floor: the clock, injected wherever time is read, so that tests move it by hand.

Gives wall time for batch timestamps and triggers and a monotonic reading for measuring; knows nothing else.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from headrace.values import US_PER_S, ProcessingTime


class Clock(Protocol):
    """Wall and monotonic time, and a wait that an event can end."""

    def now_us(self) -> ProcessingTime:
        """Return wall time, µs since the Unix epoch, UTC; may jump when the machine's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        ...

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Return True as soon as the event is set, False after the timeout in seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> ProcessingTime:
        """Return wall time, µs since the Unix epoch, UTC."""
        return ProcessingTime(time.time_ns() // 1_000)

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Return True as soon as the event is set, False after the timeout in seconds."""
        return event.wait(min(max(0.0, timeout_s), threading.TIMEOUT_MAX))


class ManualClock:
    """A clock that moves only when told; waiting moves it at once by the timeout."""

    def __init__(self, start_us: int = 0) -> None:
        self._now_us = start_us
        self._lock = threading.Lock()

    def now_us(self) -> ProcessingTime:
        """Return the time set by hand, µs since the Unix epoch, UTC."""
        return ProcessingTime(self._now_us)

    def monotonic_s(self) -> float:
        """Return the time set by hand in seconds."""
        return self._now_us / US_PER_S

    def advance(self, by_us: int) -> None:
        """Move forward by microseconds."""
        with self._lock:
            self._now_us += by_us

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Move forward by the timeout unless the event is set already."""
        if event.is_set():
            return True
        self.advance(round(timeout_s * US_PER_S))
        return event.is_set()
