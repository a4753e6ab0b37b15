"""Room 10: the recent progress and the present status of one query.

Takes progress and activities from the engine's thread; gives both to any other thread. Words and flags of the status
are Spark's.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from enum import Enum

from headrace.dataclass import dataclass
from headrace.progress.model import BatchProgress

RECENT_LIMIT = 100
"""How many progresses are kept; Spark's spark.sql.streaming.numRecentProgressUpdates."""


class Activity(Enum):
    """What the query's thread is about; the value is Spark's status message."""

    INITIALIZING = "Initializing sources"
    PROCESSING = "Processing new data"
    CLEANING = "No new data but cleaning up state"
    WAITING_FOR_DATA = "Waiting for data to arrive"
    WAITING_FOR_TRIGGER = "Waiting for next trigger"
    STOPPED = "Stopped"
    TERMINATED = "Terminated with exception"


_TRIGGER_ACTIVE = {Activity.PROCESSING, Activity.CLEANING}
_KEEPS_DATA_FLAG = {Activity.WAITING_FOR_TRIGGER}


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """Spark's StreamingQueryStatus."""

    message: str = Activity.INITIALIZING.value
    is_data_available: bool = False
    is_trigger_active: bool = False

    def to_spark_json(self) -> dict[str, str | bool]:
        """Return the object that Spark's ``status`` shows."""
        return {
            "message": self.message,
            "isDataAvailable": self.is_data_available,
            "isTriggerActive": self.is_trigger_active,
        }


class ProgressHistory:
    """The last batches of one query, oldest first, and its status; safe to read from any thread.

    Args:
        limit: How many progresses to keep, at least 1.
    """

    def __init__(self, limit: int = RECENT_LIMIT) -> None:
        self._recent: deque[BatchProgress] = deque(maxlen=limit)
        self._status = QueryStatus()
        self._lock = threading.Lock()

    def add(self, progress: BatchProgress) -> None:
        """Append a progress, also one of an idle trigger, dropping the oldest when full."""
        with self._lock:
            self._recent.append(progress)

    @property
    def last(self) -> BatchProgress | None:
        """The newest progress, None before the first."""
        with self._lock:
            return self._recent[-1] if self._recent else None

    @property
    def recent(self) -> tuple[BatchProgress, ...]:
        """All kept progresses, oldest first."""
        with self._lock:
            return tuple(self._recent)

    @property
    def status(self) -> QueryStatus:
        """What the query is doing now."""
        with self._lock:
            return self._status

    def now(self, activity: Activity) -> None:
        """Set the status to an activity; its flags follow Spark's."""
        with self._lock:
            kept = activity in _KEEPS_DATA_FLAG and self._status.is_data_available
            self._status = QueryStatus(
                activity.value,
                is_data_available=kept or activity is Activity.PROCESSING,
                is_trigger_active=activity in _TRIGGER_ACTIVE,
            )

    def terminated(self, error: BaseException) -> None:
        """Set the status to ``Terminated with exception: <error>``."""
        self.now(Activity.TERMINATED)
        with self._lock:
            self._status = replace(self._status, message=f"{Activity.TERMINATED.value}: {error}")
