"""Plugins files: which files a folder really holds. One manifest a batch in ``_commits/``, put there if absent.

Takes manifests, gives the newest and the list of all committed files. The put is the decision on a batch; old manifests
are folded into one ``compact.<batch>.json``, from which files older than the retention are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headrace.contract import Marker
from headrace.errors import StreamError
from headrace_plugins.files.storage import Files

COMMITS = "_commits"
OWNER = "owner.json"
KEPT_MANIFESTS = 20
"""Manifests of single batches that stay at least; at twice as many, the older ones are folded."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a batch: its path below the folder, with slashes, its name while staged, its size."""

    path: str
    staged: str
    rows: int
    bytes: int
    committed_us: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one batch added, and the marker that goes with it."""

    marker: Marker
    files: tuple[DataFile, ...]

    def to_bytes(self) -> bytes:
        """Return the JSON text, version 1."""
        marker = json.loads(self.marker.to_json())
        return json.dumps({"v": 1, "marker": marker, "files": [asdict(file) for file in self.files]}).encode()

    @staticmethod
    def from_bytes(content: bytes, path: Path) -> Manifest:
        """Return the manifest a file holds.

        Raises:
            StreamError: CHECKPOINT_CORRUPT with the path.
        """
        raw = _parse(content, path)
        try:
            return Manifest(Marker.from_json(json.dumps(raw["marker"])), _files(raw))
        except (KeyError, TypeError) as error:
            raise _corrupt(path) from error


class ManifestLog:
    """The manifests of one folder.

    Args:
        folder: The sink's folder.
        files: The file system.
        retention_us: Age at which a file leaves the log when manifests are folded; None keeps all.
    """

    def __init__(self, folder: Path, files: Files, retention_us: int | None = None) -> None:
        self.folder = folder / COMMITS
        self._files = files
        self._retention_us = retention_us

    def newest(self) -> Manifest | None:
        """Return the manifest of the last committed batch."""
        batches = self._batches()
        return self._read(batches[-1]) if batches else None

    def committed(self) -> list[DataFile]:
        """Return every committed file, by batch; those older than the retention may be missing."""
        compact = self._compact()
        found = list(_files(self._load(f"compact.{compact}.json"))) if compact is not None else []
        for batch in self._batches():
            if compact is None or batch > compact:
                found.extend(self._read(batch).files)
        return found

    def put(self, staged: Path, batch_id: int) -> None:
        """Decide the batch: FileExistsError when it was decided before, FileNotFoundError when fenced."""
        self._files.put_if_absent(staged, self.folder / f"{batch_id}.json")

    def owner(self) -> tuple[str, int] | None:
        """Return query id and number of the last owner that claimed the folder."""
        path = self.folder / OWNER
        if not self._files.exists(path):
            return None
        raw = _parse(self._files.read(path), path)
        return raw["query_id"], raw["owner"]

    def set_owner(self, marker: Marker) -> None:
        """Record the owner of the folder."""
        text = json.dumps({"v": 1, "query_id": marker.query_id, "owner": marker.owner, "batch": marker.batch_id})
        self._files.replace(self.folder / OWNER, text.encode())

    def fold(self, now_us: int) -> None:
        """Fold old manifests into one file when there are many; the newest ones stay as they are."""
        batches = self._batches()
        if len(batches) < 2 * KEPT_MANIFESTS:
            return
        last = batches[-KEPT_MANIFESTS - 1]
        horizon_us = now_us - self._retention_us if self._retention_us is not None else None
        compact = self._compact()
        found = list(_files(self._load(f"compact.{compact}.json"))) if compact is not None else []
        for batch in batches[:-KEPT_MANIFESTS]:
            found.extend(self._read(batch).files if compact is None or batch > compact else ())
        kept = [asdict(file) for file in found if horizon_us is None or file.committed_us >= horizon_us]
        content = json.dumps({"v": 1, "last": last, "files": kept}).encode()
        self._files.replace(self.folder / f"compact.{last}.json", content)
        for batch in batches[:-KEPT_MANIFESTS]:
            self._files.remove(self.folder / f"{batch}.json")
        for older in self._compacts():
            if older < last:
                self._files.remove(self.folder / f"compact.{older}.json")

    def _batches(self) -> list[int]:
        names = self._files.names(self.folder)
        return sorted(int(name.removesuffix(".json")) for name in names if name.removesuffix(".json").isdigit())

    def _compact(self) -> int | None:
        return max(self._compacts(), default=None)

    def _compacts(self) -> list[int]:
        parts = [name.split(".") for name in self._files.names(self.folder)]
        return [int(p[1]) for p in parts if len(p) == 3 and p[0] == "compact" and p[1].isdigit()]

    def _read(self, batch: int) -> Manifest:
        path = self.folder / f"{batch}.json"
        return Manifest.from_bytes(self._files.read(path), path)

    def _load(self, name: str) -> Any:
        return _parse(self._files.read(self.folder / name), self.folder / name)


def _files(raw: Any) -> tuple[DataFile, ...]:
    listed: Sequence[Any] = raw["files"]
    return tuple(DataFile(**file) for file in listed)


def _parse(content: bytes, path: Path) -> Any:
    try:
        raw = json.loads(content)
        version = raw["v"]
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(path) from error
    if version != 1:
        raise StreamError("CHECKPOINT_CORRUPT", f"{path} has version {version}; this release reads 1")
    return raw


def _corrupt(path: Path) -> StreamError:
    return StreamError("CHECKPOINT_CORRUPT", f"{path} is not a manifest this release reads")
