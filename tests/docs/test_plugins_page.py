"""The sink of docs/plugins.md: it keeps the laws of the contract, and a query writes to it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace.contract import Marker, Plugin
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT, check_sink

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.fixture
def plugin() -> Plugin:
    """What the page shows, as a module."""
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    module = ModuleType("webhook")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # the code under test
    found: Plugin = module.PLUGIN
    return found


@pytest.fixture
def posted() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL of a server on this machine, and the batches it was given."""
    batches: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            batches.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/batches", batches
        server.shutdown()
        thread.join()


def test_the_sink_of_the_page_keeps_the_laws_of_the_contract(
    plugin: Plugin, posted: tuple[str, list[dict[str, Any]]]
) -> None:
    """As far as a sink without markers promises."""
    url, batches = posted
    options = parse_options(plugin.spec, {"url": url})
    check_sink(
        lambda: plugin.build(options, KIT_CONTEXT), lambda: [row["value"] for each in batches for row in each["rows"]]
    )
    assert {each["query"] for each in batches} == {KIT_CONTEXT.query_id}
    assert [each["batch"] for each in batches] == list(range(len(batches)))


def test_a_receiver_that_is_not_there_is_tried_again(plugin: Plugin) -> None:
    """The engine sees the code of a sink, which may pass."""
    sink = plugin.build(parse_options(plugin.spec, {"url": "http://127.0.0.1:1/"}), KIT_CONTEXT)
    with pytest.raises(StreamError, match="took no batch") as caught:
        sink.commit(Marker(KIT_CONTEXT.query_id, 0, "delta", 1))
    assert caught.value.code == "SINK_FAILED"
