"""Workers: a worker for code that may be there; what starts processes is loaded when there is some."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from headrace.workers.spec import CodeSpec

if TYPE_CHECKING:
    from headrace.workers.worker import Worker


def new_worker(query: str, spec: CodeSpec) -> Worker:
    """Return a worker whose process starts with its first request.

    Args:
        query: Its name, for the log.
        spec: Its code.
    """
    worker: Worker = import_module("headrace.workers.worker").Worker(query, spec)
    return worker
