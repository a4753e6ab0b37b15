"""Workers: what the code of a query prints, by line, in the log of the service; on stderr where there is none."""

from __future__ import annotations

import re
import sys
import threading
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import IO

import structlog

_log = structlog.get_logger(__name__)

_LONGEST_LINE = 8192
_KEPT_LINES = 100
_PATIENCE_S = 2.0
_FRAME = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+)')
_OURS = str(Path(__file__).parents[1])


class Output:
    """Reads a worker's output to its end on a thread of its own.

    Args:
        query: Told with each line.
        stream: stdout and stderr of the process; closed at its end.
    """

    def __init__(self, query: str, stream: IO[bytes]) -> None:
        self._query = query
        self._stream = stream
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._thread = threading.Thread(target=self._run, name=f"headrace-output-{query}", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until everything is logged; not for long, since children of the code may hold the stream open."""
        self._thread.join(_PATIENCE_S)

    @property
    def crashed_at(self) -> str | None:
        """File and line of the code that we called when the interpreter crashed, when it could still tell."""
        lines = list(self._kept)
        starts = [place for place, line in enumerate(lines) if line.startswith("Current thread")]
        frames = [found for line in (lines[starts[-1] :] if starts else ()) if (found := _FRAME.match(line))]
        theirs = list(takewhile(lambda frame: not frame["file"].startswith((_OURS, "<frozen importlib")), frames))
        return f"{Path(theirs[-1]['file']).name}:{theirs[-1]['line']}" if theirs else None

    def _run(self) -> None:
        with self._stream:
            while line := self._stream.readline(_LONGEST_LINE):
                text = line.decode(errors="replace").rstrip("\r\n")
                self._kept.append(text)
                if structlog.is_configured():
                    _log.info("printed", query=self._query, line=text)
                else:  # a command without a log, whose output may be for programs
                    sys.stderr.write(f"{text}\n")
