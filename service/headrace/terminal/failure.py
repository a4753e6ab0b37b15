"""Command line: errors on a terminal.

Takes any exception; gives ``[CODE] file:line:column message hint`` with the source line and a caret, and the exit code.
A traceback is shown with ``--debug`` only.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from headrace import __version__
from headrace.errors import ERRORS, StreamError, StreamErrors
from headrace.values import Position

_LINE_LENGTH = 200
_HIDDEN: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """Mask these texts in everything printed here from now on, in this process."""
    _HIDDEN.update(secret for secret in secrets if secret)


def error_console() -> Console:
    """Return the console of standard error."""
    return Console(stderr=True)


def _masked(text: str) -> str:
    for secret in sorted(_HIDDEN, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def print_failure(
    error: BaseException, console: Console, *, debug: bool = False, texts: Mapping[str, str] | None = None
) -> int:
    """Print an error and return the exit code of a process that ends with it.

    Args:
        error: A StreamError, StreamErrors, or anything else, which is a bug of ours.
        console: Standard error; colours follow the terminal and NO_COLOR.
        debug: Print the traceback after it.
        texts: What stands at positions that name no file, such as ``--set``.
    """
    findings = _findings(error)
    for number, finding in enumerate(findings):
        if number:
            console.print()
        console.print(failure_text(finding, texts or {}), soft_wrap=True, highlight=False)
    if len(findings) > 1:
        console.print(f"\n{len(findings)} errors", highlight=False)
    if debug:
        trace = _masked("".join(traceback.format_exception(error)))
        console.print(Text(trace, style="dim"), soft_wrap=True, highlight=False)
    return error.exit_code if isinstance(error, StreamErrors) else findings[0].exit_code


def _findings(error: BaseException) -> Sequence[StreamError]:
    if isinstance(error, StreamErrors):
        return error.errors
    if isinstance(error, StreamError):
        return [error]
    message = f"{type(error).__name__}: {error}."
    hint = (
        f"This is a bug in headrace {__version__}. Run again with --debug and report the output together with the "
        "pipeline file."
    )
    return [StreamError("INTERNAL", message, hint=hint)]


def failure_text(error: StreamError, texts: Mapping[str, str]) -> Text:
    """Return one error as styled text: its line, then the source line with a caret below the column."""
    text = Text()
    text.append(f"[{error.name}]", style="bold red")
    if error.at:
        text.append(f" {error.at}", style="bold")
    text.append(f" {_masked(error.message)}")
    if error.hint:
        end = "" if error.message.endswith((".", "!", "?")) else "."
        text.append(f"{end} {_masked(error.hint)}", style="cyan")
    source = _source_line(error.at, texts) if error.at else None
    if error.at and source is not None:
        gutter = f"{error.at.line:>5} | "
        shown, column = _cut(_masked(source.replace("\t", " ")), error.at.column)
        text.append(f"\n{gutter}", style="dim")
        text.append(shown)
        text.append(f"\n{' ' * (len(gutter) + column - 1)}")
        text.append("^", style="bold red")
    return text


def _cut(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around a column, counted from 1, and where the column is in it."""
    if len(line) <= _LINE_LENGTH:
        return line, column
    first = max(0, column - 1 - _LINE_LENGTH // 2)
    before, after = "..." if first else "", "..." if first + _LINE_LENGTH < len(line) else ""
    return f"{before}{line[first : first + _LINE_LENGTH]}{after}", column - first + len(before)


def _source_line(at: Position, texts: Mapping[str, str]) -> str | None:
    try:
        lines = (texts[at.file] if at.file in texts else Path(at.file).read_text(encoding="utf-8-sig")).splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return lines[at.line - 1].rstrip() if 0 < at.line <= len(lines) else None


def failure_json(error: StreamError) -> dict[str, str | int | None]:
    """Return one error for programs: code, condition, message, hint, file, line, column, summary of the code."""
    at = error.at
    return {
        "code": error.code,
        "condition": error.condition,
        "message": _masked(error.message),
        "hint": _masked(error.hint) if error.hint else None,
        "file": at.file if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "summary": ERRORS[error.code].summary,
    }
