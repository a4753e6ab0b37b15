"""A broker that dies, freezes and comes back under a running job: the same process goes on, unless it was replaced."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy

import pytest
from confluent_kafka import IsolationLevel
from tests.conftest import NewTopic
from tests.crash.conftest import NewJob
from tests.crash.job import Child, Job, metric, parquet_sink, until
from tests.crash.stream import PER_BATCH, UPDATE, Event, expected, records
from tests.crash.test_instances import copy
from tests.crash.watch import SinkWatch

from headrace.testing.kafka import Kafka, Record, start_kafka
from headrace.testing.kafka.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Kafka]:
    """A broker of these tests' own."""
    with start_kafka(managed=True) as running:
        yield running


@pytest.fixture
def source(mortal: Kafka, request: pytest.FixtureRequest, events: Sequence[Event]) -> str:
    """A topic of that broker with all events."""
    name = f"source-{abs(hash(request.node.name))}"
    mortal.create_topic(name, 2)
    mortal.produce(name, records(events))
    return name


@pytest.fixture
def job(mortal: Kafka, new_job: NewJob, source: str) -> Job:
    """A job on that broker; it tries again quickly."""
    return eager(new_job(UPDATE, source, broker=mortal))


def eager(job: Job) -> Job:
    """Let a job try again quickly and for long."""
    job.settings["on_failure"] = {
        "restart": {"backoff": "200 milliseconds", "max_backoff": "500 milliseconds", "attempts": 200}
    }
    return job


@pytest.mark.parametrize("point", ["after_wal", "before_commit", "after_commit"])
def test_a_broker_that_dies_and_comes_back_within_a_batch_costs_nothing(
    point: str, mortal: Kafka, job: Job, events: Sequence[Event]
) -> None:
    """Killed while the job stands still at the point, and up again before it goes on."""
    with SinkWatch(job) as seen:
        child = stopped_at(job, point)
        mortal.kill()
        mortal.restart()
        child.signal(signal.SIGCONT)
        ends_right(child, job, events)
        seen.check()


def test_a_broker_that_is_away_for_a_while_is_waited_for(mortal: Kafka, job: Job, events: Sequence[Event]) -> None:
    """The query fails, tries again in the same process, and ends right."""
    job.settings["sources"]["events"]["options"]["kafka.socket.timeout.ms"] = 2000
    with SinkWatch(job) as seen:
        child = stopped_at(job, "before_commit")
        mortal.kill()
        child.signal(signal.SIGCONT)
        until(lambda: "BROKER_UNAVAILABLE" in child.log() or "query failed" in child.log(), "the failure", 90)
        mortal.restart()
        ends_right(child, job, events)
        seen.check()


def test_a_broker_frozen_for_longer_than_the_client_waits_for_a_commit_is_in_doubt_and_recovered_from(
    mortal: Kafka, job: Job, events: Sequence[Event]
) -> None:
    """No answer in 15 s; the marker then says whether the batch was committed, by whichever request came through."""
    with SinkWatch(job) as seen:
        child = stopped_at(job, "before_commit")
        mortal.pause()
        child.signal(signal.SIGCONT)
        child.wait_for_log("no answer in 15 s")
        mortal.resume()
        ends_right(child, job, events)
        assert "TRANSACTION_INDOUBT" in child.log()
        seen.check()


def test_a_producer_is_replaced_after_a_commit_slower_than_its_socket_timeout(
    mortal: Kafka, job: Job, events: Sequence[Event]
) -> None:
    """A request may have been sent twice then, and a late one could end a later transaction (KIP-890)."""
    timeout_s = 1.5
    job.query["sink"]["options"] |= {"kafka.socket.timeout.ms": int(timeout_s * 1000)}
    with SinkWatch(job) as seen:
        child = stopped_at(job, "before_commit")
        mortal.pause()
        child.signal(signal.SIGCONT)
        enough = time.monotonic() + 2 * timeout_s
        until(lambda: time.monotonic() > enough, "the client's patience to end")
        mortal.resume()
        ends_right(child, job, events)
        [replaced] = child.ended().events("producer replaced after a slow commit")
        assert replaced["took_s"] > timeout_s
        assert "TRANSACTION_INDOUBT" not in child.log()
        seen.check()


