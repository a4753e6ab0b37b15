"""Web: the HTTP server, on a thread of its own with a clean end.

Takes an ASGI application and an address; gives the port it listens on. The socket is bound before the thread starts, so
that a port in use is an error of the caller, not of a thread nobody watches.
"""

from __future__ import annotations

import errno
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from headrace.errors import StreamError
from headrace.web.guard import LoopbackOnly, is_loopback

_STOP_S = 10.0
_GRACE_S = 2
_BACKLOG = 128


class WebServer:
    """Serves an application over HTTP until stopped; bound to loopback, under loopback names only.

    Args:
        app: The application.
        host: Address or name to bind; ``127.0.0.1`` for this machine alone, ``0.0.0.0`` for all.
        port: Port to bind; 0 lets the system choose, `port` then tells which.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.host = host
        self.port = port
        config = uvicorn.Config(
            LoopbackOnly(app) if is_loopback(host) else app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the pages are, such as ``http://127.0.0.1:8080``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> Self:
        """Bind the port and begin to serve; requests are answered from the moment this returns.

        Raises:
            StreamError: IO_FAILED, the port is in use or the address is not of this machine.
        """
        bound = _bind(self.host, self.port)
        self._socket = bound
        self.port = bound.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [bound]}, name="headrace-web", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer what was asked, close the port and end the thread; may be called twice, also without a start."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_S)
            self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from error
    return bound


def _refused(host: str, port: int, error: OSError) -> StreamError:
    if error.errno == errno.EADDRINUSE:
        message = f"port {port} of {host} is in use by another process."
        return StreamError("IO_FAILED", message, hint=f"Type another one, or --http {host}:0 for any.")
    message = f"cannot listen on {host}:{port}: {error.strerror or error}"
    return StreamError("IO_FAILED", message, hint="Type --http 127.0.0.1:8080 for this machine alone.")
