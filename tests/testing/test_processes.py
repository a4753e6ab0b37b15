"""A frozen child stands still when the call returns, whatever its threads were doing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.testing.processes import freeze, wait_until_stopped

ROUNDS = 20
BUSY = """
import threading
def spin():
    while True:
        pass
threads = [threading.Thread(target=spin, daemon=True) for _ in range(8)]
[thread.start() for thread in threads]
print("ready", flush=True)
threads[0].join()
"""


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run code in a child that is gone afterwards."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def states(child: subprocess.Popen[bytes]) -> set[str]:
    """Return the states of a child's threads, as the kernel calls them."""
    tasks = Path(f"/proc/{child.pid}/task").iterdir()
    return {(task / "stat").read_text().rsplit(")", 1)[1].split()[0] for task in tasks}


def test_every_thread_of_a_frozen_child_stands_still_and_goes_on_later() -> None:
    """The signal alone lets threads run on for a while."""
    with python(BUSY) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        for _ in range(ROUNDS):
            freeze(child)
            assert states(child) == {"T"}
            child.send_signal(signal.SIGCONT)
            assert states(child) != {"T"}


def test_a_child_that_stops_itself_is_waited_for() -> None:
    """A SIGCONT right after is not lost, so that the child comes to its end."""
    code = "import os, signal; print('soon', flush=True); os.kill(os.getpid(), signal.SIGSTOP); print('after')"
    with python(code) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"soon\n"
        wait_until_stopped(child)
        child.send_signal(signal.SIGCONT)
        assert (child.stdout.read(), child.wait()) == (b"after\n", 0)


def test_a_child_that_has_ended_or_ends_is_not_waited_for_and_keeps_its_code() -> None:
    """Nothing is left to stop."""
    with python("raise SystemExit(3)") as ending:
        wait_until_stopped(ending)
        assert ending.wait() == 3
        freeze(ending)
        assert ending.returncode == 3
