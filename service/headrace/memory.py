"""Ground floor: how this process takes memory from the system.

Every client here brings threads and an allocator of its own; left alone each keeps pools that only grow. One allocator
with few arenas costs a service some tens of megabytes less, and gives memory back when a backlog has been worked off.
"""

from __future__ import annotations

import ctypes
import sys

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
