"""A Spark in a child process that records cases, one after the other.

Takes the Python that has pyspark; gives cases with what Spark did. The child is started once: the first case waits for
the JVM, each further one takes about a second.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

RECORDER = Path(__file__).with_name("recorder.py")
ANSWER = "RECORDED "


class LiveSpark:
    """The child process, as a context.

    Args:
        python: A Python interpreter that can import pyspark.
        log: Where the child's log goes.
    """

    def __init__(self, python: str, log: Path) -> None:
        self._log = log.open("w")
        self._child = subprocess.Popen(
            [python, str(RECORDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def __enter__(self) -> LiveSpark:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(timeout=60)
        self._child.stdout.close()
        self._log.close()

    def record(self, case: dict[str, Any]) -> dict[str, Any]:
        """Return the case with what Spark did.

        Raises:
            RuntimeError: the child ended; its log says why.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(case) + "\n")
        self._child.stdin.flush()
        for line in self._child.stdout:
            if line.startswith(ANSWER):
                found: dict[str, Any] = json.loads(line.removeprefix(ANSWER))
                return found
        msg = f"Spark's process ended with {self._child.wait()}; its log: {self._log.name}"
        raise RuntimeError(msg)
