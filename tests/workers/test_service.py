"""Workers of a running service: no orphans however it ends, and what code prints in its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.workers.test_worker import is_alive, until

CODE = """\
import os, pathlib, sys
NUMBER = pathlib.Path(__file__).with_suffix(".pid")

def tells(x):
    print("number", os.getpid())
    return x

def hangs(x):
    NUMBER.with_suffix(".new").write_text(str(os.getpid()))
    NUMBER.with_suffix(".new").rename(NUMBER)
    while True: pass
"""

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `headrace run` over a stream that one function of CODE is called for; killed after the test."""
    (tmp_path / "code_that_stays.py").write_text(CODE)
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str) -> subprocess.Popen[bytes]:
        function = {"function": f"code_that_stays:{name}", "parameters": "x BIGINT", "returns": "BIGINT"}
        query = {"sql": "SELECT f(value) AS n FROM s", "output_mode": "append", "sink": {"format": "console"}}
        file = {
            "version": 1,
            "name": "stays",
            "sources": {"s": {"format": "rate", "options": {"rowsPerSecond": 100}}},
            "functions": {"f": function},
            "queries": {"q": query},
            "checkpoint": {"location": str(tmp_path / "checkpoint")},
        }
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(file))
        command = [sys.executable, "-m", "headrace", "run", str(tmp_path / "p.yaml"), "--log-format", "json"]
        with (tmp_path / "log").open("wb") as log:
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[], list[str]]:
    """Gives what the code has printed so far, as it stands in the log."""

    def printed() -> list[str]:
        log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
        return [line["line"] for line in log if (line["event"], line.get("query")) == ("printed", "q")]

    return printed


@pytest.mark.slow
@pytest.mark.parametrize("hangs", [False, True], ids=["between calls", "in a call that never returns"])
def test_no_worker_outlives_a_service_that_is_killed(
    start: Start, tmp_path: Path, lines: Callable[[], list[str]], hangs: bool
) -> None:
    """Nobody tells the worker; its sockets do."""
    service = start("hangs" if hangs else "tells")
    told = tmp_path / "code_that_stays.pid"
    until(lambda: told.exists() or bool(lines()))
    worker = int(told.read_text() if hangs else lines()[0].split()[1])
    assert is_alive(worker)
    service.kill()
    service.wait()
    until(lambda: not is_alive(worker))


@pytest.mark.slow
def test_a_second_signal_ends_a_call_that_never_returns(start: Start, tmp_path: Path) -> None:
    """The first one waits for the batch."""
    service = start("hangs")
    told = tmp_path / "code_that_stays.pid"
    until(told.exists)
    service.send_signal(signal.SIGTERM)
    until(lambda: '"stopping"' in (tmp_path / "log").read_text())
    service.send_signal(signal.SIGTERM)
    assert service.wait(20) == 128 + signal.SIGTERM
    until(lambda: not is_alive(int(told.read_text())))


@pytest.mark.slow
def test_signals_to_the_whole_group_end_the_query_after_its_batch(start: Start, lines: Callable[[], list[str]]) -> None:
    """As a terminal's and a service manager's are; the worker does not die under the batch."""
    service = start("tells")
    until(lambda: bool(lines()))
    os.killpg(service.pid, signal.SIGTERM)
    assert service.wait(20) == 0
    assert not is_alive(int(lines()[0].split()[1]))
