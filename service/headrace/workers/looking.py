"""Workers: what there is to know of code before it runs: whether it can be imported, and what it is.

`imports.py` asks a process for it, so that no module of a pipeline's author is loaded in the service.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headrace.dataclass import dataclass
from headrace.stateful import StatefulProcessor
from headrace.user_code import load_named


@dataclass(frozen=True, slots=True)
class Look:
    """What code is.

    Attributes:
        is_processor: A subclass of StatefulProcessor.
        takes_tables: Its rows are annotated as Arrow tables.
        signature: Its parameters, as text, where they are known.
        takes_three: It can be called with (key, rows, state).
        missing: Methods that a processor must have and has not.
        takes_initial: A processor that defines handleInitialState.
    """

    is_processor: bool
    takes_tables: bool
    signature: str
    takes_three: bool
    missing: tuple[str, ...]
    takes_initial: bool = False


@dataclass(frozen=True, slots=True)
class NamedCode:
    """Stands for code that is not imported here; calling it imports it."""

    target: str
    folder: Path | None
    is_processor: bool

    def __call__(self, *args: Any) -> Any:
        """Call the code in this process."""
        return load_named(self.target, self.folder)(*args)


def look(code: Callable[..., Any]) -> Look:
    """Return what a callable is."""
    missing = sorted(getattr(code, "__abstractmethods__", ()))
    is_processor = isinstance(code, type) and issubclass(code, StatefulProcessor)
    initial = getattr(code, "handleInitialState", None)
    takes_initial = is_processor and initial is not StatefulProcessor.handleInitialState
    return Look(is_processor, takes_tables(code), _signature(code), _takes_three(code), tuple(missing), takes_initial)


def to_json(seen: Look) -> dict[str, Any]:
    """Return it as JSON."""
    return asdict(seen)


def from_json(told: Mapping[str, Any]) -> Look:
    """Return what `to_json` wrote."""
    return Look(**{**told, "missing": tuple(told["missing"])})


def takes_tables(call: Callable[..., Any]) -> bool:
    """Return True when the annotation of a function's, or of handleInputRows', rows is an Arrow table."""
    function = getattr(call, "handleInputRows", call)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    at = 2 if function is not call else 1
    wanted = parameters[at].annotation if len(parameters) > at else ""
    text = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", "")
    return text.rpartition(".")[2] == "Table"


def _signature(code: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(code))
    except (TypeError, ValueError):
        return ""


def _takes_three(code: Callable[..., Any]) -> bool:
    try:
        inspect.signature(code).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
