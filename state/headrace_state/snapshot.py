"""State room: whole copies of a store, from which a lost or corrupt one is rebuilt.

Takes an open store, gives folders `<batch>.<uuid>/` with a manifest that is written last; a folder without a whole
manifest is no snapshot. Files are copies, never shared with the live store, so one bad block cannot ruin both; a file
that the snapshot before has already is linked from there.
"""

from __future__ import annotations

import json
import uuid as uuids
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace_state.errors import StateError, StateErrorKind, corrupt, os_errors
from headrace_state.files import Files
from headrace_state.store.contract import StateStore

SNAPSHOT_VERSION = 1
"""Newest manifest format that is read; the only one that is written."""

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """One file of a snapshot: size and CRC-32 of its bytes, and which file of the store it was copied from."""

    size_bytes: int
    crc: int
    origin: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole snapshot: the store as it was after one delta."""

    batch: int
    uuid: str
    folder: Path
    files: Mapping[str, CopiedFile]


class Snapshots:
    """The snapshots in one folder."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._folder = folder
        self._files = files
        files.make_folder(folder)

    def take(self, store: StateStore, batch: int, uuid: str) -> Snapshot:
        """Copy a store that stands at this delta; on the same volume only files that are new since the last one.

        Raises:
            StateError: DISK_FULL, IO or CORRUPT; nothing but a folder without manifest is left.
        """
        return self.publish(self.stage(store), batch, uuid)

    def stage(self, store: StateStore) -> Path:
        """Fix the store's present content in a new folder of hard links; quick, the store must not change meanwhile."""
        staged = self._folder / f".{uuids.uuid4().hex}.tmp"
        store.checkpoint(staged)
        return staged

    def publish(self, staged: Path, batch: int, uuid: str) -> Snapshot:
        """Copy what was staged and write the manifest; may run while the store goes on."""
        target = self._folder / f"{batch}.{uuid}"
        try:
            known = self._copied_before()
            self._files.remove_tree(target)
            self._files.make_folder(target)
            with os_errors(staged):
                sources = sorted(path for path in staged.iterdir() if path.is_file())
            copied = {source.name: self._copy(source, target / source.name, known) for source in sources}
            self._files.sync_folder(target)
            snapshot = Snapshot(batch, uuid, target, copied)
            self._files.write_atomic(target / _MANIFEST, _to_text(snapshot))
        finally:
            self._files.remove_tree(staged)
        return snapshot

    def whole(self) -> list[Snapshot]:
        """Return the snapshots whose manifest is whole and whose files have the right sizes, newest first."""
        found = [snapshot for name in self._files.list(self._folder) if (snapshot := self._read(name)) is not None]
        return sorted(found, key=lambda snapshot: snapshot.batch, reverse=True)

    def newest(self, at_most_batch: int) -> Snapshot | None:
        """Return the newest whole snapshot of this batch or an earlier one; torn ones are skipped."""
        return next((snapshot for snapshot in self.whole() if snapshot.batch <= at_most_batch), None)

    def restore(self, snapshot: Snapshot, into: Path) -> None:
        """Copy a snapshot into a folder that does not exist, comparing every checksum.

        Raises:
            StateError: CORRUPT when a file differs from the manifest; the folder is removed again.
        """
        self._files.make_folder(into)
        for name, expected in snapshot.files.items():
            if self._files.copy(snapshot.folder / name, into / name) != expected.crc:
                self._files.remove_tree(into)
                message = f"the file {name} of a snapshot does not match its checksum"
                raise corrupt(message, snapshot.folder)
        self._files.sync_folder(into)

    def purge(self, keep: int = 2, at_most_batch: int | None = None) -> list[Snapshot]:
        """Remove all but the newest whole snapshots, and every torn one; not while another thread publishes.

        Args:
            keep: How many stay.
            at_most_batch: Batch of the applied delta; snapshots after it are of a history that was given up.

        Returns:
            Those kept, newest first.
        """
        current = [whole for whole in self.whole() if at_most_batch is None or whole.batch <= at_most_batch]
        kept = current[:keep]
        names = {snapshot.folder.name for snapshot in kept}
        for name in self._files.list(self._folder):
            if name not in names:
                self._files.remove_tree(self._folder / name)
        return kept

    def _copied_before(self) -> dict[tuple[str, int, str], tuple[Path, CopiedFile]]:
        newest = next(iter(self.whole()), None)
        if newest is None:
            return {}
        return {
            (name, entry.size_bytes, entry.origin): (newest.folder / name, entry)
            for name, entry in newest.files.items()
            if name.endswith(".sst")  # only these never change under one name
        }

    def _copy(
        self, source: Path, target: Path, known: Mapping[tuple[str, int, str], tuple[Path, CopiedFile]]
    ) -> CopiedFile:
        with os_errors(source):
            status = source.stat()
        origin = f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"
        before = known.get((source.name, status.st_size, origin))
        if before is not None:
            self._files.link(before[0], target)
            return before[1]
        return CopiedFile(status.st_size, self._files.copy(source, target), origin)

    def _read(self, name: str) -> Snapshot | None:
        folder = self._folder / name
        try:
            snapshot = _from_text(self._files.read(folder / _MANIFEST), folder)
            for file, entry in snapshot.files.items():
                if (folder / file).stat().st_size != entry.size_bytes:
                    return None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except StateError as error:
            if error.kind is StateErrorKind.CORRUPT:
                return None
            raise
        return snapshot


def _to_text(snapshot: Snapshot) -> bytes:
    files = {name: [entry.size_bytes, entry.crc, entry.origin] for name, entry in snapshot.files.items()}
    fields = {"v": SNAPSHOT_VERSION, "batch": snapshot.batch, "uuid": snapshot.uuid, "files": files}
    line = json.dumps(fields, separators=(",", ":")).encode()
    return line + f"\ncrc32 {zlib.crc32(line):08x}\n".encode()


def _from_text(content: bytes, folder: Path) -> Snapshot:
    line, _, checksum = content.partition(b"\n")
    if checksum != f"crc32 {zlib.crc32(line):08x}\n".encode():
        message = "the manifest of a snapshot is torn or changed"
        raise corrupt(message, folder)
    fields = json.loads(line)
    if fields["v"] > SNAPSHOT_VERSION:
        message = f"a snapshot has format {fields['v']}, this version reads up to {SNAPSHOT_VERSION}"
        raise StateError(StateErrorKind.INCOMPATIBLE, message, folder)
    files = {name: CopiedFile(int(size), int(crc), origin) for name, (size, crc, origin) in fields["files"].items()}
    return Snapshot(fields["batch"], fields["uuid"], folder, files)
