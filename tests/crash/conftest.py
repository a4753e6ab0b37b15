"""Jobs on the session's broker; children that a test leaves behind are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.crash.job import Cell, Job, kafka_sink, parquet_sink, settings
from tests.crash.stream import Event, Kind, make_answers, make_events, records

from headrace.testing.kafka import Kafka

NewJob = Callable[..., Job]
"""Called with a kind, a source topic and, for Parquet, `sink="parquet"`."""

NewCrowd = Callable[[Mapping[str, Cell]], Job]
"""Called with cells by the names of their queries; all read the events, and the answers where they need them."""

_ANSWERS = "crash-answers"


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """The events that every crash test starts from."""
    return make_events()


@pytest.fixture(scope="session")
def filled(kafka: Kafka, events: Sequence[Event]) -> str:
    """A topic that holds all the events and is only read; beside it stands one of the answers."""
    for topic, content in (("crash-events", events), (_ANSWERS, make_answers())):
        kafka.create_topic(topic, partitions=2)
        kafka.produce(topic, records(content))
    return "crash-events"


class _Jobs:
    """Makes jobs in folders of their own, with output topics and folders of their own."""

    def __init__(self, kafka: Kafka, folder: Path, topic_name: Callable[[], str]) -> None:
        self._kafka = kafka
        self._folder = folder
        self._topic_name = topic_name
        self.made: list[Job] = []

    def one(self, kind: Kind, source: str, sink: str = "kafka", broker: Kafka | None = None) -> Job:
        """Make a job of the query q; source and sink are on the broker, or the session's."""
        return self.make({"q": (kind, sink)}, source, broker or self._kafka)

    def make(self, cells: Mapping[str, Cell], source: str, broker: Kafka) -> Job:
        """Make a job of many queries."""
        folder = self._folder / f"job-{len(self.made)}"
        folder.mkdir()
        sinks = {name: self._sink(name, sink, folder, broker) for name, (_, sink) in cells.items()}
        kinds = {name: kind for name, (kind, _) in cells.items()}
        topics = {"events": source}
        if any(kind.answers for kind in kinds.values()):
            topics["answers"] = _ANSWERS
        (folder / "parts_of_the_stream.py").write_text("".join({kind.code for kind in kinds.values()}))
        file = settings(broker, topics, {name: (kind, sinks[name]) for name, kind in kinds.items()})
        self.made.append(Job(broker, folder, file))
        return self.made[-1]

    def _sink(self, name: str, sink: str, folder: Path, broker: Kafka) -> dict[str, Any]:
        if sink == "parquet":
            return parquet_sink(folder / "out" / name)
        topic = self._topic_name()
        broker.create_topic(topic)
        return kafka_sink(broker, topic)


@pytest.fixture
def jobs(kafka: Kafka, tmp_path: Path, topic_name: Callable[[], str]) -> Iterator[_Jobs]:
    """Makes jobs."""
    made = _Jobs(kafka, tmp_path, topic_name)
    yield made
    for job in made.made:
        job.close()


@pytest.fixture
def new_job(jobs: _Jobs) -> NewJob:
    """Makes jobs of one query."""
    return jobs.one


@pytest.fixture
def new_crowd(jobs: _Jobs, kafka: Kafka, filled: str) -> NewCrowd:
    """Makes jobs of many queries over all the events."""
    return lambda cells: jobs.make(cells, filled, kafka)
