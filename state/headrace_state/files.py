"""State room: the one place where files of a checkpoint are written, so that tests can make any write fail.

Takes paths and bytes; what it has returned from is on disk, whole, and survives a loss of power. RocksDB's own
files and the lock file are the only others. Names that start with a dot are unfinished and are never listed.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
import zlib
from collections.abc import Iterable
from pathlib import Path

from headrace_state.errors import os_errors

_COPY_BYTES = 4 << 20


class Files:
    """Durable file operations on the local disk; subclass it to inject faults."""

    def write_atomic(self, path: Path, content: bytes, *, if_absent: bool = False) -> None:
        """Write a whole file: after the return it is durable, before it the path shows the old file or none.

        Args:
            path: Target; its folder exists.
            content: The whole content.
            if_absent: Leave an existing file alone.

        Raises:
            FileExistsError: if_absent was asked and the path exists.
            StateError: DISK_FULL or IO.
        """
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        with os_errors(path):
            try:
                self._write_synced(temporary, content)
                if if_absent:
                    os.link(temporary, path)
                    temporary.unlink()
                else:
                    temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            self.sync_folder(path.parent)

    def read(self, path: Path) -> bytes:
        """Return the whole content of a file; FileNotFoundError when it is absent, StateError IO otherwise."""
        with os_errors(path):
            return path.read_bytes()

    def read_head(self, path: Path, size_bytes: int) -> bytes:
        """Return at most the first size_bytes of a file; errors as in read."""
        with os_errors(path), path.open("rb") as file:
            return file.read(size_bytes)

    def list(self, folder: Path) -> list[str]:
        """Return the sorted names in a folder without those that start with a dot; none when it is absent."""
        with os_errors(folder):
            if not folder.is_dir():
                return []
            return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208 - names only

    def delete(self, path: Path) -> None:
        """Remove a file durably; nothing happens when it is absent."""
        with os_errors(path):
            if path.exists():
                path.unlink(missing_ok=True)
                self.sync_folder(path.parent)

    def delete_all(self, folder: Path, names: Iterable[str]) -> None:
        """Remove files of one folder; those absent are passed over. Durable at the return, not one by one."""
        with os_errors(folder):
            removed = False
            for name in names:
                (folder / name).unlink(missing_ok=True)
                removed = True
            if removed:
                self.sync_folder(folder)

    def make_folder(self, folder: Path) -> None:
        """Create a folder with its parents durably; nothing happens when it exists."""
        with os_errors(folder):
            if folder.is_dir():
                return
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(errno.ENOTDIR, "a file stands where a folder is needed") from error
            except FileNotFoundError as error:
                raise OSError(errno.EIO, "no folder can be made there") from error
            self.sync_folder(folder.parent)

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder and all in it; nothing happens when it is absent."""
        with os_errors(folder):
            if folder.exists():
                shutil.rmtree(folder)
                self.sync_folder(folder.parent)

    def rename(self, source: Path, target: Path) -> None:
        """Move a file or folder inside one volume atomically and durably."""
        with os_errors(target):
            source.rename(target)
            self.sync_folder(target.parent)

    def copy(self, source: Path, target: Path) -> int:
        """Copy a file durably and return the CRC-32 of its bytes."""
        checksum = 0
        with os_errors(target), source.open("rb") as reader, target.open("wb") as writer:
            while block := reader.read(_COPY_BYTES):
                checksum = zlib.crc32(block, checksum)
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
        return checksum

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name on the same volume."""
        with os_errors(target):
            os.link(source, target)

    def checksum(self, path: Path) -> int:
        """Return the CRC-32 of a file's bytes."""
        checksum = 0
        with os_errors(path), path.open("rb") as reader:
            while block := reader.read(_COPY_BYTES):
                checksum = zlib.crc32(block, checksum)
        return checksum

    def sync_folder(self, folder: Path) -> None:
        """Make renames, links and removals in a folder durable."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sweep(self, folder: Path) -> None:
        """Remove what writers that died left unfinished in a folder; call it only while owning the folder."""
        with os_errors(folder):
            if not folder.is_dir():
                return
            for left in folder.glob(".*.tmp"):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink(missing_ok=True)

    def _write_synced(self, path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
