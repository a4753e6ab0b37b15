"""Ground floor: one set-up of structured logs over the standard library's.

Takes a format, a stream and the secrets to hide; gives text with colour on a terminal and JSON lines elsewhere, keys
ts, level, event, query, batch_id, logger, error_class. Known secrets are masked and control characters escaped.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from enum import Enum
from typing import Any, TextIO

import structlog

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MASK = "***"
_QUIET = ("asyncio", "botocore", "fsspec", "sqlglot", "urllib3", "uvicorn.access", "uvicorn.error")
_FIRST = ("ts", "level", "event", "query", "batch_id", "logger", "error_class")

Event = MutableMapping[str, Any]


class LogFormat(Enum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


def configure_logs(
    log_format: LogFormat | None = None,
    *,
    level: str = "INFO",
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
    colours: bool | None = None,
) -> None:
    """Send all logs, our own and those of libraries, to one stream in one format; a later call replaces an earlier one.

    Args:
        log_format: None means text on a terminal and JSON elsewhere.
        level: Least level shown.
        stream: Standard error unless given.
        secrets: Texts that are masked wherever they appear in a line.
        colours: None means colours on a terminal.
    """
    target = stream or sys.stderr
    on_terminal = target.isatty()
    chosen = log_format or (LogFormat.TEXT if on_terminal else LogFormat.JSON)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    hide = SafeText(secrets)
    final: list[structlog.types.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        name_error,
        structlog.processors.format_exc_info,
        hide,
        in_order,
        _renderer(chosen, coloured=on_terminal if colours is None else colours),
    ]
    handler = logging.StreamHandler(target)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _renderer(chosen: LogFormat, *, coloured: bool) -> structlog.types.Processor:
    if chosen is LogFormat.JSON:
        return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=coloured, timestamp_key="ts", sort_keys=False, pad_event_to=0)


def name_error(_logger: Any, _method: str, event: Event) -> Event:
    """Add error_class, the code of a StreamError or the name of another exception's class."""
    info = event.get("exc_info")
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.setdefault("error_class", getattr(error, "code", None) or type(error).__name__)
    return event


def in_order(_logger: Any, _method: str, event: Event) -> Event:
    """Put the keys that every line may have before the others."""
    return {key: event[key] for key in (*_FIRST, *event) if key in event}


class SafeText:
    """A structlog step that masks known secrets and escapes control characters in every text of a line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        """Return the line with safe texts; a traceback keeps its line breaks."""
        return {key: self._safe(value, lines=key == "exception") for key, value in event.items()}

    def _safe(self, value: Any, *, lines: bool = False) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(self._safe(key)): self._safe(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._safe(item) for item in value]
        return self.text(value if isinstance(value, str) else str(value), lines=lines)

    def text(self, text: str, *, lines: bool = False) -> str:
        """Return the text with secrets masked and control characters escaped, line breaks kept if `lines`."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        if lines:
            return "\n".join(_escaped(line) for line in text.split("\n"))
        return _escaped(text)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda mark: mark[0].encode("unicode_escape").decode("ascii"), text)
