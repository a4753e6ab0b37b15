"""Plugins files: which files a path names. Takes a file, a folder or a pattern, gives files in a fixed order.

Names that begin with ``_`` or ``.`` are hidden, as in Spark. A folder with a ``_commits`` folder is the output of the
file sink: there the manifests say what is committed, and nothing else is read.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import StreamError
from headrace_plugins.files.manifest import COMMITS, ManifestLog
from headrace_plugins.files.partitions import values_in_path
from headrace_plugins.files.storage import LocalFiles, folder_of


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read, and the partition values its folders name."""

    path: Path
    partition: dict[str, str | None]


def list_files(path: str) -> list[InputFile]:
    """Return the files a path names, ordered by path, committed output by batch.

    Raises:
        StreamError: IO_FAILED when the path names nothing.
    """
    path = folder_of(path)
    roots = sorted(Path(found) for found in glob.glob(path, recursive=True)) or [Path(path)]  # noqa: PTH207 - takes absolute patterns
    if not roots[0].exists():
        message = f"the path {path!r} names no file and no folder."
        raise StreamError("IO_FAILED", message, hint="Relative paths begin at the working folder.")
    return [file for root in roots for file in _under(root)]


def _under(root: Path) -> Iterator[InputFile]:
    if not root.is_dir():
        yield InputFile(root, {})
    elif (root / COMMITS).is_dir():
        for file in ManifestLog(root, LocalFiles()).committed():
            yield InputFile(root / file.path, values_in_path(file.path))
    else:
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(root)
            if path.is_file() and not any(_hidden(part) for part in relative.parts):
                yield InputFile(path, values_in_path(relative.as_posix()))


def _hidden(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)
