"""How much memory a process may use, what DuckDB may hold of it for each query, and what is given back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.memory import allowed_bytes, code_ranges, query_bytes

GIB = 1 << 30


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_limit_of_the_container_counts_when_it_is_less_than_the_machine(file: str, tmp_path: Path) -> None:
    """Of either version of control groups."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f"{1 << 28}\n")
    assert allowed_bytes(tmp_path) == 1 << 28


def test_without_a_limit_it_is_the_machines_memory(tmp_path: Path) -> None:
    """No control group, one without a limit, and one with a limit beyond the machine."""
    machine = allowed_bytes(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert allowed_bytes(tmp_path) == machine
    (tmp_path / "memory.max").write_text(f"{1 << 62}\n")
    assert allowed_bytes(tmp_path) == machine > 1 << 28


@pytest.mark.parametrize(
    ("queries", "allowed", "each"),
    [(1, 64 * GIB, GIB), (2, GIB, GIB * 2 // 10), (1, 1 << 28, 128 << 20), (8, 4 * GIB, GIB * 2 // 10)],
)
def test_queries_share_two_fifths_of_the_memory(queries: int, allowed: int, each: int) -> None:
    """At most 1 GiB and at least 128 MiB each."""
    assert abs(query_bytes(queries, allowed) - each) <= 1


MAPS = """\
10000000-10400000 r--p 00000000 fe:00 77                 /opt/my libs/libbig.so.2
10400000-10800000 r-xp 00400000 fe:00 77                 /opt/my libs/libbig.so.2
10800000-10a00000 r--p 00800000 fe:00 77                 /opt/my libs/libbig.so.2
10a00000-10c00000 rw-p 00a00000 fe:00 77                 /opt/my libs/libbig.so.2
10c00000-10e00000 r-xp 00000000 00:00 0
10e00000-10e80000 r-xp 00000000 fe:00 78                 /usr/lib/libsmall.so
11000000-11400000 r-xp 00001000 fe:00 80                 /usr/lib/_duckdb.cpython-311-x86_64-linux-gnu.so (deleted)
20000000-20200000 r-xp 00000000 fe:00 79                 /opt/my.so.d/python3.11
30000000-30200000 r-xp 00000000 00:00 0                  [vdso]
"""


def test_only_the_code_of_large_libraries_is_given_back() -> None:
    """Not what may be or was written to, not what has no file, not small libraries, not other files."""
    assert code_ranges(MAPS) == [(0x10400000, 0x10800000), (0x11000000, 0x11400000)]


RELEASE = """
import duckdb, pyarrow.compute as pc
from pathlib import Path
from headrace.memory import release_start_code

def file_bytes():
    return int(Path("/proc/self/statm").read_text().split()[2]) * 4096

first = duckdb.sql("SELECT sum(x) FROM range(1000) t(x)").fetchall(), pc.sum([1, 2]).as_py()
before = file_bytes()
assert release_start_code() > 50 << 20
after = file_bytes()
assert (duckdb.sql("SELECT sum(x) FROM range(1000) t(x)").fetchall(), pc.sum([1, 2]).as_py()) == first
print(before > 1.5 * after)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and madvise() as Linux has them")
def test_the_code_that_the_start_called_is_given_back_and_comes_back_when_used() -> None:
    """In a process of its own: the libraries work as before, and a third of their pages are gone."""
    child = subprocess.run([sys.executable, "-c", RELEASE], capture_output=True, text=True, check=False)
    assert (child.stdout, child.stderr) == ("True\n", "")


ALLOCATOR = """
import headrace.cli, sys
assert "pyarrow" not in sys.modules
headrace.cli.share_one_allocator()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.parametrize(("chosen", "used"), [({}, "system"), ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, "mimalloc")])
def test_arrow_begins_with_the_systems_allocator_unless_told_otherwise(chosen: dict[str, str], used: str) -> None:
    """It is told before Arrow is imported: what is asked of another one before stays there."""
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    child = subprocess.run(
        [sys.executable, "-c", ALLOCATOR], env=environment | chosen, capture_output=True, text=True, check=False
    )
    assert (child.stdout, child.stderr) == (f"{used}\n", "")


CORES = """
import headrace.cli, os, sys
assert "numpy" not in sys.modules
headrace.cli.share_the_cores()
import numpy
print(os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc as Linux has it")
@pytest.mark.parametrize(
    ("chosen", "seen"),
    [({}, (1, 1)), ({"OPENBLAS_NUM_THREADS": "3"}, (3, 3)), ({"OMP_NUM_THREADS": "2"}, (2, 2))],
)
def test_numpy_starts_no_threads_unless_told_to(chosen: dict[str, str], seen: tuple[int, int]) -> None:
    """The number of threads that is set, and of those the process has; on one core OpenBLAS never starts another."""
    named = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in named}
    child = subprocess.run(
        [sys.executable, "-c", CORES], env=environment | chosen, capture_output=True, text=True, check=False
    )
    told, threads = seen
    assert (child.stdout, child.stderr) == (f"{told} {min(threads, len(os.sched_getaffinity(0)))}\n", "")
