"""Logs: one line an event, secrets masked, control characters escaped."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from headrace.errors import StreamError
from headrace.logs import LogFormat, configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the logging of other tests as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def _json_line(out: io.StringIO) -> dict[str, object]:
    line: dict[str, object] = json.loads(out.getvalue())
    line.pop("ts")
    return line


def test_a_json_line_has_the_keys_in_order() -> None:
    """Known keys come first."""
    out = io.StringIO()
    configure_logs(LogFormat.JSON, stream=out)
    structlog.get_logger("headrace.engine").info("batch", rows_in=3, batch_id=7, query="counts")
    assert list(json.loads(out.getvalue())) == ["ts", "level", "event", "query", "batch_id", "logger", "rows_in"]
    assert _json_line(out) == {
        "level": "info", "event": "batch", "query": "counts", "batch_id": 7, "logger": "headrace.engine", "rows_in": 3,
    }  # fmt: skip


def test_secrets_and_control_characters_never_get_out() -> None:
    """Nested values and library logs are masked too; a message cannot forge a second line."""
    out = io.StringIO()
    configure_logs(LogFormat.JSON, stream=out, secrets=["hunter2", ""])
    logging.getLogger("library").warning("password=%s\nFAKE \x1b[31m", "hunter2")
    assert _json_line(out) == {
        "level": "warning", "event": "password=***\\nFAKE \\x1b[31m", "logger": "library",
    }  # fmt: skip
    out.truncate(0)
    out.seek(0)
    structlog.get_logger().info("x", options={"a": ["hunter2!"]})
    assert "hunter2" not in out.getvalue()
    assert _json_line(out)["options"] == {"a": ["***!"]}


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_an_error_is_named_by_its_code_and_masked(log_format: LogFormat) -> None:
    """The traceback holds the message, so it is masked as well."""
    out = io.StringIO()
    configure_logs(log_format, stream=out, secrets=["hunter2"], colours=False)
    try:
        raise StreamError("SINK_FAILED", "hunter2 refused")
    except StreamError:
        structlog.get_logger("q").exception("query failed")
    assert "hunter2" not in out.getvalue()
    assert "*** refused" in out.getvalue()
    assert "SINK_FAILED" in out.getvalue()


def test_text_lines_are_one_line_an_event() -> None:
    """No colour codes where there is no terminal."""
    out = io.StringIO()
    configure_logs(LogFormat.TEXT, stream=out)
    structlog.get_logger("q").info("started", query="counts")
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
