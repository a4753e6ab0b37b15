"""Kafka: questions to the brokers are asked again until they are answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo

from headrace.clock import SystemClock
from headrace.errors import StreamError
from headrace.testing.kafka import Kafka
from headrace_plugins.kafka.client import Admin
from headrace_plugins.kafka.offsets import Partition
from headrace_plugins.kafka.topics import Brokers, Patience

pytestmark = pytest.mark.kafka


class Forgetful(Admin):
    """Says of offsets, so many times, what librdkafka says of partitions whose leader has just come back."""

    def __init__(self, bootstrap: str, times: int) -> None:
        super().__init__({"bootstrap.servers": bootstrap})
        self._left = times

    def list_offsets(self, *args: Any, **options: Any) -> Any:
        """Answer with no offset and no error, or as it is."""
        answers = super().list_offsets(*args, **options)
        if self._left == 0:
            return answers
        self._left -= 1
        nothing: Future[Any] = Future()
        nothing.set_result(ListOffsetsResultInfo(OFFSET_INVALID, -1, -1))
        return dict.fromkeys(answers, nothing)


def _end(kafka: Kafka, topic: str, times: int) -> int:
    brokers = Brokers(Forgetful(kafka.bootstrap, times), "read_committed", Patience(3, 0.01, 10.0), SystemClock())
    return brokers.latest([Partition(topic, 0)])[Partition(topic, 0)]


def test_an_offset_that_is_none_is_no_answer(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    """It was taken for the end of the partition, and all that had been read for lost."""
    topic = new_topic()
    kafka.produce(topic, ["one", "two"])
    assert _end(kafka, topic, times=3) == 2
    with pytest.raises(StreamError) as caught:
        _end(kafka, topic, times=4)
    assert caught.value.code == "BROKER_UNAVAILABLE"
