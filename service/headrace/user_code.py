"""Ground floor: Python code that a pipeline file names.

Takes ``package.module:name``; gives the object, and clear errors: where an import fails, and where a call does.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from pathlib import Path
from typing import Any

from headrace.errors import StreamError, did_you_mean

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_OURS = str(Path(__file__).parent)
_SHOWN_LENGTH = 200


def load_named(target: str, folder: Path | None = None) -> Any:
    """Return the callable that ``package.module:name`` names.

    Args:
        target: Module and name inside it.
        folder: Looked into before the installed packages; it stays on `sys.path`.

    Raises:
        StreamError: CONFIG_INVALID_VALUE: not of this form, not importable, no such name, or not callable.
    """
    if not _TARGET.fullmatch(target):
        message = f'"{target}" names no Python code.'
        raise StreamError("CONFIG_INVALID_VALUE", message, hint="Write package.module:name.")
    module_name, _, name = target.partition(":")
    module = _module(module_name, folder)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
            message = f'the module {module_name} has no "{name}".'
            raise StreamError("CONFIG_INVALID_VALUE", message, hint=did_you_mean(part, names))
        found = getattr(found, part)
    if not callable(found):
        message = f"{target} is no function and no class; it is {_cut(repr(found))}."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    return found


def _module(name: str, folder: Path | None) -> Any:
    if folder is not None:
        place = str(folder.absolute())
        if place not in sys.path:
            sys.path.insert(0, place)
            importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except Exception as error:
        where = _place(error, None)
        looked = f" Looked into {folder.absolute()} and the installed packages." if folder is not None else ""
        if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
            message = f"there is no module {error.name}.{looked}"
        else:
            message = f"the module {name} cannot be imported: {_told(error)}{where}."
        raise StreamError("CONFIG_INVALID_VALUE", message) from error
    meant = _file_in(folder, name)
    loaded = getattr(module, "__file__", None)
    if meant is not None and (loaded is None or Path(loaded).resolve() != meant.resolve()):
        message = f"the module {name} is {loaded or 'built in'}, which was loaded before; {meant} cannot be reached."
        raise StreamError("CONFIG_INVALID_VALUE", message, hint="Give the module another name.")
    return module


def _file_in(folder: Path | None, name: str) -> Path | None:
    if folder is None:
        return None
    place = folder.joinpath(*name.split("."))
    return next((path for path in (place / "__init__.py", place.with_name(f"{place.name}.py")) if path.exists()), None)


def failed(
    target: str, error: BaseException, seen: str, *, code: Any = None, condition: str | None = None
) -> StreamError:
    """Return the error that user code raised, on one line.

    Args:
        target: The code, as the pipeline file names it.
        error: What it raised.
        seen: The first values it was called with.
        code: The function or class, to find its own line among those of the libraries it calls.
        condition: Spark's name of it.
    """
    message = f"{target} failed{_place(error, code)}: {_told(error)}. Called with {_cut(seen)}."
    return StreamError("FUNCTION_FAILED", message, condition=condition)


def broken(target: str, what: str) -> StreamError:
    """Return the error that user code gave something it may not give."""
    return StreamError("FUNCTION_FAILED", " ".join(f"{target} {what}".split()))


def _place(error: BaseException, code: Any) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    own = _file_of(code)
    chosen = [frame for frame in frames if frame.filename == own] or frames
    return f" at {Path(chosen[-1].filename).name}:{chosen[-1].lineno}" if chosen else ""


def _file_of(code: Any) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(code)) if code is not None else None
    except TypeError:
        return None


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return _cut(f"{type(error).__name__}: {text}" if text else type(error).__name__).rstrip(".")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LENGTH else f"{line[: _SHOWN_LENGTH - 3]}..."
