"""Workers: imports the code of a pipeline file, to see that it can be and what it is.

In a process of its own that ends at once: no module of a pipeline's author is loaded in the service, and nothing that
it does on import happens there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from headrace.errors import Retry, StreamError
from headrace.workers.looking import Look, from_json
from headrace.workers.spec import CodeSpec
from headrace.workers.starting import new_worker

if TYPE_CHECKING:
    from headrace.workers.worker import Worker

_LOG_NAME = "import"
"""Stands for a query in the log lines of what modules print on import."""


def imported(targets: Sequence[str], folder: Path) -> Mapping[str, Look | StreamError]:
    """Return what each piece of code is, or why it cannot be imported.

    Args:
        targets: Code as the file names it, package.module:name.
        folder: Looked into before the installed packages.
    """
    return _imported(tuple(sorted(set(targets))), folder.absolute())


@cache
def _imported(targets: tuple[str, ...], folder: Path) -> Mapping[str, Look | StreamError]:
    # As modules are, code is imported once in the life of a service.
    found: dict[str, Look | StreamError] = {}
    while len(found) < len(targets):
        worker = new_worker(_LOG_NAME, CodeSpec(folder))
        try:
            _look(worker, [target for target in targets if target not in found], found)
        finally:
            worker.close()
    return MappingProxyType(found)


def _look(worker: Worker, targets: Sequence[str], found: dict[str, Look | StreamError]) -> None:
    """Look at code until the process ends."""
    for target in targets:
        head = {"do": "look", "target": target, "folder": str(worker.spec.folder)}
        try:
            told, _ = worker.ask(head, target=f"the import of {target}")
        except StreamError as error:
            found[target] = StreamError("CONFIG_INVALID_VALUE", error.message, hint=error.hint)
            if error.retry is Retry.BACKOFF:
                return
        else:
            found[target] = from_json(told["look"])
