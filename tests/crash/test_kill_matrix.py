"""The kill matrix: SIGKILL at every named point of a batch, for every kind of query and sink, on a real broker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.crash.conftest import NewJob
from tests.crash.job import Job
from tests.crash.stream import APPEND, STATEFUL, STATELESS, UPDATE, Event, Kind, expected
from tests.crash.watch import FolderWatch, TopicWatch

from headrace.failpoints import POINTS
from headrace.testing.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

CELLS = [(UPDATE, "kafka"), (APPEND, "kafka"), (APPEND, "parquet"), (STATELESS, "kafka"), (STATELESS, "parquet")]
"""Every query and sink that go together: the file sink refuses update mode."""

SNAPSHOT_POINTS = ("before_snapshot", "after_snapshot", "after_purge")
"""Passed every second batch."""

STATE_POINTS = ("after_wal", "after_compute", "after_delta", "after_commit", "after_apply", "after_snapshot")
"""Those between which state, and with it the timeouts of Python code, is in another place."""

each_cell = pytest.mark.parametrize(("kind", "sink"), CELLS, ids=[f"{kind.name}-{sink}" for kind, sink in CELLS])


def watch(kafka: Kafka, job: Job) -> TopicWatch | FolderWatch:
    """Return a reader of the job's output."""
    options = job.query["sink"]["options"]
    return TopicWatch(kafka, options["topic"]) if "topic" in options else FolderWatch(Path(options["path"]))


@each_cell
def test_a_run_without_faults_publishes_what_plain_python_computes(
    kind: Kind, sink: str, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """The oracle of all crash tests agrees with a run that nothing happened to."""
    job = new_job(kind, filled, sink)
    job.finish()
    assert job.published() == expected(kind, events)


@each_cell
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_doubled_by_sigkill(
    point: str, kind: Kind, sink: str, kafka: Kafka, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """Killed in the third batch, with state and late rows behind it, and started again."""
    job = new_job(kind, filled, sink)
    with watch(kafka, job) as seen:
        job.crash(f"{point}:{2 if point in SNAPSHOT_POINTS else 3}")
        job.finish()
        seen.check()
    assert job.published() == expected(kind, events)
    assert job.batches() == list(range(len(job.batches())))


@pytest.mark.parametrize("point", STATE_POINTS)
def test_a_stateful_function_is_called_for_every_key_and_timeout_once(
    point: str, kafka: Kafka, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """Its state and its timeouts come back as they were, and no group ends twice."""
    job = new_job(STATEFUL, filled)
    with watch(kafka, job) as seen:
        job.crash(f"{point}:{2 if point in SNAPSHOT_POINTS else 3}")
        job.finish()
        seen.check()
    assert job.published() == expected(STATEFUL, events)
    assert job.batches() == list(range(len(job.batches())))


@pytest.mark.parametrize("sink", ["kafka", "parquet"])
@pytest.mark.parametrize("point", ["before_wal", "after_wal", "before_commit", "after_commit", "after_apply"])
def test_nothing_is_lost_or_doubled_by_sigkill_in_the_first_batch(
    point: str, sink: str, kafka: Kafka, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """The sink has no batch yet, only an owner."""
    job = new_job(APPEND, filled, sink)
    with watch(kafka, job) as seen:
        job.crash(f"{point}:1")
        job.finish()
        seen.check()
    assert job.published() == expected(APPEND, events)


def test_a_query_killed_in_every_batch_and_in_recovery_ends_right(
    kafka: Kafka, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """A batch that was run again may die again, and so may the batch after a redo."""
    job = new_job(UPDATE, filled)
    with watch(kafka, job) as seen:
        for point in ("after_commit:1", "before_commit:1", "before_commit:1", "after_commit:2", "after_apply:1"):
            job.crash(point)
        job.finish()
        seen.check()
    assert job.published() == expected(UPDATE, events)
