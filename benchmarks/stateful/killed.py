"""Benchmarks: one run of a query with state: until it is killed, then from its start to its end.

Takes a command and the checkpoint folder that it writes, in which every system keeps a file commits/N a batch; gives
rates, memory, disk and the time of recovery, all read from outside the process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.memory import MemorySampler
from benchmarks.systems.system import ROOT, require_success

_LIMIT_S = 1800.0
_LOOK_S = 0.01
_DISK_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class KilledRun:
    """What was seen of one run.

    Attributes:
        rows_per_second: From the first commit to the last one before the kill.
        late_rows_per_second: The same over the second half of those batches.
        recovery_s: From the start of the second process to its first commit.
        peak_bytes: The most memory of either process and what it started.
        disk_bytes: The most that the folders held.
    """

    rows_per_second: float
    late_rows_per_second: float
    recovery_s: float
    peak_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: the command, its checkpoint, its folders on disk, the rows of a batch, the batch to kill behind."""

    command: Sequence[str | Path]
    log: Path
    checkpoint: Path
    folders: Sequence[Path]
    batch_rows: int
    kill_at: int


def run_killed(job: Job) -> KilledRun:
    """Run a job until so many commits, kill it with SIGKILL, run it to its end.

    Raises:
        RuntimeError: it failed or took too long; the message has the end of its log.
    """
    with DiskSampler(job.folders) as disk:
        peak = _until_killed(job)
        before = _commit_times(job.checkpoint)
        began = time.time()
        child = _start(job)
        with MemorySampler(child.pid) as memory:
            require_success(child, job.log, _LIMIT_S)
    first_new = min(at for batch, at in _commit_times(job.checkpoint).items() if batch > max(before))
    times = [before[batch] for batch in sorted(before)]
    return KilledRun(
        _rate(times, job.batch_rows),
        _rate(times[len(times) // 2 :], job.batch_rows),
        first_new - began,
        max(peak, memory.peak_bytes),
        disk.peak_bytes,
    )


class DiskSampler:
    """Looks at the size of folders twice a second while it is entered."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk", daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_DISK_LOOK_S):
            self.peak_bytes = max(self.peak_bytes, sum(folder_bytes(folder) for folder in self._folders))


def folder_bytes(folder: Path) -> int:
    """Return the bytes of disk below a folder; a file with several names counts once."""
    found: dict[int, int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                seen = os.lstat(os.path.join(parent, name))  # noqa: PTH118  (a Path a file would cost more than the look)
            except OSError:  # it ended between the listing and the look
                continue
            found[seen.st_ino] = seen.st_blocks * 512
    return sum(found.values())


def _until_killed(job: Job) -> int:
    """Run the job until it is killed behind a batch and return the most memory."""
    child = _start(job)
    deadline = time.monotonic() + _LIMIT_S
    with MemorySampler(child.pid) as memory:
        while len(_commit_times(job.checkpoint)) < job.kill_at:
            if child.poll() is not None or time.monotonic() > deadline:
                end = job.log.read_text(errors="replace")[-3000:]
                message = f"ended or slow before batch {job.kill_at}; {job.log} ends with\n{end}"
                raise RuntimeError(message)
            time.sleep(_LOOK_S)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return memory.peak_bytes


def _start(job: Job) -> subprocess.Popen[bytes]:
    """Start the command as the leader of a process group, so that what it starts can be killed with it."""
    with job.log.open("ab") as log:
        command = [str(part) for part in job.command]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)


def _commit_times(checkpoint: Path) -> dict[int, float]:
    """Return when each batch was committed, in seconds since the Unix epoch."""
    return {int(file.name): file.stat().st_mtime for file in checkpoint.glob("commits/*") if file.name.isdecimal()}


def _rate(times: Sequence[float], batch_rows: int) -> float:
    return batch_rows * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
