"""A record that cannot be decoded, under each policy, and a crash beside it."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest
from tests.conftest import NewTopic
from tests.crash.conftest import NewJob
from tests.crash.stream import PER_BATCH, STATELESS, Event, expected, records

from headrace.testing.kafka import Kafka, Record

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

POISON = Record(
    value=b'{"ts": "soon", "v": \xff\x00',
    key=b"\x00k\xfe",
    headers=(("trace", b"\x01\xff"), ("empty", b""), ("none", None), ("trace", b"again")),
    partition=0,
    timestamp_ms=1_600_000_000_123,
)


@pytest.fixture
def poisoned(kafka: Kafka, new_topic: NewTopic, events: Sequence[Event]) -> str:
    """The events with one bad record in the third batch: offset 60 of partition 0."""
    source = new_topic(2)
    kafka.produce(source, [*records(events[:120]), POISON, *records(events[120:])])
    return source


def test_a_poison_record_fails_the_query_unless_a_policy_is_named(
    new_job: NewJob, poisoned: str, events: Sequence[Event]
) -> None:
    """Exit 65 shows the record; the batches before it are published, its own is not."""
    job = new_job(STATELESS, poisoned)
    ended = job.drain()
    assert ended.code == 65, ended.log
    [failed] = ended.events("query failed")
    assert failed["error_class"] == "DATA_MALFORMED"
    assert "soon" in failed["error"]
    assert "dead_letter" in failed["error"]
    assert f", at offset 60 of {poisoned}-0: not UTF-8" in failed["error"]
    assert job.published() == expected(STATELESS, events[: 2 * PER_BATCH])


def test_a_poison_record_becomes_nulls_when_asked(new_job: NewJob, poisoned: str, events: Sequence[Event]) -> None:
    """The filter on v drops the row of nulls; all others are there."""
    job = new_job(STATELESS, poisoned)
    job.source["decode"]["on_error"] = "null"
    job.finish()
    assert job.published() == expected(STATELESS, events)


@pytest.mark.parametrize("point", ["", "before_commit:3", "after_commit:3"])
def test_a_poison_record_goes_to_the_dead_letters_byte_for_byte_and_once(
    point: str, kafka: Kafka, new_job: NewJob, new_topic: NewTopic, poisoned: str, events: Sequence[Event]
) -> None:
    """Also when the batch dies after its dead letters were written, or right after its own commit."""
    dead = new_topic()
    job = new_job(STATELESS, poisoned)
    job.source["decode"].update(on_error="dead_letter", dead_letter={"topic": dead})
    if point:
        job.crash(point)
    job.finish()
    assert job.published() == expected(STATELESS, events)
    [letter] = kafka.read_committed(dead)
    assert (letter.key, letter.value, letter.timestamp_ms) == (POISON.key, POISON.value, POISON.timestamp_ms)
    assert letter.headers[: len(POISON.headers)] == POISON.headers
    reasons = dict(letter.headers[len(POISON.headers) :])
    assert reasons.pop("headrace.error")
    assert reasons == {
        "headrace.topic": poisoned.encode(),
        "headrace.partition": b"0",
        "headrace.offset": b"60",
    }


@pytest.mark.parametrize("count", [0, 240])
def test_a_topic_of_dead_letters_that_is_not_there_is_told_whether_or_not_there_are_records(
    count: int, new_job: NewJob, new_topic: NewTopic, kafka: Kafka, events: Sequence[Event]
) -> None:
    """It is looked for beside the first batch, which is not published then."""
    source = new_topic(2)
    if count:
        kafka.produce(source, records(events[:count]))
    job = new_job(STATELESS, source)
    job.source["decode"].update(on_error="dead_letter", dead_letter={"topic": f"{source}-nowhere"})
    child = job.start()
    child.wait_for_log("query failed")
    child.signal(signal.SIGTERM)
    failed = child.wait().events("query failed")[0]
    assert failed["error_class"] == "SINK_FAILED"
    assert f"there is no topic {source}-nowhere to write to" in failed["error"]
    assert not job.published()
