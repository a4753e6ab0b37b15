"""Files of a checkpoint that are torn, changed or gone: what a crash leaves is mended, all else refused in words."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.crash.conftest import NewCrowd, NewJob
from tests.crash.job import Job, metric, until
from tests.crash.stream import APPEND, UPDATE, Event, expected

from headrace.testing.kafka.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

TEARS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "garbage": lambda content: bytes(255 - byte for byte in content),
    "no_checksum": lambda content: content.replace(b"crc32 ", b"crc32 0"),
}
"""By the name of the query whose file is torn so."""


def change(path: Path, tear: Callable[[bytes], bytes]) -> None:
    """Tear a file."""
    path.write_bytes(tear(path.read_bytes()))


def test_a_torn_plan_of_the_newest_batch_counts_as_never_written(new_crowd: NewCrowd, events: Sequence[Event]) -> None:
    """A crash while the plan was written."""
    job = new_crowd(dict.fromkeys(TEARS, (UPDATE, "kafka")))
    job.crash("after_wal:3")
    for name, tear in TEARS.items():
        change(job.checkpoint_of(name) / "offsets" / "2", tear)
    ended = job.finish()
    assert {line["query"]: line["case"] for line in ended.events("recovered")} == dict.fromkeys(TEARS, "clean")
    assert {name: job.published(name) for name in TEARS} == dict.fromkeys(TEARS, expected(UPDATE, events))


def test_a_torn_commit_entry_of_the_newest_batch_is_written_again(new_crowd: NewCrowd, events: Sequence[Event]) -> None:
    """The sink's marker tells that the batch happened."""
    job = new_crowd(dict.fromkeys(TEARS, (APPEND, "kafka")))
    job.crash("after_commit_log:3")
    for name, tear in TEARS.items():
        change(job.checkpoint_of(name) / "commits" / "2", tear)
    ended = job.finish()
    assert {line["query"]: line["case"] for line in ended.events("recovered")} == dict.fromkeys(TEARS, "redo")
    assert {name: job.published(name) for name in TEARS} == dict.fromkeys(TEARS, expected(APPEND, events))


def test_a_torn_older_entry_stops_the_query_and_names_the_file(new_crowd: NewCrowd) -> None:
    """No crash leaves that, so the disk cannot be trusted: exit 78."""
    job = new_crowd({"offsets": (UPDATE, "kafka"), "commits": (UPDATE, "kafka")})
    job.crash("after_wal:4")
    torn = {log: job.checkpoint_of(log) / log / "1" for log in job.queries}
    for path in torn.values():
        change(path, TEARS["half"])
    ended = job.drain()
    assert ended.code == 78, ended.log
    failed = {line["query"]: line for line in ended.events("query failed")}
    assert {name: line["error_class"] for name, line in failed.items()} == dict.fromkeys(torn, "CHECKPOINT_CORRUPT")
    assert [name for name, path in torn.items() if str(path) not in failed[name]["error"]] == []


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


@pytest.mark.parametrize("point", ["after_purge:2", "after_commit_log:5"])
def test_corrupt_table_files_are_detected_counted_and_the_state_is_restored_from_snapshot_and_deltas(
    point: str, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """RocksDB tells of a bad block only when asked: at the start, or while the query runs, which then starts again."""
    job = new_job(UPDATE, filled)
    job.crash(point)
    assert flip(job) > 0
    port = free_ports()[0]
    child = job.start("--http", f"127.0.0.1:{port}")
    until(lambda: job.published() == expected(UPDATE, events), "all rows")
    until(lambda: metric(port, "headrace_state_corruption_total", query="q") == 1, "the corruption to be counted")
    child.signal(signal.SIGTERM)
    assert child.wait().code == 0


def test_a_local_store_that_is_gone_is_rebuilt(new_job: NewJob, filled: str, events: Sequence[Event]) -> None:
    """Snapshot and deltas are enough."""
    job = new_job(APPEND, filled)
    job.crash("after_apply:4")
    shutil.rmtree(job.checkpoint / "state" / "store")
    job.finish()
    assert job.published() == expected(APPEND, events)


def test_a_checkpoint_that_lost_its_state_is_refused_with_the_remedy(new_crowd: NewCrowd) -> None:
    """Neither snapshots nor deltas are there, or nothing is, and the sinks have batches: exit 78.

    Starting from the first offset again would publish everything twice.
    """
    job = new_crowd({"kafka": (APPEND, "kafka"), "parquet": (APPEND, "parquet"), "emptied": (APPEND, "kafka")})
    job.crash("after_commit_log:4")
    before = {name: job.published(name) for name in job.queries}
    for name in job.queries:
        shutil.rmtree(job.checkpoint_of(name) / "state")
    for log in ("offsets", "commits"):
        shutil.rmtree(job.checkpoint_of("emptied") / log)
    ended = job.drain()
    assert ended.code == 78, ended.log
    failed = {line["query"]: line for line in ended.events("query failed")}
    assert {name: line["error_class"] for name, line in failed.items()} == dict.fromkeys(before, "STATE_LOST")
    remedies = ("backup", "new checkpoint location")
    assert [(name, said) for name, line in failed.items() for said in remedies if said not in line["error"]] == []
    assert {name: job.published(name) for name in job.queries} == before
