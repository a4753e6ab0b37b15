"""State room: what can go wrong with a folder of state, in six kinds.

Takes errors of the operating system and of RocksDB, gives one exception whose kind says what to do next; knows
nothing of queries or exit codes.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path


class StateErrorKind(Enum):
    """What happened, from the point of view of whoever has to mend it."""

    CORRUPT = "corrupt"
    """Bytes on disk fail their checksum or cannot be understood."""
    LOCKED = "locked"
    """Another process, or another writer of the same entry, was first."""
    DISK_FULL = "disk_full"
    """The volume or the quota is full."""
    IO = "io"
    """The operating system refused for another reason."""
    INCOMPATIBLE = "incompatible"
    """A newer format version, or another schema, than this program reads."""
    LOST = "lost"
    """The asked state cannot be rebuilt from what is on disk."""


class StateError(Exception):
    """One failure of the state room.

    Attributes:
        kind: What happened.
        path: The file or folder it happened to, None for bytes in memory.
    """

    def __init__(self, kind: StateErrorKind, message: str, path: Path | None = None) -> None:
        super().__init__(f"{message}: {path}" if path is not None else message)
        self.kind = kind
        self.path = path


def corrupt(message: str, path: Path | None = None) -> StateError:
    """Return the error for bytes that fail their checksum or cannot be understood."""
    return StateError(StateErrorKind.CORRUPT, message, path)


def from_os_error(error: OSError, path: Path) -> StateError:
    """Return the state error that an operating system error stands for; ENOSPC and EDQUOT mean a full disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StateError(StateErrorKind.DISK_FULL, f"no space left to write state ({error.strerror})", path)
    return StateError(StateErrorKind.IO, f"state cannot be read or written ({error.strerror or error})", path)


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn operating system errors inside the block into state errors that name the path.

    Raises:
        StateError: DISK_FULL or IO; FileNotFoundError and FileExistsError pass, since callers decide by them.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        raise from_os_error(error, path) from error
