"""Files of a checkpoint that are torn, changed or gone: what a crash leaves is mended, all else refused in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.crash.conftest import NewJob
from tests.crash.job import Job
from tests.crash.stream import APPEND, UPDATE, Event, expected

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

TEARS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "garbage": lambda content: bytes(255 - byte for byte in content),
    "no-checksum": lambda content: content.replace(b"crc32 ", b"crc32 0"),
}

each_tear = pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS)


def change(path: Path, tear: Callable[[bytes], bytes]) -> None:
    """Tear a file."""
    path.write_bytes(tear(path.read_bytes()))


@each_tear
def test_a_torn_plan_of_the_newest_batch_counts_as_never_written(
    tear: Callable[[bytes], bytes], new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """A crash while the plan was written."""
    job = new_job(UPDATE, filled)
    job.crash("after_wal:3")
    change(job.checkpoint / "offsets" / "2", tear)
    job.finish()
    assert job.published() == expected(UPDATE, events)


@each_tear
def test_a_torn_commit_entry_of_the_newest_batch_is_written_again(
    tear: Callable[[bytes], bytes], new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """The sink's marker tells that the batch happened."""
    job = new_job(APPEND, filled)
    job.crash("after_commit_log:3")
    change(job.checkpoint / "commits" / "2", tear)
    ended = job.finish()
    assert [line["case"] for line in ended.events("recovered")] == ["redo"]
    assert job.published() == expected(APPEND, events)


@pytest.mark.parametrize("log", ["offsets", "commits"])
def test_a_torn_older_entry_stops_the_query_and_names_the_file(log: str, new_job: NewJob, filled: str) -> None:
    """No crash leaves that, so the disk cannot be trusted: exit 78."""
    job = new_job(UPDATE, filled)
    job.crash("after_wal:4")
    torn = job.checkpoint / log / "1"
    change(torn, TEARS["half"])
    ended = job.drain()
    assert ended.code == 78, ended.log
    assert "CHECKPOINT_CORRUPT" in ended.log
    assert str(torn) in ended.log


def test_the_delta_of_an_attempt_that_was_never_committed_is_ignored_whole_or_torn(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """Its name is in no marker."""
    job = new_job(UPDATE, filled)
    job.crash("after_delta:3")
    [orphan] = (job.checkpoint / "state" / "deltas").glob("2.*")
    job.crash("after_delta:1")
    change(orphan, TEARS["half"])
    job.finish()
    assert job.published() == expected(UPDATE, events)


def test_a_delta_of_a_dead_attempt_that_appears_after_the_commit_is_ignored(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """A delayed write of a process long gone, found when the state is rebuilt from deltas."""
    job = new_job(UPDATE, filled)
    job.crash("after_delta:3")
    [orphan] = (job.checkpoint / "state" / "deltas").glob("2.*")
    late = orphan.read_bytes()
    orphan.unlink()
    job.crash("after_apply:1")
    orphan.write_bytes(late)
    shutil.rmtree(job.checkpoint / "state" / "store")
    job.finish()
    assert job.published() == expected(UPDATE, events)


def flip(job: Job) -> int:
    """Invert 64 bytes in the middle of every table file of the live store, and return how many files there are."""
    files = list((job.checkpoint / "state" / "store").rglob("*.sst"))
    for file in files:
        content = bytearray(file.read_bytes())
        middle = min(len(content) // 2, 64)
        content[middle : middle + 64] = bytes(255 - byte for byte in content[middle : middle + 64])
        file.write_bytes(content)
    return len(files)


def test_corrupt_table_files_are_detected_and_the_state_is_restored_from_snapshot_and_deltas(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """RocksDB tells of a bad block only when asked."""
    job = new_job(UPDATE, filled)
    job.crash("after_purge:2")
    assert flip(job) > 0
    job.finish()
    assert job.published() == expected(UPDATE, events)


def test_a_local_store_that_is_gone_is_rebuilt(new_job: NewJob, filled: str, events: Sequence[Event]) -> None:
    """Snapshot and deltas are enough."""
    job = new_job(APPEND, filled)
    job.crash("after_apply:4")
    shutil.rmtree(job.checkpoint / "state" / "store")
    job.finish()
    assert job.published() == expected(APPEND, events)


@pytest.mark.parametrize("sink", ["kafka", "parquet"])
def test_a_checkpoint_that_lost_its_state_is_refused_with_the_remedy(sink: str, new_job: NewJob, filled: str) -> None:
    """Neither snapshots nor deltas are there, the sink has batches."""
    job = new_job(APPEND, filled, sink)
    job.crash("after_commit_log:4")
    before = job.published()
    shutil.rmtree(job.checkpoint / "state")
    ended = job.drain()
    assert ended.code == 78, ended.log
    assert "STATE_LOST" in ended.log
    assert "backup" in ended.log
    assert "new checkpoint location" in ended.log
    assert job.published() == before


def test_an_emptied_checkpoint_with_its_query_id_is_refused_with_the_remedy(new_job: NewJob, filled: str) -> None:
    """Starting from the first offset again would publish everything twice."""
    job = new_job(APPEND, filled)
    job.crash("after_commit_log:4")
    before = job.published()
    for name in ("offsets", "commits", "state"):
        shutil.rmtree(job.checkpoint / name)
    ended = job.drain()
    assert ended.code == 78, ended.log
    assert "STATE_LOST" in ended.log
    assert "new checkpoint location" in ended.log
    assert job.published() == before
