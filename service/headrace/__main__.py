"""The process of the command line, ``headrace`` and ``python -m headrace``: takes nothing, ends with its exit code.

It imports the command line itself, so that an interrupt ends it quietly from its first moment on.
"""

from __future__ import annotations

import signal
from importlib import import_module


def main() -> None:
    """Import the command line and run it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is open yet, and Python would show where it was
    cli = import_module("headrace.cli")
    signal.signal(signal.SIGINT, before)
    cli.main()


if __name__ == "__main__":
    main()
