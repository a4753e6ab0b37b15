"""State room: one process owns a folder at a time.

Takes a folder, holds an advisory lock on its file `.lock` until released; the kernel drops it when the process
dies, however it dies. The file's text names the holder and is information only.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

from headrace_state.errors import StateError, StateErrorKind, os_errors


class FolderLock:
    """An exclusive lock on a folder, held from acquire, or the start of a with block, to release."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or fail; the folder is made when absent.

        Raises:
            StateError: LOCKED, naming the holder (also when this process holds it already); IO.
        """
        with os_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                self._take(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder up; releasing twice does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 1024, 0).decode("utf-8", "replace").strip() or "unknown"
            message = f"the folder is in use by another process ({holder})"
            raise StateError(StateErrorKind.LOCKED, message, self.folder) from error
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = f"pid {os.getpid()} on {socket.gethostname()} since {started}\n"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
