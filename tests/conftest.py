"""Fixtures shared by all rooms: one real Apache Kafka a process of the run, and topics of a test's own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping

import pytest

from headrace.testing.kafka import Kafka, start_kafka

NewTopic = Callable[..., str]
"""Called with `partitions` and `config`, both optional; gives the name of a topic that now exists."""


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One broker for each process of the run; tests that pause, kill or restart a broker start their own."""
    with start_kafka() as running:
        yield running


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives names no other test uses, for topics that a test creates itself or wants to be absent."""
    test = re.sub(r"\W", "-", request.node.name)[:60]
    return lambda: f"{test}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def new_topic(kafka: Kafka, topic_name: Callable[[], str]) -> NewTopic:
    """Creates topics with names no other test uses."""

    def create(partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = topic_name()
        kafka.create_topic(name, partitions, config)
        return name

    return create
