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

ARENAS = 2


def share_one_allocator() -> None:
    """Let Arrow use the system's allocator, and keep that to few arenas; once, before threads start.

    Elsewhere than on glibc only the first half applies.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
