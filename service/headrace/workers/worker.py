"""Workers: the service's end of a worker process.

Takes the code of one query; starts the process, sends requests and waits for answers, one at a time. Nothing is forked:
the process is a new interpreter, which gets two sockets, for messages and for its end, and a pipe for what it prints.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from headrace.dataclass import dataclass
from headrace.errors import Retry, StreamError
from headrace.workers.output import Output
from headrace.workers.spec import CodeSpec, to_json
from headrace.workers.wire import Channel, Message

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from headrace.workers.serving import main; main()"
)
"""What the new interpreter runs: modules are found where this process finds them, ours among them."""

_GRACE_S = 2.0
"""How long a worker may take to end after its last request."""

_KILLED = "The kernel does that when memory runs short: lower maxOffsetsPerTrigger, or give the process more memory."
_CRASHED = "A library has crashed; the Python stack of that moment stands in the log."
_LEFT = "Code may not end its process: let it raise an exception instead of calling os._exit."


@dataclass(slots=True)
class _Running:
    """A started process and our ends of what connects it."""

    process: subprocess.Popen[bytes]
    channel: Channel
    lifeline: socket.socket
    output: Output
    is_ready: bool = False


class Worker:
    """The process in which the code of one query runs; any thread may ask, one at a time.

    Args:
        query: Its name, for the log.
        spec: Its code.
    """

    def __init__(self, query: str, spec: CodeSpec) -> None:
        self.spec = spec
        self._query = query
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._lost: StreamError | None = None
        self._is_closed = False

    @property
    def process_id(self) -> int | None:
        """Number of the process while there is one."""
        return None if self._running is None else self._running.process.pid

    def start(self) -> None:
        """Start the process and do not wait for it; without this the first request does.

        Raises:
            StreamError: there can be no process.
        """
        with self._lock:
            self._started()

    def wait_ready(self) -> None:
        """Wait until the code is imported.

        Raises:
            StreamError: it cannot be, or the process has ended.
        """
        with self._lock:
            self._ready("the import of the code")

    def ask(self, head: dict[str, Any], tables: Sequence[pa.Table] = (), *, target: str) -> Message:
        """Send a request and return its answer.

        Args:
            head: What to do, see `serving`.
            tables: What with.
            target: The code that is called, for messages.

        Raises:
            StreamError: what the code did wrong; FUNCTION_FAILED that may pass when the process is gone.
        """
        with self._lock:
            running = self._ready(target)
            try:
                running.channel.write(head, tables)
            except OSError as error:
                raise self._ended(running, target, is_running=False) from error
            return self._answer(running, target)

    def close(self) -> None:
        """End the process, for good: it is given a moment to end by itself, and killed after that."""
        running, self._running = self._running, None
        self._is_closed = True
        if running is None:
            return
        running.channel.close()
        _wait(running.process)
        running.lifeline.close()
        running.output.finish()

    def _started(self) -> _Running:
        if self._lost is not None:
            raise self._lost
        if self._is_closed:
            message = f"the worker of {self._query} is closed"
            raise StreamError("INTERNAL", message)
        if self._running is None:
            self._running = _start(self._query)
            try:
                self._running.channel.write(to_json(self.spec))
            except OSError as error:
                raise self._ended(self._running, "the import of the code", is_running=True) from error
        return self._running

    def _ready(self, target: str) -> _Running:
        running = self._started()
        if not running.is_ready:
            self._answer(running, f"the import of {target}" if " " not in target else target)
            running.is_ready = True
        return running

    def _answer(self, running: _Running, target: str) -> Message:
        try:
            head, tables = running.channel.read()
        except (EOFError, OSError, ValueError) as error:  # a ValueError when it is closed meanwhile
            raise self._ended(running, target, is_running=True) from error
        if "error" in head:
            raise StreamError(**head["error"])
        return head, tables

    def _ended(self, running: _Running, target: str, *, is_running: bool) -> StreamError:
        status = _wait(running.process)
        running.output.finish()
        self._lost = _loss(target, status, running.output.crashed_at, is_running=is_running)
        return self._lost


def _start(query: str) -> _Running:
    channel, theirs = socket.socketpair()
    lifeline, their_end = socket.socketpair()
    numbers = (theirs.fileno(), their_end.fileno())
    command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path), *map(str, numbers)]
    try:
        process = subprocess.Popen(  # noqa: S603 our own interpreter and module
            command,
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        channel.close()
        lifeline.close()
        message = f"no worker process for Python code can be started: {error}"
        raise StreamError("FUNCTION_FAILED", message, retry=Retry.BACKOFF) from error
    finally:
        theirs.close()
        their_end.close()
    assert process.stdout is not None  # it is a pipe
    return _Running(process, Channel(channel), lifeline, Output(query, process.stdout))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the status of a process that is about to end, and kill it when it does not."""
    try:
        return process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _loss(target: str, status: int, place: str | None, *, is_running: bool) -> StreamError:
    """Return the error of a query whose worker is gone; the query may be started again.

    Args:
        target: The code that ran, or was to run.
        status: Exit status of the process, negative for a signal.
        place: File and line of the crash, where they are known.
        is_running: Whether the code had been called.
    """
    where = f" at {place}" if place else ""
    when = f"{target} ended its worker process{where}"
    if not is_running:
        when = f"the worker process was gone when {target} was called"
    if status < 0:
        how, advice = f"killed by {_name(-status)}", _KILLED if status == -signal.SIGKILL else _CRASHED
    else:
        how, advice = f"exit code {status}", _LEFT
    return StreamError("FUNCTION_FAILED", f"{when}: {how}. {advice}", retry=Retry.BACKOFF)


def _name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"
