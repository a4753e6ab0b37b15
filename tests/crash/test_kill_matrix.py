"""The kill matrix: SIGKILL at every named point of a batch, for every kind of query and sink, on a real broker.

All queries run in one process, each on its own thread, checkpoint and sink. Every one waits at the point until the last
has come there; then the process dies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.crash.conftest import NewCrowd
from tests.crash.job import Cell, Ended, Job
from tests.crash.stream import APPEND, DEDUPLICATE, JOIN, SESSION, STATEFUL, STATELESS, UPDATE, Event, expected
from tests.crash.watch import SinkWatch

from headrace.failpoints import POINTS

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

CELLS: dict[str, Cell] = {
    "update_kafka": (UPDATE, "kafka"),
    "append_kafka": (APPEND, "kafka"),
    "append_parquet": (APPEND, "parquet"),
    "stateless_kafka": (STATELESS, "kafka"),
    "stateless_parquet": (STATELESS, "parquet"),
    "session_kafka": (SESSION, "kafka"),
    "deduplicate_kafka": (DEDUPLICATE, "kafka"),
    "join_kafka": (JOIN, "kafka"),
    "join_parquet": (JOIN, "parquet"),
    "stateful_kafka": (STATEFUL, "kafka"),
}
"""Kinds of queries and sinks; the file sink refuses update mode."""

FEW: dict[str, Cell] = {name: CELLS[name] for name in ("append_kafka", "append_parquet", "session_kafka", "join_kafka")}
"""What is killed in the first batch, and again and again."""

SNAPSHOT_POINTS = ("before_snapshot", "after_snapshot", "after_purge")
"""Passed every second batch, on a thread of their own; at most two more batches run while one of them is passed."""

RUN_AGAIN = ("after_wal", "after_write", "after_delta", "before_commit")
DONE_AGAIN = ("after_commit", "after_apply")
UNDER_WAY = {
    "after_read": {"clean", "rerun"},
    "after_compute": {"clean", "rerun"},
    "after_progress": {"clean", "redo"},
    **{point: {"clean", "rerun", "redo"} for point in SNAPSHOT_POINTS},
}
"""Points at which the journal may or may not have written the plan or that the batch is done; or a later batch runs."""


def oracle(cells: Mapping[str, Cell], events: Sequence[Event]) -> dict[str, dict[tuple[object, ...], int]]:
    """Return what each query publishes when nothing happens to it."""
    return {name: dict(expected(kind, events)) for name, (kind, _) in cells.items()}


def cases(ended: Ended) -> dict[str, str]:
    """Return what recovery did, by query."""
    return {line["query"]: line["case"] for line in ended.events("recovered")}


def holes(job: Job) -> dict[str, list[int]]:
    """Return the numbers of done batches of every query that do not count up from 0."""
    done = {name: job.batches(name) for name in job.queries}
    return {name: numbers for name, numbers in done.items() if not numbers or numbers != list(range(len(numbers)))}


def test_a_run_without_faults_publishes_what_plain_python_computes(
    new_crowd: NewCrowd, events: Sequence[Event]
) -> None:
    """The oracle of all crash tests agrees with a run that nothing happened to."""
    job = new_crowd(CELLS)
    with SinkWatch(job) as seen:
        ended = job.finish()
        assert seen.check() == oracle(CELLS, events)
    assert cases(ended) == dict.fromkeys(CELLS, "fresh")
    assert ended.events("producer replaced after a slow commit") == []


@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_doubled_by_sigkill(point: str, new_crowd: NewCrowd, events: Sequence[Event]) -> None:
    """Every query is killed in its third batch or near it, with state and late rows behind it, and started again."""
    job = new_crowd(CELLS)
    sure = "rerun" if point in RUN_AGAIN else "redo" if point in DONE_AGAIN else "clean"
    with SinkWatch(job) as seen:
        job.crash(f"{point}:{1 if point in SNAPSHOT_POINTS else 3}")
        found = cases(job.finish())
        assert sorted(found) == sorted(CELLS)
        assert set(found.values()) <= UNDER_WAY.get(point, {sure})
        assert seen.check() == oracle(CELLS, events)
    assert holes(job) == {}


@pytest.mark.parametrize("point", ["before_wal", "after_wal", "before_commit", "after_commit", "after_apply"])
def test_nothing_is_lost_or_doubled_by_sigkill_in_the_first_batch(
    point: str, new_crowd: NewCrowd, events: Sequence[Event]
) -> None:
    """The sinks have no batch yet, only an owner."""
    job = new_crowd(FEW)
    with SinkWatch(job) as seen:
        job.crash(f"{point}:1")
        job.finish()
        assert seen.check() == oracle(FEW, events)
    assert holes(job) == {}


def test_queries_killed_in_every_batch_and_in_recovery_end_right(new_crowd: NewCrowd, events: Sequence[Event]) -> None:
    """A batch that was run again may die again, and so may the batch after a redo."""
    job = new_crowd(FEW)
    with SinkWatch(job) as seen:
        for point in ("after_commit:1", "before_commit:1", "before_commit:1", "after_commit:2", "after_apply:1"):
            job.crash(point)
        job.finish()
        assert seen.check() == oracle(FEW, events)
    assert holes(job) == {}
