"""Benchmarks: memory of a process and everything it started, from /proc, while it runs.

Takes a process id; gives the resident sizes seen. Pages that two processes share count twice, which is against the
systems with many processes and in favour of none.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Self

_EVERY_S = 0.05
_PAGE_BYTES = 4096


class MemorySampler:
    """Looks at a process tree twenty times a second while it is entered.

    Attributes:
        samples: Resident bytes.
        anonymous: Those of them that no file backs, so that the system cannot take them back.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self.samples: list[int] = []
        self.anonymous: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak_bytes(self) -> int:
        """The most that was seen."""
        return max(self.samples, default=0)

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            size, anonymous = tree_bytes(self._pid)
            if size:
                self.samples.append(size)
                self.anonymous.append(anonymous)


def tree_bytes(pid: int) -> tuple[int, int]:
    """Return the resident bytes of a process and its descendants, and the anonymous of them; 0 when it is gone."""
    found = [_resident_bytes(one) for one in _tree(pid)]
    return sum(size for size, _ in found), sum(anonymous for _, anonymous in found)


def growth(samples: Sequence[int]) -> float:
    """Return the mean of the last third over the mean of the first third; 1.0 is flat."""
    third = len(samples) // 3
    if third == 0:
        return 1.0
    return fmean(samples[-third:]) / fmean(samples[:third])


def _tree(pid: int) -> list[int]:
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += _children(one)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # the process ended meanwhile
        return children
    for task in tasks:
        try:
            children += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # the thread ended meanwhile
            continue
    return children


def _resident_bytes(pid: int) -> tuple[int, int]:
    try:
        _size, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):  # the process ended meanwhile
        return 0, 0
    return resident * _PAGE_BYTES, (resident - shared) * _PAGE_BYTES
