"""What changed between two runs: the query, the topic, or what the broker still has of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.conftest import NewTopic
from tests.crash.conftest import NewJob
from tests.crash.job import Job
from tests.crash.stream import COUNTS, PER_BATCH, STATELESS, UPDATE, Event, expected, records

from headrace.testing.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]


def contents(job: Job) -> dict[Path, bytes]:
    """Return every file of the checkpoint but the lock."""
    return {
        path: path.read_bytes() for path in sorted(job.checkpoint.rglob("*")) if path.is_file() and path.name != ".lock"
    }


CHANGES = {
    "grouping": ("'10 seconds'), k", "'10 seconds'), upper(k)", "grouping"),
    "window": ("'10 seconds'", "'20 seconds'", "grouping"),
    "slide": ("'10 seconds'", "'10 seconds', '5 seconds'", "grouping"),
    "aggregate": ("sum(v) AS total", "max(v) AS total", "functions"),
    "one-more": ("sum(v) AS total", "sum(v) AS total, max(v) AS top", "buffers"),
}


@pytest.mark.parametrize(("old", "new", "part"), CHANGES.values(), ids=CHANGES)
def test_a_query_whose_state_cannot_follow_is_refused_and_nothing_is_touched(
    old: str, new: str, part: str, new_job: NewJob, filled: str
) -> None:
    """Exit 78 says what changed; checkpoint and output stay as they were."""
    job = new_job(UPDATE, filled)
    job.crash("after_commit_log:3")
    files, rows = contents(job), job.published()
    sql = COUNTS.replace(old, new)
    job.query["sql"] = sql.replace("start, k,", "start, upper(k) AS k,") if "upper" in new else sql
    ended = job.drain()
    assert ended.code == 78, ended.log
    [failed] = ended.events("query failed")
    assert f"{part} of " in failed["error"]
    assert " was " in failed["error"]
    assert (contents(job), job.published()) == (files, rows)


def test_a_stateful_query_in_place_of_a_stateless_one_is_refused(new_job: NewJob, filled: str) -> None:
    """The operator that was added is named."""
    job = new_job(STATELESS, filled)
    job.crash("after_commit_log:3")
    files, rows = contents(job), job.published()
    job.query.update(sql=COUNTS, output_mode="update")
    ended = job.drain()
    assert ended.code == 78, ended.log
    assert "was added" in ended.events("query failed")[0]["error"]
    assert (contents(job), job.published()) == (files, rows)


def test_a_filter_and_a_projection_may_change(new_job: NewJob, filled: str, events: Sequence[Event]) -> None:
    """State is untouched by both, so the query goes on with it."""
    job = new_job(UPDATE, filled)
    job.crash("after_commit_log:3")
    job.settings["views"][0]["sql"] += " WHERE v >= 0"
    job.query["sql"] = COUNTS.replace("count(*) AS n", "count(*) + 0 AS n")
    job.finish()
    assert job.published() == expected(UPDATE, events)


def test_a_topic_that_was_deleted_and_made_again_is_noticed(
    kafka: Kafka, new_job: NewJob, new_topic: NewTopic, events: Sequence[Event]
) -> None:
    """Exit 65, though every offset the query needs exists."""
    source = new_topic(2)
    kafka.produce(source, records(events[:100]))
    job = new_job(STATELESS, source)
    job.finish()
    rows = job.published()
    kafka.delete_topic(source)
    kafka.create_topic(source, 2)
    kafka.produce(source, records(events))
    ended = job.drain()
    assert ended.code == 65, ended.log
    assert "SOURCE_CHANGED" in ended.log
    assert job.published() == rows


@pytest.mark.parametrize("point", ["after_commit_log:2", "after_wal:3"])
def test_records_that_retention_took_are_a_loss_unless_the_file_says_otherwise(
    point: str, kafka: Kafka, new_job: NewJob, new_topic: NewTopic, events: Sequence[Event]
) -> None:
    """Exit 65 with the offsets; with failOnDataLoss false the query goes on with what is left."""
    source = new_topic(2)
    kafka.produce(source, records(events))
    job = new_job(STATELESS, source)
    job.crash(point)
    kafka.delete_records(source, {0: 60, 1: 60})
    ended = job.drain()
    assert ended.code == 65, ended.log
    assert "DATA_LOSS" in ended.log
    assert "60" in ended.events("query failed")[0]["error"]
    assert job.published() == expected(STATELESS, events[: 2 * PER_BATCH])
    job.source["options"]["failOnDataLoss"] = False
    job.finish()
    left: Counter[tuple[object, ...]] = expected(STATELESS, events[: 2 * PER_BATCH])
    assert job.published() == left + expected(STATELESS, events[120:])
