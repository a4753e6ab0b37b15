"""A proxy before a broker that cuts the connection in which a request of one kind was sent, its answer unseen.

Reads the frames of Kafka's protocol: four bytes of length, two of the request's kind. Clients stay on it when the
broker advertises its port.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from headrace.testing.kafka.ports import HOST

END_TXN = 26


class Proxy:
    """Forwards everything both ways; `cut_after(kind)` arms it for one cut."""

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((HOST, port))
        self._armed: int | None = None
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="proxy", daemon=True)]
        self.cuts = 0

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _shut(self._listener)
        for end in self._open:
            _shut(end)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._open):
            end.close()

    def cut_after(self, kind: int) -> None:
        """Let the next request of a kind reach the broker and lose its answer, with the connection."""
        self._armed = kind

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            broker = socket.create_connection((HOST, self._target))
            self._open += [client, broker]
            for run in (self._requests, self._answers):
                thread = threading.Thread(target=run, args=(client, broker), name="proxy-pump", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _requests(self, client: socket.socket, broker: socket.socket) -> None:
        while (size := _exactly(client, 4)) and (request := _exactly(client, int.from_bytes(size, "big"))):
            if int.from_bytes(request[:2], "big") == self._armed:
                self._armed = None
                self.cuts += 1
                _shut(client)
            try:
                broker.sendall(size + request)
            except OSError:
                break
        _shut(client)

    def _answers(self, client: socket.socket, broker: socket.socket) -> None:
        """Forward until the broker closes; what it says to a client that was cut off is lost."""
        while data := _some(broker, 1 << 16):
            try:
                client.sendall(data)
            except OSError:
                break
        _shut(broker)
        _shut(client)


def _exactly(end: socket.socket, size: int) -> bytes:
    """Return so many bytes, or none when the other side has closed."""
    found = b""
    while len(found) < size:
        data = _some(end, size - len(found))
        if not data:
            return b""
        found += data
    return found


def _some(end: socket.socket, size: int) -> bytes:
    try:
        return end.recv(size)
    except OSError:
        return b""


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
