"""A worker process: what crosses, what is said when it ends by itself, and that it always ends."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from structlog.testing import capture_logs
from tests.workers.conftest import NewWorker

from headrace.errors import Retry, StreamError
from headrace.workers.remote import RemoteFunction
from headrace.workers.worker import Worker

ONE = pa.array([1], pa.int64())


def is_alive(number: int) -> bool:
    """Return True while there is a process of this number that has not ended."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def said(worker: Worker, name: str) -> StreamError:
    """Return the error of a call; the module is called code."""
    with pytest.raises(StreamError) as raised:
        RemoteFunction(worker, name).answer([ONE])
    raised.value.message = re.sub(r"code_\w+?(?=[:.])", "code", raised.value.message)
    return raised.value


def test_a_function_runs_in_another_process_from_any_thread(new_worker: NewWorker) -> None:
    """One at a time, none gets the answer of another."""
    worker = new_worker("more", "number")
    [number] = RemoteFunction(worker, "number").answer([ONE]).to_pylist()
    assert number == worker.process_id != os.getpid()
    more = RemoteFunction(worker, "more")
    with ThreadPoolExecutor(4) as pool:
        asked = [pa.array(range(n, n + 100), pa.int64()) for n in range(40)]
        assert [given.to_pylist() for given in pool.map(lambda x: more.answer([x]), asked)] == [
            list(range(n + 1, n + 101)) for n in range(40)
        ]
    assert more.answer([ONE.slice(0, 0)]).to_pylist() == []


ENDS = [
    ("leaves", "code:leaves ended its worker process: exit code 7. Code may not end its process: let it raise an "
     "exception instead of calling os._exit."),
    ("is_killed", "code:is_killed ended its worker process: killed by SIGKILL (signal 9). The kernel does that when "
     "memory runs short: lower maxOffsetsPerTrigger, or give the process more memory."),
    ("crashes", "code:crashes ended its worker process at code.py:8: killed by SIGSEGV (signal 11). A library has "
     "crashed; the Python stack of that moment stands in the log."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message"), ENDS, ids=[case[0] for case in ENDS])
def test_a_process_that_ends_is_told_with_the_function_and_how(new_worker: NewWorker, name: str, message: str) -> None:
    """The query may be started again; until then every call says the same."""
    worker = new_worker(name, "more")
    error = said(worker, name)
    assert (error.code, error.message, error.retry) == ("FUNCTION_FAILED", message, Retry.BACKOFF)
    assert said(worker, "more").message == message


def test_a_process_that_is_gone_between_two_calls_is_told(new_worker: NewWorker) -> None:
    """It did not end because of the function that is called then."""
    worker = new_worker("more")
    worker.wait_ready()
    assert worker.process_id is not None
    os.kill(worker.process_id, 9)
    os.waitid(os.P_PID, worker.process_id, os.WEXITED | os.WNOWAIT)
    assert said(worker, "more").message.startswith("the worker process was gone when code:more was called: killed by")


def test_what_python_can_catch_is_an_ordinary_failure(new_worker: NewWorker) -> None:
    """The process lives on, and the query is not started again."""
    worker = new_worker("quits", "fills", "more")
    for name, told in (("quits", "code.py:9: SystemExit: 3."), ("fills", "code.py:10: MemoryError: too much.")):
        error = said(worker, name)
        assert (error.message, error.retry) == (f"code:{name} failed at {told} Called with x=1.", Retry.NEVER)
    assert RemoteFunction(worker, "more").answer([ONE]).to_pylist() == [2]


def test_what_is_printed_stands_in_the_log(new_worker: NewWorker) -> None:
    """By line, with the query's name; a line without an end too."""
    with capture_logs() as logs:
        worker = new_worker("prints")
        RemoteFunction(worker, "prints").answer([ONE])
        worker.close()
    assert logs == [
        {"event": "printed", "query": "q", "line": line, "log_level": "info"} for line in ("so 1 it is", "half a line")
    ]


def test_signals_to_the_whole_group_do_not_end_it(new_worker: NewWorker) -> None:
    """A terminal and a service manager send them to every process; the service decides when a query ends."""
    worker = new_worker("interrupted")
    assert RemoteFunction(worker, "interrupted").answer([ONE]).to_pylist() == [1]


@pytest.mark.parametrize("name", ["hangs", "hangs_in_c"])
def test_a_call_that_never_returns_ends_when_the_worker_is_closed(
    new_worker: NewWorker, tmp_path: Path, name: str
) -> None:
    """After the moment it is given; the one who called gets an error."""
    worker = new_worker(name)
    worker.wait_ready()
    number = worker.process_id
    assert number is not None
    errors: list[StreamError] = []

    def call() -> None:
        try:
            RemoteFunction(worker, name).answer([ONE])
        except StreamError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    until((tmp_path / "inside").exists)
    worker.close()
    caller.join(10)
    assert not is_alive(number)
    assert [error.code for error in errors] == ["FUNCTION_FAILED"]


def until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end


def test_closing_twice_and_closing_what_never_ran_do_nothing(new_worker: NewWorker) -> None:
    """A process that ended is not left as a zombie."""
    worker = new_worker("more")
    number = worker.process_id
    worker.close()
    worker.close()
    assert number is not None
    assert not is_alive(number)
    assert worker.process_id is None
    assert said(worker, "more").code == "INTERNAL"
    Worker("q", worker.spec).close()
