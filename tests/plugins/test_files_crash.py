"""The file sink through kills at every operation, full disks, and owners that come back."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plugins.delivered import batch_rows, deliver, marker_of, values_in, visible_files

from headrace.errors import IndoubtError, StreamError, SupersededError
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT
from headrace_plugins.files.sink import PARQUET, FileSink
from headrace_plugins.files.storage import Bytes, Files, LocalFiles


class KilledError(BaseException):
    """The process ended here, as far as the code under test can tell."""


class FaultyFiles(LocalFiles):
    """Calls `fault` before each operation that changes the folder; the fault may raise. Nobody waits for the disk."""

    def __init__(self, fault: Callable[[str, Path], None] = lambda operation, path: None) -> None:
        self._fault = fault

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents."""
        self._fault("make_folder", path)
        super().make_folder(path)

    def write(self, path: Path, content: Bytes) -> None:
        """Create a file."""
        self._fault("write", path)
        with path.open("xb") as file:
            file.write(content)

    def replace(self, path: Path, content: Bytes) -> None:
        """Put a file in place of an older one."""
        self._fault("replace", path)
        super().replace(path, content)

    def put_if_absent(self, staged: Path, path: Path) -> None:
        """Give a staged file its name."""
        self._fault("put_if_absent", path)
        super().put_if_absent(staged, path)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file or folder."""
        self._fault("rename", new)
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder."""
        self._fault("remove", path)
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        self._fault("sync_folder", path)


def kill_at(number: int) -> Callable[[str, Path], None]:
    """Return a fault that ends the process at the operation of this number, from 1, and at every later one."""
    seen = 0

    def fault(operation: str, path: Path) -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            raise KilledError(f"{operation} {path}")

    return fault


def fail_on(operation: str, code: int = errno.ENOSPC) -> Callable[[str, Path], None]:
    """Return a fault that lets one kind of operation fail with an error number."""

    def fault(seen: str, path: Path) -> None:
        if seen == operation:
            raise OSError(code, "injected", str(path))

    return fault


def _sink(folder: Path, files: Files | None = None) -> FileSink:
    built = PARQUET.build(parse_options(PARQUET.spec, {"path": str(folder)}), KIT_CONTEXT, files or FaultyFiles())
    assert isinstance(built, FileSink)
    return built


def _hidden(folder: Path) -> list[str]:
    return [path.name for path in (folder / "_tmp").rglob("*") if path.is_file()]


def test_a_kill_before_any_operation_leaves_each_batch_once(tmp_path: Path) -> None:
    """Whatever operation of the second batch the process dies at, the next one ends with both batches, each once."""
    for number in range(1, 100):
        folder = tmp_path / str(number)
        first = _sink(folder)
        first.recover()
        deliver(first, 0)
        killed = _sink(folder, FaultyFiles(kill_at(number)))
        try:
            killed.recover()
            deliver(killed, 1)
        except KilledError:
            before = values_in(folder)
            assert before in (["0-0", "0-1"], ["0-0", "0-1", "1-0", "1-1"])
        else:
            assert number > 15, "the sequence has more operations than that"
            return
        after = _sink(folder)
        marker = after.recover()
        assert marker in (marker_of(0), marker_of(1))
        assert values_in(folder) == (["0-0", "0-1", "1-0", "1-1"] if marker == marker_of(1) else ["0-0", "0-1"])
        if marker == marker_of(0):
            deliver(after, 1)
        assert values_in(folder) == ["0-0", "0-1", "1-0", "1-1"]
        assert _hidden(folder) == []
    pytest.fail("the killed sink never came to its end")


def test_a_kill_during_recovery_is_recovered_from(tmp_path: Path) -> None:
    """A batch decided but not in place is finished by whichever recovery comes to its end."""
    for number in range(1, 100):
        folder = tmp_path / str(number)
        first = _sink(folder, FaultyFiles(fail_on("rename", errno.EIO)))
        first.recover()
        with pytest.raises(IndoubtError):
            deliver(first, 0)
        first.abort()
        first.close()
        try:
            _sink(folder, FaultyFiles(kill_at(number))).recover()
        except KilledError:
            assert _sink(folder).recover() == marker_of(0)
            assert values_in(folder) == ["0-0", "0-1"]
        else:
            assert values_in(folder) == ["0-0", "0-1"]
            return
    pytest.fail("the killed recovery never came to its end")


@pytest.mark.parametrize("operation", ["write", "put_if_absent"])
def test_a_full_disk_shows_nothing_and_says_so(tmp_path: Path, operation: str) -> None:
    """ENOSPC before the decision is DISK_FULL with exit code 74, and the batch is absent."""
    sink = _sink(tmp_path, FaultyFiles(fail_on(operation)))
    sink.recover()
    with pytest.raises(StreamError, match="injected") as caught:
        deliver(sink, 0)
    sink.close()
    assert (caught.value.code, caught.value.exit_code) == ("DISK_FULL", 74)
    assert visible_files(tmp_path) == []
    assert _sink(tmp_path).recover() is None
    assert _hidden(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failure_after_the_decision_is_in_doubt_and_recovery_finishes(tmp_path: Path, code: int) -> None:
    """Neither abort nor close may take away files that belong to a decided batch."""
    sink = _sink(tmp_path, FaultyFiles(fail_on("rename", code)))
    sink.recover()
    with pytest.raises(IndoubtError, match="batch 0 is decided"):
        deliver(sink, 0)
    sink.abort()
    sink.close()
    assert _sink(tmp_path).recover() == marker_of(0)
    assert values_in(tmp_path) == ["0-0", "0-1"]


def test_a_put_that_fails_otherwise_is_in_doubt(tmp_path: Path) -> None:
    """A network folder may have linked the manifest although it answered with an error."""
    sink = _sink(tmp_path, FaultyFiles(fail_on("put_if_absent", errno.EIO)))
    sink.recover()
    with pytest.raises(IndoubtError, match="unknown"):
        deliver(sink, 0)


def test_a_fenced_owner_can_neither_write_nor_commit(tmp_path: Path) -> None:
    """Recovery alone fences, before any claim: the earlier owner's staging folder is gone."""
    early, late = _sink(tmp_path), _sink(tmp_path)
    early.recover()
    early.begin(marker_of(0, 1))
    early.write(batch_rows(0))
    assert late.recover() is None
    with pytest.raises(SupersededError):
        early.commit(marker_of(0, 1))
    early.begin(marker_of(0, 1))
    with pytest.raises(SupersededError):
        early.write(batch_rows(0))
    deliver(late, 0, owner=2)
    assert values_in(tmp_path) == ["0-0", "0-1"]
