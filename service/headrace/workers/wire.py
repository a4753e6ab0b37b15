"""Workers: messages between a service and a worker: a JSON object, then Arrow tables as IPC streams.

On the wire: the length of the JSON in 4 bytes, the JSON with the length of each table under "sizes", the tables.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedReader
from typing import Any, cast

import pyarrow as pa
import pyarrow.ipc as ipc

_LENGTH_BYTES = 4
_BUFFER_BYTES = 1 << 17
_JOINED_BYTES = 1 << 20
"""Up to this size a message is sent by one call, so that the other end wakes up once."""

Message = tuple[dict[str, Any], list[pa.Table]]
"""The JSON object and the tables of one message."""


class Channel:
    """One end of a connection; messages in both directions.

    Args:
        end: A connected socket, closed with this.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._reader = cast("BufferedReader", end.makefile("rb", _BUFFER_BYTES))

    def write(self, head: dict[str, Any], tables: Sequence[pa.Table] = ()) -> None:
        """Send a message.

        Raises:
            OSError: the other end is gone.
        """
        parts = [_stream(table) for table in tables]
        text = json.dumps({**head, "sizes": [part.size for part in parts]}).encode()
        pieces: list[bytes | memoryview] = [len(text).to_bytes(_LENGTH_BYTES, "little"), text, *map(_view, parts)]
        if sum(len(piece) for piece in pieces) <= _JOINED_BYTES:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self._socket.sendall(piece)

    def read(self) -> Message:
        """Wait for a message and return it.

        Raises:
            EOFError: the other end has closed, or was killed in the middle.
            OSError: the other end is gone.
        """
        length = int.from_bytes(self._received(_LENGTH_BYTES), "little")
        head: dict[str, Any] = json.loads(bytes(self._received(length)))
        return head, [ipc.open_stream(self._received(size)).read_all() for size in head.pop("sizes")]

    def close(self) -> None:
        """Close this end; whoever waits for a message gets an EOFError."""
        with suppress(OSError):  # the other end may be gone
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._socket.close()

    def _received(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        left = _view(buffer)
        while len(left):
            count = self._reader.readinto(left)
            if not count:
                raise EOFError
            left = left[count:]
        return buffer


def _view(part: pa.Buffer) -> memoryview:
    return memoryview(part).cast("B")


def _stream(table: pa.Table) -> pa.Buffer:
    out = pa.BufferOutputStream()
    with ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()
