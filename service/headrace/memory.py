"""Ground floor: how this process takes memory from the system.

Every client here brings threads and an allocator of its own; left alone each keeps pools that only grow. One allocator
with few arenas costs a service some tens of megabytes less, and gives memory back when a backlog has been worked off.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pyarrow as pa

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
    """Let Arrow use the system's allocator, and keep that to few arenas; once, before threads start.

    Elsewhere than on glibc only the first half applies.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
            mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)


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