def test_a_transaction_open_for_longer_than_the_broker_allows_is_written_again(
    kafka: Kafka, new_job: NewJob, new_topic: NewTopic, filled: str, events: Sequence[Event]
) -> None:
    """The coordinator aborts it while the query waits for another one; the broker then says fenced, as for a rival."""
    job, later, port = new_job(UPDATE, filled), new_topic(), free_ports()[0]
    topic = job.query["sink"]["options"]["topic"]
    job.query["sink"]["options"] |= {"kafka.transaction.timeout.ms": 1500}
    job.settings["sources"]["later"] = deepcopy(job.source)
    job.settings["sources"]["later"]["options"]["subscribe"] = later
    sink = parquet_sink(job.folder / "later")
    job.queries["other"] = {"sql": "SELECT k, v FROM later", "output_mode": "append", "sink": sink}

    def is_given_up() -> bool:
        sent = kafka.read(topic, IsolationLevel.READ_UNCOMMITTED)  # first: its records may be on their way still
        ends = [kafka.end_offsets(topic, level) for level in IsolationLevel]
        return ends[0] == ends[1] and len(sent) > expected(UPDATE, events, 2).total()

    with SinkWatch(job) as seen:
        child = job.start("--http", f"127.0.0.1:{port}", failpoint="before_commit:3:stop")
        child.wait_for_log("failpoint before_commit reached 3 times by headrace-query-q")
        until(is_given_up, "the coordinator to give up on the transaction")
        kafka.produce(later, [Record(event.text().encode()) for event in events[: 3 * PER_BATCH]])
        child.wait_for_stop("before_commit", 3)
        child.signal(signal.SIGCONT)
        until(lambda: job.published() == expected(UPDATE, events), "the job to go on", 90)
        assert metric(port, "headrace_fenced_total", query="q", cause="timeout") == 1
        assert metric(port, "headrace_producer_recreated_total", query="q", reason="timeout") == 1
        ends_right(child, job, events)
        [fenced] = child.ended().events("producer fenced")
        assert fenced["verdict"] == "expired"
        assert [line["error_class"] for line in child.ended().events("query failed")] == ["TRANSACTION_INDOUBT"]
        seen.check()


def test_an_instance_that_starts_again_after_a_takeover_ends_and_leaves_the_other_alone(
    mortal: Kafka, kafka: Kafka, new_job: NewJob, new_topic: NewTopic, source: str, events: Sequence[Event]
) -> None:
    """It sees a later owner before it fences anybody: exit 75; the new owner's producer is not disturbed.

    Its source is on a broker that goes away, so that it fails and starts again; the sinks' broker stays.
    """
    job = eager(new_job(UPDATE, source, broker=mortal))
    job.query["sink"]["options"] |= {"kafka.bootstrap.servers": kafka.bootstrap, "topic": new_topic()}
    job.source["options"]["kafka.socket.timeout.ms"] = 2000
    job.kafka = kafka
    first = job.start()
    first.wait_for_log('"rows_in": 0')  # the batch without data, which is the last
    until(lambda: job.published() == expected(UPDATE, events), "the first instance to be idle")
    first.freeze()
    copy(job, "copied")
    second = job.start()
    second.wait_for_log('"recovered"')
    second.freeze()
    mortal.kill()
    first.signal(signal.SIGCONT)
    first.wait_for_log('"restarting": true')
    mortal.restart()
    ended = first.wait()
    assert ended.code == 75, ended.log
    assert ended.events("query failed")[-1]["error_class"] == "SUPERSEDED"
    assert ended.events("producer fenced") == []
    second.signal(signal.SIGCONT)
    newest = max(event.ts for event in events)
    mortal.produce(source, records([Event(newest + 60_000_000, "a", 1)]))
    second.wait_for_log('"rows_in": 1,')
    until(lambda: job.published().total() == expected(UPDATE, events).total() + 1, "the second instance to go on", 90)
    second.signal(signal.SIGTERM)
    ended = second.wait()
    assert ended.code == 0, ended.log
    assert ended.events("producer fenced") == []


def stopped_at(job: Job, point: str, *flags: str) -> Child:
    """Return a child that has stopped itself at a point of its third batch."""
    child = job.start(*flags, failpoint=f"{point}:3:stop")
    child.wait_for_stop(point, 3)
    return child


def ends_right(child: Child, job: Job, events: Sequence[Event]) -> None:
    """Wait until everything is published, once, by the same process, and let it end."""
    want = expected(UPDATE, events)
    until(lambda: job.published().total() >= want.total(), "the job to go on", 90)
    os.kill(child.process.pid, 0)
    assert job.published() == want
    child.signal(signal.SIGTERM)
    assert child.wait().code == 0
