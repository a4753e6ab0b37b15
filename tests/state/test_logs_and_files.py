"""Metadata logs, the lock and the one place of writes: whole or absent, and errors that say which."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from headrace_state import Files, FolderLock, MetadataLog, StateError, StateErrorKind

WHOLE = b'v1\n{"a":1}\n{"b":"\xc3\xa4\\n"}\n'


class FullDisk(Files):
    """Every write fails as on a full disk, after the temporary file was begun."""

    def __init__(self, code: int = errno.ENOSPC) -> None:
        self._code = code

    def _write_synced(self, path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        raise OSError(self._code, "No space left on device")


@pytest.fixture
def log(tmp_path: Path) -> MetadataLog:
    """An empty log."""
    return MetadataLog(tmp_path / "offsets", Files())


def test_entry_is_text_like_sparks_with_a_checksum(log: MetadataLog, tmp_path: Path) -> None:
    """First the version, a line an object, last the checksum."""
    log.write(0, {"a": 1})
    assert (tmp_path / "offsets" / "0").read_text() == 'v1\n{"a":1}\ncrc32 7ec536eb\n'
    log.write(1, [{"b": [None, 1.5]}, {"c": "ä\n\u2028\x85"}])
    assert log.read(1) == [{"b": [None, 1.5]}, {"c": "ä\n\u2028\x85"}]
    assert log.latest() == (1, log.read(1))


def test_numbers_are_numeric_and_purging_keeps_the_rest(log: MetadataLog, tmp_path: Path) -> None:
    """Ten comes after nine; unfinished and foreign names are no entries."""
    for n in (9, 10, 2):
        log.write(n, [])
    (tmp_path / "offsets" / ".11.x.tmp").touch()
    assert log.numbers() == [2, 9, 10]
    assert [n for n in range(12) if log.has(n)] == [2, 9, 10]
    log.purge_below(9)
    assert log.numbers() == [9, 10]
    assert MetadataLog(tmp_path / "new", Files()).latest() is None


def test_second_writer_of_an_entry_is_refused(log: MetadataLog) -> None:
    """Put if absent: the first stays."""
    log.write(3, {"first": True})
    with pytest.raises(StateError, match="concurrent writer") as caught:
        log.write(3, {"first": False})
    assert caught.value.kind is StateErrorKind.LOCKED
    assert log.read(3) == [{"first": True}]


TORN = {
    "nothing": b"",
    "half": WHOLE[:14],
    "no checksum": WHOLE,
    "garbage": b"\x00\xff" * 40,
    "wrong checksum": WHOLE + b"crc32 00000000\n",
    "half a checksum": WHOLE + b"crc32 ",
}


@pytest.mark.parametrize("content", TORN.values(), ids=TORN.keys())
def test_torn_newest_entry_counts_as_absent_and_torn_older_stops(
    log: MetadataLog, tmp_path: Path, content: bytes
) -> None:
    """A crash can tear only what was written last."""
    log.write(0, {"n": 0})
    log.write(1, {"n": 1})
    (tmp_path / "offsets" / "2").write_bytes(content)
    assert log.latest() == (1, [{"n": 1}])
    assert log.drop_torn_latest() == 2
    assert log.drop_torn_latest() is None
    assert log.numbers() == [0, 1]
    (tmp_path / "offsets" / "0").write_bytes(content)
    assert log.drop_torn_latest() is None
    with pytest.raises(StateError, match=r"torn or changed .*/offsets/0") as caught:
        log.read(0)
    assert caught.value.kind is StateErrorKind.CORRUPT


def test_newer_format_is_refused_and_never_dropped(log: MetadataLog, tmp_path: Path) -> None:
    """What a later version wrote is not torn."""
    (tmp_path / "offsets" / "5").write_bytes(b"v2\nwhatever\n")
    for read in (lambda: log.read(5), log.latest, log.drop_torn_latest):
        with pytest.raises(StateError, match="format v2") as caught:
            read()
        assert caught.value.kind is StateErrorKind.INCOMPATIBLE
    assert log.numbers() == [5]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_failed_write_leaves_nothing_behind(tmp_path: Path, code: int) -> None:
    """A full disk has its own kind; neither half a file nor a temporary one stays."""
    with pytest.raises(StateError, match="offsets/0") as caught:
        MetadataLog(tmp_path / "offsets", FullDisk(code)).write(0, {"a": 1})
    assert caught.value.kind is (StateErrorKind.IO if code == errno.EIO else StateErrorKind.DISK_FULL)
    assert list((tmp_path / "offsets").iterdir()) == []


def test_write_replaces_unless_told_to_leave_alone(tmp_path: Path) -> None:
    """if_absent protects what is there."""
    files, path = Files(), tmp_path / "x"
    files.write_atomic(path, b"1")
    files.write_atomic(path, b"2")
    with pytest.raises(FileExistsError):
        files.write_atomic(path, b"3", if_absent=True)
    assert (files.read(path), files.list(tmp_path), len(list(tmp_path.iterdir()))) == (b"2", ["x"], 1)
    (tmp_path / ".y.tmp").mkdir()
    (tmp_path / ".z.tmp").touch()
    files.sweep(tmp_path)
    files.delete(path)
    files.delete(path)
    assert (list(tmp_path.iterdir()), files.list(tmp_path / "absent")) == ([], [])


def test_folder_is_locked_against_other_processes_until_released(tmp_path: Path) -> None:
    """The second process is told who holds it; the lock goes with the process."""
    script = (
        "import sys, pathlib, headrace_state as h\n"
        "h.FolderLock(pathlib.Path(sys.argv[1])).acquire()\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(
            StateError, match=rf"in use by another process \(pid {child.pid} on .* since .*Z\)"
        ) as caught:
            FolderLock(tmp_path).acquire()
        assert caught.value.kind is StateErrorKind.LOCKED
        child.kill()
    with FolderLock(tmp_path), pytest.raises(StateError, match="in use"):
        FolderLock(tmp_path).acquire()
    with FolderLock(tmp_path):
        pass
