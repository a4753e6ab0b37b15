"""Ground floor: how this process takes memory and threads from the system.

Every client here brings threads and an allocator of its own; left alone each keeps pools that only grow. One allocator
with few arenas costs a service some tens of megabytes less, and gives memory back when a backlog has been worked off.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

_M_ARENA_MAX = -8
"""mallopt's number for the most arenas (malloc.h)."""

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
"""mallopt's numbers for what is mapped by itself, and for how much free memory is kept (malloc.h)."""

ARENAS = 2

LARGE_BYTES = 1 << 17
"""Blocks from this size on are mapped by themselves, so that each goes back to the system as soon as it is free.

Columns of a few hundred kilobytes would otherwise lie between the small blocks of the Kafka client and leave holes.
"""


def share_one_allocator() -> None:
    """Let Arrow use the system's allocator, and keep that to few arenas; once, before Arrow is imported.

    Arrow looks for its allocator when the first buffer is asked for, which modules do as they are imported. Who sets
    ARROW_DEFAULT_MEMORY_POOL has chosen. Elsewhere than on glibc only this half applies.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
            mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)


def share_the_cores() -> None:
    """Let NumPy compute on the thread that calls it; once, before NumPy is imported.

    OpenBLAS starts a thread for every further core, each of which first spins. Queries share the cores instead, as
    Spark's Python workers do (OMP_NUM_THREADS of PythonRunner). Who sets OPENBLAS_NUM_THREADS has chosen.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))


MAPPINGS = Path("/proc/self/maps")

_MADV_DONTNEED = 4
_LIBRARY_BYTES = 1 << 20
"""Libraries of this size are there to stay: only a small one may go, and its addresses to others, as we look."""

_CODE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+ +\S.*\.so[^/\n]*$", re.MULTILINE)


def release_start_code() -> int:
    """Unmap the libraries' code, which comes back as it is called, and return how many bytes of addresses that were.

    Code that initialises libraries and fills catalogues runs once. It stays resident, a quarter of a small service,
    until the system is short of memory. Does nothing elsewhere than on Linux.
    """
    if sys.platform != "linux":
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    try:
        ranges = code_ranges(MAPPINGS.read_text(encoding="utf-8", errors="replace"))
    except OSError:  # a system that does not say leaves everything as it is
        return 0
    return sum(end - begin for begin, end in ranges if madvise(begin, end - begin, _MADV_DONTNEED) == 0)


def code_ranges(maps: str) -> list[tuple[int, int]]:
    """Return the addresses of the code of large shared libraries.

    Nothing is ever written there, so that the file has every byte; of a library's constants the loader writes some.

    Args:
        maps: As the kernel writes it (proc_pid_maps(5)).
    """
    found = [(int(begin, 16), int(end, 16)) for begin, end in _CODE.findall(maps)]
    return [(begin, end) for begin, end in found if end - begin >= _LIBRARY_BYTES]


CGROUPS = Path("/sys/fs/cgroup")

_QUERY_SHARE, _LEAST_BYTES, _MOST_BYTES = 0.4, 128 << 20, 1 << 30
"""What DuckDB may hold of the machine's memory, over all queries, and the bounds for one of them."""


def allowed_bytes(cgroups: Path = CGROUPS) -> int:
    """Return how much memory this process may use: the machine's, or the limit of its container when that is less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (cgroups / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            found.append(int(text))
    return min(found)


def query_bytes(queries: int, allowed: int) -> int:
    """Return what DuckDB may hold for each of so many queries before it spills to the checkpoint folder.

    The rest is for the state store, the Kafka clients and the rows of a batch, which no limit of DuckDB's counts.
    """
    share = int(allowed * _QUERY_SHARE) // max(1, queries)
    return max(_LEAST_BYTES, min(_MOST_BYTES, share))
