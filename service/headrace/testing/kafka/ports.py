"""Room testing: loopback ports nobody uses."""

from __future__ import annotations

import socket
import time

HOST = "127.0.0.1"


def free_ports() -> tuple[int, int]:
    """Return two different loopback ports that are free now; another process may take them before they are used."""
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]


def accepts(port: int) -> bool:
    """Return True when a server listens on the loopback port."""
    try:
        socket.create_connection((HOST, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def pause_between_looks() -> None:
    """Wait for 20 ms, the time between two looks at something another process does."""
    time.sleep(0.02)
