"""Room testing: child processes frozen for a time, as an overloaded machine or a debugger freezes them.

Takes a child of this process and gives it back with every thread of it stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess


def freeze(child: subprocess.Popen[bytes]) -> None:
    """Stop a child with SIGSTOP and return when its last thread has stopped; SIGCONT lets it go on."""
    child.send_signal(signal.SIGSTOP)
    wait_until_stopped(child)


def wait_until_stopped(child: subprocess.Popen[bytes]) -> None:
    """Return when the last thread of a child has stopped, or at once when the child has ended.

    A stop is reported once: this waits for one that no call has waited for before. The signal alone is not enough,
    since each thread runs on until the kernel comes to it, and a SIGCONT sent before that is lost.
    """
    if child.poll() is None:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            child.returncode = os.waitstatus_to_exitcode(status)
