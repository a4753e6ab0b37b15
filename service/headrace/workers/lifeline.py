"""Workers: the end of a worker when its service ends, however that happens and whatever the worker is doing."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
import threading


def end_with(lifeline: socket.socket) -> None:
    """Kill this process as soon as the other end of a socket is closed; nothing is ever sent through it.

    On Linux the kernel does it, so that code which never returns, or never lets go of the interpreter, is ended too.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it was closed before the kernel was asked
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=[lifeline], daemon=True).start()


def _watch(lifeline: socket.socket) -> None:
    lifeline.recv(1)
    os._exit(1)
