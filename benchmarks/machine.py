"""Benchmarks: the machine in one line, so that a table can be judged."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Return cores, processor, memory and the kernel's and Python's versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    total_kb = int(Path("/proc/meminfo").read_text().split()[1])
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores of {model}, {total_kb / 1e6:.0f} GB of memory, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def load_average() -> float:
    """Return how many threads wanted a core during the last minute; near 0 when nothing else runs."""
    return os.getloadavg()[0]
