"""State room: a thread of a query that does jobs in the order they were handed over, while the batch goes on.

Takes jobs, gives their futures. After one that failed none is done: what a journal of them left on disk is always a
beginning of what was handed over.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")


class JobThread:
    """One thread of a query; close() waits for its last job.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._last: Future[Any] | None = None
        self._failure: BaseException | None = None

    def hand(self, job: Callable[[], _T]) -> Future[_T]:
        """Do a job after those handed over before; its future raises what it raised, or what an earlier one did."""
        self._last = future = self._executor.submit(self._do, job)
        return future

    def check(self) -> None:
        """Raise what the first job that failed raised, if one has; does not wait."""
        if self._failure is not None:
            raise self._failure

    def settle(self) -> None:
        """Wait until every job is done; raise what the first that failed raised."""
        if self._last is not None:
            self._last.result()

    def close(self) -> None:
        """Wait for the last job and end the thread; may be called twice."""
        self._executor.shutdown()

    def _do(self, job: Callable[[], _T]) -> _T:
        self.check()
        try:
            return job()
        except BaseException as error:
            self._failure = error
            raise
