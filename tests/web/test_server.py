"""Web: the server's thread, port and end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from tests.web.test_app import RUNNING, Queries

from headrace.errors import StreamError
from headrace.web.app import build_app
from headrace.web.guard import SECURITY_HEADERS
from headrace.web.server import WebServer


def app() -> ASGIApp:
    """The real application."""
    return build_app(Queries(RUNNING), CollectorRegistry())


@pytest.fixture
def loopback() -> Iterator[WebServer]:
    """A server on this machine alone."""
    with WebServer(app(), "127.0.0.1", 0) as server:
        yield server


def web_threads() -> list[threading.Thread]:
    """The servers' threads that live."""
    return [thread for thread in threading.enumerate() if thread.name == "headrace-web"]


def test_port_zero_is_given_a_real_port_that_answers_until_stopped() -> None:
    """Requests are served from the moment start returns; the thread is gone after stop."""
    with WebServer(app(), "127.0.0.1", 0) as server:
        assert server.port > 0
        answer = httpx.get(f"{server.url}/healthz", timeout=10)
        assert answer.json() == {"alive": True, "stuck": []}
        assert "server" not in answer.headers
        assert len(web_threads()) == 1
    assert web_threads() == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz", timeout=10)


def test_an_open_connection_does_not_hold_up_the_end() -> None:
    """A scraper keeps its connection; stopping closes it."""
    with httpx.Client(timeout=10) as client, WebServer(app(), "127.0.0.1", 0) as server:
        assert client.get(f"{server.url}/readyz").status_code == 200
        server.stop()
        assert web_threads() == []


def test_stopping_twice_or_unstarted_is_no_error() -> None:
    """The engine closes whatever it had opened."""
    server = WebServer(app(), "127.0.0.1", 0)
    server.stop()
    server.stop()
    assert web_threads() == []


def test_a_port_in_use_is_an_error_that_says_what_to_type() -> None:
    """Raised at the caller, before any thread starts."""
    with WebServer(app(), "127.0.0.1", 0) as first:
        with pytest.raises(StreamError) as caught:
            WebServer(app(), "127.0.0.1", first.port).start()
        port = first.port
        assert len(web_threads()) == 1
    assert caught.value.code == "IO_FAILED"
    assert str(caught.value) == (
        f"[IO_FAILED] port {port} of 127.0.0.1 is in use by another process. "
        "Type another one, or --http 127.0.0.1:0 for any."
    )


def test_an_address_of_another_machine_is_refused() -> None:
    """192.0.2.0/24 is set aside for documentation, so no machine has it."""
    with pytest.raises(StreamError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        WebServer(app(), "192.0.2.1", 8080).start()


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:8080"])
def test_on_loopback_its_own_names_are_served(loopback: WebServer, host: str) -> None:
    """With and without a port."""
    assert httpx.get(f"{loopback.url}/", headers={"Host": host}, timeout=10).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", ""])
def test_on_loopback_a_foreign_host_is_refused(loopback: WebServer, host: str) -> None:
    """A web page could make its own name point to 127.0.0.1 and read ours."""
    answer = httpx.get(f"{loopback.url}/", headers={"Host": host}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (421, "HOST_REFUSED")
    assert answer.headers["content-security-policy"] == SECURITY_HEADERS["Content-Security-Policy"]


def test_bound_to_all_addresses_any_name_is_served() -> None:
    """Probes and services reach a pod by many names."""
    with WebServer(app(), "0.0.0.0", 0) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/readyz", headers={"Host": "10.1.2.3:8080"}, timeout=10)
        assert answer.status_code == 200


def test_an_ipv6_address_stands_in_brackets_in_the_url() -> None:
    """As browsers want it."""
    assert WebServer(app(), "::1", 8080).url == "http://[::1]:8080"
