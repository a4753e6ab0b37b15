"""Plugins files: the few things the sink does to a folder, in one object that a test can let fail at any of them.

Takes paths and bytes; gives durable files, links and renames of a local or mounted POSIX folder. Knows no format and no
batch.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Protocol

from headrace.errors import StreamError
from headrace.values import local_path

Bytes = bytes | memoryview
"""What can be written."""


class Files(Protocol):
    """What the sink needs of a file system. Every method raises OSError as the system does."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents; no error when it is there."""
        ...

    def write(self, path: Path, content: Bytes) -> None:
        """Create a file that was not there, whole and on the disk when this returns."""
        ...

    def replace(self, path: Path, content: Bytes) -> None:
        """Put a file in place of an older one, atomically."""
        ...

    def put_if_absent(self, staged: Path, path: Path) -> None:
        """Give a staged file its name; FileExistsError when the name is taken, FileNotFoundError without the file."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file or folder, atomically."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all in it; no error when it is not there."""
        ...

    def read(self, path: Path) -> bytes:
        """Return the whole content."""
        ...

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder, sorted; none when it is not there."""
        ...

    def exists(self, path: Path) -> bool:
        """Return True when there is something by this name."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        ...


class LocalFiles:
    """A folder of this machine, or one mounted into it."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, content: Bytes) -> None:
        """Create a file, whole and on the disk when this returns."""
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def replace(self, path: Path, content: Bytes) -> None:
        """Put a file in place of an older one, atomically."""
        staged = path.with_name(f".{path.name}.{os.getpid()}")
        staged.unlink(missing_ok=True)
        self.write(staged, content)
        staged.replace(path)
        self.sync_folder(path.parent)

    def put_if_absent(self, staged: Path, path: Path) -> None:
        """Give a staged file its name, unless the name is taken."""
        path.hardlink_to(staged)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file or folder, atomically."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all in it."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def read(self, path: Path) -> bytes:
        """Return the whole content."""
        return path.read_bytes()

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def exists(self, path: Path) -> bool:
        """Return True when there is something by this name."""
        return path.exists()

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def folder_of(path: str) -> str:
    """Return the path on this machine that the option path names.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID for a URL of something else, which would become a folder of that name here.
    """
    try:
        return local_path(path)
    except ValueError as error:
        message = f'the option "path" has the value {error}.'
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint="Mount it, and name the folder.") from error


def is_there(path: Path) -> bool:
    """Return True when there is something by this name, also when a folder above forbids to look."""
    try:
        return path.exists()
    except PermissionError:
        return True


def is_full(error: OSError) -> bool:
    """Return True when an operation failed for lack of space or quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def io_error(error: OSError, what: str) -> StreamError:
    """Return the finding for a failed file operation: DISK_FULL for lack of space, else IO_FAILED."""
    return StreamError("DISK_FULL" if is_full(error) else "IO_FAILED", f"{what}: {error}")
