"""Workers: real processes that run code which stands beside a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.ddl import parse_schema, parse_type
from headrace.workers.spec import CodeSpec, FunctionSpec
from headrace.workers.worker import Worker

CODE = """\
import ctypes, os, pathlib, signal, subprocess, sys, time
import pyarrow.compute as pc

def more(x): return pc.add(x, 1)
def number(x): return pc.add(pc.multiply(x, 0), os.getpid())
def leaves(x): os._exit(7)
def is_killed(x): os.kill(os.getpid(), signal.SIGKILL)
def crashes(x): return ctypes.string_at(0)
def quits(x): sys.exit(3)
def fills(x): raise MemoryError("too much")
def prints(x):
    print("so", x[0], "it is", flush=False)
    sys.stderr.write("half a line")
    return x
def inside(): pathlib.Path(__file__).with_name("inside").touch()
def hangs(x):
    inside()
    while True: pass
def hangs_in_c(x):
    inside()
    ctypes.PyDLL(None).sleep(600)
def interrupted(x):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    return x
"""

NewWorker = Callable[..., Worker]


@pytest.fixture
def new_worker(tmp_path: Path) -> Iterator[NewWorker]:
    """Starts a worker with the functions of CODE that are named; every one is closed after the test."""
    module = f"code_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(CODE)
    started: list[Worker] = []

    def new(*names: str) -> Worker:
        parameters, returns = parse_schema("x BIGINT"), parse_type("BIGINT")
        functions = {name: FunctionSpec(f"{module}:{name}", parameters, returns, is_by_row=False) for name in names}
        started.append(Worker("q", CodeSpec(tmp_path, functions)))
        started[-1].start()
        return started[-1]

    yield new
    for worker in started:
        worker.close()
