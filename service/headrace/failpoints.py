"""Ground floor: named points between the steps of a batch at which a test can make the process die.

A point is a no-op unless ``HEADRACE_FAILPOINT=name:n:action`` names it: the n-th time a thread passes it (from 1) the
process is killed or stopped, an error is raised, or the thread sleeps. With ``name:n:action:threads`` each thread waits
there at its n-th passing, and the action is done when so many wait: one kill then hits every query of a file at that
point. Every name stands in POINTS, so that a test can walk all of them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from headrace.errors import StreamError

VARIABLE = "HEADRACE_FAILPOINT"

POINTS = (
    "before_wal",
    "after_wal",
    "after_read",
    "after_compute",
    "after_write",
    "after_delta",
    "before_commit",
    "after_commit",
    "after_apply",
    "after_commit_log",
    "after_progress",
    "before_snapshot",
    "after_snapshot",
    "after_purge",
)
"""In the order a batch passes them."""

_SLEEP_S = 600.0

_passed: dict[str, int] = {}
_gatherings: dict[str, threading.Barrier] = {}
_lock = threading.Lock()


def _kill() -> None:
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise() -> None:
    raise StreamError("FAILPOINT", "the failpoint raised, as a test asked it to")


def _sleep() -> None:
    sys.stderr.flush()
    time.sleep(_SLEEP_S)


_ACTIONS: dict[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "raise": _raise, "sleep": _sleep}


def failpoint(name: str) -> None:
    """Pass a named point; does something only when the environment names it.

    Raises:
        StreamError: FAILPOINT, when the action is ``raise``.
    """
    setting = os.environ.get(VARIABLE)
    if not setting:
        return
    wanted, count, action, *threads = setting.split(":")
    thread = threading.current_thread().name
    if wanted != name:
        return
    _passed[thread] = _passed.get(thread, 0) + 1
    if _passed[thread] != int(count):
        return

    def act() -> None:
        sys.stderr.write(f"failpoint {name} reached {count} times: {action}\n")
        _ACTIONS[action]()

    if threads:
        sys.stderr.write(f"failpoint {name} reached {count} times by {thread}\n")
        with _lock:
            gathering = _gatherings.setdefault(name, threading.Barrier(int(threads[0]), act))
        gathering.wait()  # the last to come acts, before any is let go
    else:
        act()
