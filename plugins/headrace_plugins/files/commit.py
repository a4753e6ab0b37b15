"""Plugins files: the commit protocol of a folder, without formats.

Takes staged files, gives committed ones. An owner stages in a folder of its own, ``_tmp/<session>``. The manifest is
staged there too and gets its name in ``_commits`` by put-if-absent: the decision. Then the files are renamed into
place, which recovery repeats. A later owner renames the session folders it finds, so that nothing staged there can be
committed any more.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from headrace.clock import Clock
from headrace.contract import Marker
from headrace.errors import IndoubtError, StreamError, SupersededError
from headrace_plugins.files.manifest import COMMITS, DataFile, Manifest, ManifestLog
from headrace_plugins.files.storage import Bytes, Files, io_error, is_full

STAGING = "_tmp"
_FENCED = ".fenced-"
_SESSION = re.compile(r"(\.fenced-)?[0-9a-f]{32}")
_SPARK = "_spark_metadata"


class FolderCommits:
    """The commits of one query into one folder.

    Args:
        folder: The output folder, made when it is not there.
        files: The file system.
        query_id: Who writes; the folder belongs to one query.
        clock: For the age of files.
        retention_us: Age at which a file leaves the folded manifests; None keeps all.
    """

    def __init__(
        self, folder: Path, files: Files, query_id: str, *, clock: Clock, retention_us: int | None = None
    ) -> None:
        self.log = ManifestLog(folder, files, retention_us)
        self._folder = folder
        self._files = files
        self._query_id = query_id
        self._clock = clock
        self._session: Path | None = None

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence every earlier session, put the files of the last manifest in place, sweep the rest; return the marker.

        Args:
            owner: The number under which this process last owned the query; 0 when it never did.

        Raises:
            StreamError: CHECKPOINT_DISAGREES when the folder belongs to another query; IO_FAILED.
            SupersededError: a later owner has claimed the folder since; nobody was fenced.
        """
        try:
            self._refuse_foreign()
            seen = self._marker(self.log.newest()) if owner else None
            if seen is not None and seen.owner > owner:
                raise _superseded(self._folder)
            self._files.make_folder(self._folder / COMMITS)
            self._files.make_folder(self._folder / STAGING)
            fenced = self._fence()
            newest = self.log.newest()
            marker = self._marker(newest)
            if newest is not None:
                self._finish(newest.files, fenced)
            for session in fenced:
                self._files.remove(session)
            self._session = self._folder / STAGING / uuid.uuid4().hex
            self._files.make_folder(self._session)
            self._files.sync_folder(self._folder / STAGING)
        except OSError as error:
            raise io_error(error, f"the folder {self._folder} could not be recovered") from error
        return marker

    def claim(self, marker: Marker) -> None:
        """Record the owner.

        Raises:
            SupersededError: a later owner has claimed the folder already.
        """
        self._check_owner(marker)
        try:
            self.log.set_owner(marker)
        except OSError as error:
            raise io_error(error, f"the owner of {self._folder} could not be recorded") from error

    def stage(self, content: Bytes, folder: str, name: str, rows: int) -> DataFile:
        """Write a file where no reader looks, and return what the manifest will say of it.

        Raises:
            SupersededError: a later owner fenced this one.
            StreamError: DISK_FULL or IO_FAILED.
        """
        try:
            self._files.write(self._staging() / name, content)
        except FileNotFoundError as error:
            raise _superseded(self._folder) from error
        except OSError as error:
            raise io_error(error, f"a file for {self._folder} could not be written") from error
        path = f"{folder}/{name}" if folder else name
        return DataFile(path, name, rows, len(content), self._clock.now_us())

    def commit(self, marker: Marker, staged: Sequence[DataFile]) -> None:
        """Decide the batch and put its files in place; the same batch with the same delta again changes nothing."""
        self._check_owner(marker)
        if self._decided(marker):
            self.drop(staged)
            return
        self._decide(Manifest(marker, tuple(staged)))
        try:
            self._files.sync_folder(self.log.folder)
            self._place(staged)
        except FileNotFoundError as error:
            raise _superseded(self._folder) from error
        except OSError as error:
            message = f"batch {marker.batch_id} is decided in {self._folder}, its files are not all in place: {error}"
            raise IndoubtError(message) from error
        self._tidy(marker)

    def drop(self, staged: Sequence[DataFile]) -> None:
        """Remove staged files; what cannot be removed is swept by the next recovery."""
        if self._session is None:
            return
        for file in staged:
            try:
                self._files.remove(self._session / file.staged)
            except OSError:
                return

    def _refuse_foreign(self) -> None:
        """Refuse a folder in which others would lose something: staged files of theirs, or ours to their readers."""
        what = [name for name in self._files.names(self._folder / STAGING) if not _SESSION.fullmatch(name)]
        message = ""
        if what:
            message = f"{self._folder / STAGING} holds {what[0]}, which no file sink has put there, and would be swept"
        elif self._files.exists(self._folder / _SPARK):
            message = f"{self._folder} is the output of a stream of Spark, whose readers would not see other files"
        if message:
            hint = "Choose another path, or move it away."
            raise StreamError("CHECKPOINT_DISAGREES", f"{message}.", hint=hint)

    def _fence(self) -> list[Path]:
        """Rename the folders of earlier sessions, from then on useless to their owners, and return them."""
        staging = self._folder / STAGING
        fenced = []
        for name in self._files.names(staging):
            session = staging / name
            if not name.startswith(_FENCED):
                session = staging / f"{_FENCED}{name}"
                self._files.rename(staging / name, session)
            fenced.append(session)
        self._files.sync_folder(staging)
        return fenced

    def _marker(self, newest: Manifest | None) -> Marker | None:
        owner = self.log.owner()
        holder = newest.marker.query_id if newest else owner[0] if owner else self._query_id
        if holder != self._query_id:
            message = f"the folder {self._folder} holds the output of query {holder}, this is query {self._query_id}"
            hint = "Choose another path, or move the folder away."
            raise StreamError("CHECKPOINT_DISAGREES", message, hint=hint)
        if newest is None:
            # Claimed, and nothing committed yet: a batch that the checkpoint has logged was not written.
            return Marker(owner[0], -1, "", owner[1]) if owner else None
        return replace(newest.marker, owner=max(newest.marker.owner, owner[1] if owner else 0))

    def _finish(self, files: Sequence[DataFile], sessions: Sequence[Path]) -> None:
        for file in files:
            for session in sessions:
                if self._files.exists(session / file.staged):
                    self._move(session / file.staged, self._folder / file.path)
        self._sync_targets(files)

    def _place(self, files: Sequence[DataFile]) -> None:
        for file in files:
            self._move(self._staging() / file.staged, self._folder / file.path)
        self._sync_targets(files)

    def _move(self, staged: Path, target: Path) -> None:
        self._files.make_folder(target.parent)
        self._files.rename(staged, target)

    def _sync_targets(self, files: Sequence[DataFile]) -> None:
        """Make the new names durable, those of new folders too."""
        folders = {parent for file in files for parent in PurePosixPath(file.path).parents}
        for folder in sorted(folders, key=str):
            if self._files.exists(self._folder / folder):
                self._files.sync_folder(self._folder / folder)

    def _decide(self, manifest: Manifest) -> None:
        batch = manifest.marker.batch_id
        staged = self._staging() / f"manifest-{batch}-{uuid.uuid4().hex}.json"
        failed = f"batch {batch} could not be committed to {self._folder}"
        try:
            self._files.write(staged, manifest.to_bytes())
        except FileNotFoundError as error:
            raise _superseded(self._folder) from error
        except OSError as error:
            raise io_error(error, failed) from error
        try:
            self.log.put(staged, batch)
        except (FileExistsError, FileNotFoundError) as error:
            raise _superseded(self._folder) from error
        except OSError as error:
            if is_full(error):
                raise io_error(error, failed) from error
            message = f"whether batch {batch} was committed to {self._folder} is unknown: {error}"
            raise IndoubtError(message) from error

    def _decided(self, marker: Marker) -> bool:
        newest = self.log.newest()
        if newest is None or newest.marker.batch_id < marker.batch_id:
            return False
        if newest.marker.batch_id == marker.batch_id and newest.marker.delta == marker.delta:
            return True
        message = f"batch {newest.marker.batch_id} is in {self._folder} already, committed by another owner"
        raise SupersededError(message)

    def _check_owner(self, marker: Marker) -> None:
        owner = self.log.owner()
        if owner is not None and (owner[0] != marker.query_id or owner[1] > marker.owner):
            message = f"owner {owner[1]} of query {owner[0]} writes to {self._folder} now; this is owner {marker.owner}"
            raise SupersededError(message)

    def _tidy(self, marker: Marker) -> None:
        """Remove the staged manifests and fold old ones; a failure here waits for the next batch."""
        try:
            for name in self._files.names(self._staging()):
                if name.startswith(f"manifest-{marker.batch_id}-"):
                    self._files.remove(self._staging() / name)
            self.log.fold(self._clock.now_us())
        except OSError:
            return

    def _staging(self) -> Path:
        if self._session is None:
            raise StreamError("INTERNAL", f"the folder {self._folder} was written to before recover()")
        return self._session


def _superseded(folder: Path) -> SupersededError:
    return SupersededError(f"another instance of this query writes to {folder} now")
