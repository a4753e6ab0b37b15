"""The broker dies and comes back under a running job; the same process goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

import pytest
from tests.crash.conftest import NewJob
from tests.crash.job import Job, until
from tests.crash.stream import UPDATE, Event, expected, records
from tests.crash.watch import TopicWatch

from headrace.testing.kafka import Kafka, start_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Kafka]:
    """A broker of these tests' own."""
    with start_kafka(managed=True) as running:
        yield running


@pytest.fixture
def job(mortal: Kafka, new_job: NewJob, request: pytest.FixtureRequest, events: Sequence[Event]) -> Job:
    """A job on that broker with all events there; it tries again quickly."""
    source = f"source-{abs(hash(request.node.name))}"
    mortal.create_topic(source, 2)
    mortal.produce(source, records(events))
    made = new_job(UPDATE, source, broker=mortal)
    made.settings["on_failure"] = {
        "restart": {"backoff": "200 milliseconds", "max_backoff": "500 milliseconds", "attempts": 200}
    }
    return made


@pytest.mark.parametrize("point", ["after_wal", "before_commit", "after_commit"])
def test_a_broker_that_dies_and_comes_back_within_a_batch_costs_nothing(
    point: str, mortal: Kafka, job: Job, events: Sequence[Event]
) -> None:
    """Killed while the job stands still at the point, and up again before it goes on."""
    with TopicWatch(mortal, job.query["sink"]["options"]["topic"]) as seen:
        child = job.start(failpoint=f"{point}:3:stop")
        child.wait_for_log(f"failpoint {point} reached 3 times: stop")
        mortal.kill()
        mortal.restart()
        child.signal(signal.SIGCONT)
        _ends_right(child.process.pid, job, events)
        child.signal(signal.SIGTERM)
        assert child.wait().code == 0
        seen.check()


def test_a_broker_that_is_away_for_a_while_is_waited_for(mortal: Kafka, job: Job, events: Sequence[Event]) -> None:
    """The query fails, tries again in the same process, and ends right."""
    job.settings["sources"]["events"]["options"]["kafka.socket.timeout.ms"] = 2000
    with TopicWatch(mortal, job.query["sink"]["options"]["topic"]) as seen:
        child = job.start(failpoint="before_commit:3:stop")
        child.wait_for_log("failpoint before_commit reached 3 times: stop")
        mortal.kill()
        child.signal(signal.SIGCONT)
        until(lambda: "BROKER_UNAVAILABLE" in child.log() or "query failed" in child.log(), "the failure", 90)
        mortal.restart()
        _ends_right(child.process.pid, job, events)
        child.signal(signal.SIGTERM)
        assert child.wait().code == 0
        seen.check()


def _ends_right(pid: int, job: Job, events: Sequence[Event]) -> None:
    want = expected(UPDATE, events)
    until(lambda: job.published().total() >= want.total(), "the job to go on", 90)
    os.kill(pid, 0)
    assert job.published() == want
