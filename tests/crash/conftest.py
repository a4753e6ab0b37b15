"""Jobs on the session's broker; children that a test leaves behind are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.crash.job import Job, kafka_sink, parquet_sink, settings
from tests.crash.stream import Event, Kind, make_events, records

from headrace.testing.kafka import Kafka

NewJob = Callable[..., Job]
"""Called with a kind, a source topic and, for Parquet, `sink="parquet"`."""


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """The events that every crash test starts from."""
    return make_events()


@pytest.fixture(scope="session")
def filled(kafka: Kafka, events: Sequence[Event]) -> str:
    """A topic that holds all the events and is only read."""
    kafka.create_topic("crash-events", partitions=2)
    kafka.produce("crash-events", records(events))
    return "crash-events"


@pytest.fixture
def new_job(kafka: Kafka, tmp_path: Path, topic_name: Callable[[], str]) -> Iterator[NewJob]:
    """Makes jobs with an output topic or folder of their own."""
    jobs: list[Job] = []

    def make(kind: Kind, source: str, sink: str = "kafka", broker: Kafka | None = None) -> Job:
        used = broker or kafka
        folder = tmp_path / f"job-{len(jobs)}"
        folder.mkdir()
        if sink == "kafka":
            topic = topic_name()
            used.create_topic(topic)
            target = kafka_sink(used, topic)
        else:
            target = parquet_sink(folder / "out")
        (folder / "parts_of_the_stream.py").write_text(kind.code)
        jobs.append(Job(used, folder, settings(used, source, kind, target)))
        return jobs[-1]

    yield make
    for job in jobs:
        job.close()
