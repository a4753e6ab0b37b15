"""Plugins room: calls of the Kafka client that may never return, made on a thread that can be given up.

Takes calls, gives futures of what they return. The thread is a daemon: a call that hangs does not keep the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

_Call = tuple[Callable[[], object], Future[object]]


class Caller:
    """One thread at a time, begun with the first call.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[_Call | None] | None = None

    def ask(self, call: Callable[[], object]) -> Future[object]:
        """Make a call after those asked for before; its future raises what it raises."""
        if self._calls is None:
            self._calls = SimpleQueue()
            threading.Thread(target=_make, args=(self._calls,), name=self._name, daemon=True).start()
        answer: Future[object] = Future()
        self._calls.put((call, answer))
        return answer

    def give_up(self) -> None:
        """Let the thread end with its last call, if that ever returns; the next call gets another thread."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _make(calls: SimpleQueue[_Call | None]) -> None:
    while (asked := calls.get()) is not None:
        call, answer = asked
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 it is raised where the answer is awaited
            answer.set_exception(error)
        del asked, call, answer  # a call holds its client, which ends when nobody does
