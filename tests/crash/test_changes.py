"""What changed between two runs: the query, the topic, or what the broker still has of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.conftest import NewTopic
from tests.crash.conftest import NewCrowd, NewJob
from tests.crash.job import Job
from tests.crash.stream import COUNTS, PER_BATCH, STATELESS, UPDATE, Event, expected, records

from headrace.testing.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]


def contents(job: Job) -> dict[Path, bytes]:
    """Return every file of the checkpoints but the locks."""
    return {
        path: path.read_bytes()
        for name in job.queries
        for path in sorted(job.checkpoint_of(name).rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


CHANGES = {
    "grouping": ("'10 seconds'), k", "'10 seconds'), upper(k)", "grouping of "),
    "window": ("'10 seconds'", "'20 seconds'", "grouping of "),
    "slide": ("'10 seconds'", "'10 seconds', '5 seconds'", "grouping of "),
    "aggregate": ("sum(v) AS total", "max(v) AS total", "functions of "),
    "one_more": ("sum(v) AS total", "sum(v) AS total, max(v) AS top", "buffers of "),
}
"""By the name of a query: what is replaced, by what, and which part of an operator the refusal names."""


def test_queries_whose_state_cannot_follow_are_refused_and_nothing_is_touched(new_crowd: NewCrowd) -> None:
    """Exit 78 says what changed, also where a stateless query gets state; checkpoints and output stay as they were."""
    job = new_crowd({**dict.fromkeys(CHANGES, (UPDATE, "kafka")), "stateless": (STATELESS, "kafka")})
    job.crash("after_commit_log:3")
    files, rows = contents(job), {name: job.published(name) for name in job.queries}
    for name, (old, new, _) in CHANGES.items():
        sql = COUNTS.replace(old, new)
        job.queries[name]["sql"] = sql.replace("start, k,", "start, upper(k) AS k,") if "upper" in new else sql
    job.queries["stateless"].update(sql=COUNTS, output_mode="update")
    ended = job.drain()
    assert ended.code == 78, ended.log
    errors = {line["query"]: line["error"] for line in ended.events("query failed")}
    told = {name: (part, " was ") for name, (_, _, part) in CHANGES.items()} | {"stateless": ("was added",)}
    assert {name: tuple(said for said in told[name] if said in error) for name, error in errors.items()} == told
    assert (contents(job), {name: job.published(name) for name in job.queries}) == (files, rows)


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
