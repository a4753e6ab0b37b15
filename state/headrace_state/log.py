"""State room: a log of one small file a batch, as Spark's offset and commit logs.

Takes a batch number and JSON objects, gives them back checked. A file is the line `v1`, one line of JSON an object,
and a last line `crc32 xxxxxxxx` over all bytes before it. Knows nothing of what the objects mean.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_state.errors import StateError, StateErrorKind, corrupt
from headrace_state.files import Files

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
"""What JSON can say."""

JsonObject = Mapping[str, JsonValue]
"""One line of an entry, as written."""

Line = dict[str, Any]
"""One line of an entry, as read; what its fields are is up to the reader."""

LOG_VERSION = 1
"""Newest entry format that is read; the only one that is written."""


class MetadataLog:
    """Entries by batch number in one folder, written once each and never changed."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._folder = folder
        self._files = files
        files.make_folder(folder)

    def write(self, n: int, payload: JsonObject | Sequence[JsonObject]) -> None:
        """Make the entry of batch n durable.

        Args:
            n: Batch number, from 0.
            payload: One object, or several; each becomes one line.

        Raises:
            StateError: LOCKED when the entry exists (a concurrent writer), DISK_FULL or IO.
        """
        objects = [payload] if isinstance(payload, Mapping) else payload
        lines = [f"v{LOG_VERSION}", *(json.dumps(entry, separators=(",", ":")) for entry in objects)]
        body = ("\n".join(lines) + "\n").encode()
        content = body + f"crc32 {zlib.crc32(body):08x}\n".encode()
        try:
            self._files.write_atomic(self._path(n), content, if_absent=True)
        except FileExistsError as error:
            message = f"a concurrent writer has logged batch {n} already"
            raise StateError(StateErrorKind.LOCKED, message, self._path(n)) from error

    def read(self, n: int) -> list[Line]:
        """Return the objects of batch n in the order written.

        Raises:
            FileNotFoundError: There is no such entry.
            StateError: CORRUPT for a torn entry, INCOMPATIBLE for a newer format version.
        """
        return _parse(self._files.read(self._path(n)), self._path(n))

    def latest(self) -> tuple[int, list[Line]] | None:
        """Return the newest whole entry, or None; a torn newest one counts as absent, as after a crash while writing.

        Raises:
            StateError: CORRUPT when the entry below a torn newest one is torn too, INCOMPATIBLE.
        """
        numbers = self.numbers()
        if not numbers:
            return None
        try:
            return numbers[-1], self.read(numbers[-1])
        except StateError as error:
            if error.kind is not StateErrorKind.CORRUPT:
                raise
        return (numbers[-2], self.read(numbers[-2])) if len(numbers) > 1 else None

    def drop_torn_latest(self) -> int | None:
        """Remove the newest entry when it is torn and return its number, else None; older entries stay untouched."""
        numbers = self.numbers()
        if not numbers:
            return None
        try:
            self.read(numbers[-1])
        except StateError as error:
            if error.kind is not StateErrorKind.CORRUPT:
                raise
            self._files.delete(self._path(numbers[-1]))
            return numbers[-1]
        return None

    def has(self, n: int) -> bool:
        """Return True when batch n has an entry, torn or whole."""
        return self._path(n).exists()

    def numbers(self) -> list[int]:
        """Return the batch numbers that have an entry, torn or whole, in ascending order."""
        return sorted(int(name) for name in self._files.list(self._folder) if name.isdecimal())

    def purge_below(self, n: int) -> None:
        """Remove every entry of a batch before n."""
        self._files.delete_all(self._folder, [str(number) for number in self.numbers() if number < n])

    def _path(self, n: int) -> Path:
        return self._folder / str(n)


def _parse(content: bytes, path: Path) -> list[Line]:
    first, _, _ = content.partition(b"\n")
    if first[:1] == b"v" and first[1:].isdigit() and int(first[1:]) > LOG_VERSION:
        message = f"the entry has format {first.decode()}, this version reads up to v{LOG_VERSION}"
        raise StateError(StateErrorKind.INCOMPATIBLE, message, path)
    body, mark, checksum = content.rpartition(b"crc32 ")
    if not mark or first != b"v1" or checksum != f"{zlib.crc32(body):08x}\n".encode():
        message = f"the entry is torn or changed ({len(content)} bytes, checksum does not match)"
        raise corrupt(message, path)
    return [json.loads(line) for line in body.decode().rstrip("\n").split("\n")[1:]]
