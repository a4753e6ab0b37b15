"""Two processes, one query; and processes that are asked to end."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence

import pytest
from tests.crash.conftest import NewCrowd, NewJob
from tests.crash.job import Cell, Job, until
from tests.crash.stream import APPEND, UPDATE, Event, expected
from tests.crash.watch import SinkWatch

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

CELLS: dict[str, Cell] = {"update_kafka": (UPDATE, "kafka"), "append_parquet": (APPEND, "parquet")}


def test_a_second_instance_on_the_same_checkpoint_is_refused_at_once(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """Exit 73 names the holder, which goes on unharmed."""
    job = new_job(UPDATE, filled)
    first = job.start(failpoint="after_write:3:stop")
    first.wait_for_stop("after_write", 3)
    second = job.drain()
    assert second.code == 73, second.log
    assert "CHECKPOINT_LOCKED" in second.log
    assert f"pid {first.process.pid}" in second.log
    first.signal(signal.SIGCONT)
    until(lambda: job.published() == expected(UPDATE, events), "the first instance to go on")
    first.signal(signal.SIGTERM)
    assert first.wait().code == 0


@pytest.mark.parametrize("point", ["after_read", "after_write", "before_commit"])
def test_a_frozen_instance_that_wakes_after_a_takeover_writes_nothing_and_ends(
    point: str, new_crowd: NewCrowd, events: Sequence[Event]
) -> None:
    """Exit 75; what it had written of its batches never becomes visible."""
    job = new_crowd(CELLS)
    want = {name: expected(kind, events) for name, (kind, _) in CELLS.items()}
    with SinkWatch(job) as seen:
        frozen = job.start(failpoint=f"{point}:3:stop")
        frozen.wait_for_stop(point, 3)
        copy(job, "copied")
        job.finish()
        assert {name: job.published(name) for name in CELLS} == want
        frozen.signal(signal.SIGCONT)
        ended = frozen.wait()
        assert ended.code == 75, ended.log
        failed = {line["query"]: line["error_class"] for line in ended.events("query failed")}
        assert failed == dict.fromkeys(CELLS, "SUPERSEDED")
        assert seen.check() == want


def copy(job: Job, location: str) -> None:
    """Let the next child work on a copy of the checkpoint, as another machine with a restored volume would."""
    source = job.folder / job.settings["checkpoint"]["location"]
    shutil.copytree(source, job.folder / location)
    job.settings["checkpoint"]["location"] = location


def test_sigterm_ends_a_running_query_with_its_batch_whole_and_a_restart_goes_on(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """The batch that runs is finished, exit 0."""
    job = new_job(UPDATE, filled)
    with SinkWatch(job) as seen:
        first = job.start(failpoint="after_write:3:stop")
        first.wait_for_stop("after_write", 3)
        first.signal(signal.SIGTERM)
        first.signal(signal.SIGCONT)
        ended = first.wait()
        assert ended.code == 0, ended.log
        assert job.batches()[:3] == [0, 1, 2]
        job.finish()
        seen.check()
    assert job.published() == expected(UPDATE, events)


def test_an_idle_query_ends_at_once_on_sigterm(new_job: NewJob, filled: str, events: Sequence[Event]) -> None:
    """Nothing runs, nothing is waited for."""
    job = new_job(UPDATE, filled)
    child = job.start()
    until(lambda: job.published() == expected(UPDATE, events), "all rows")
    child.signal(signal.SIGTERM)
    assert child.wait().code == 0


def test_a_second_sigterm_ends_the_process_without_waiting_for_the_batch(
    new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """As if it had been killed: the batch is run again."""
    job = new_job(UPDATE, filled)
    with SinkWatch(job) as seen:
        child = job.start(failpoint="after_write:3:sleep")
        child.wait_for_log("failpoint after_write reached 3 times: sleep")
        child.signal(signal.SIGTERM)
        child.wait_for_log('"stopping"')
        child.signal(signal.SIGTERM)
        ended = child.wait()
        assert ended.code == 128 + signal.SIGTERM, ended.log
        assert job.batches() == [0, 1]
        job.finish()
        seen.check()
    assert job.published() == expected(UPDATE, events)
