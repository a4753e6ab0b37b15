"""Benchmarks: the broker every system is measured against, past what it does only once in its life."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.testing.kafka import BrokerSettings, Kafka, start_kafka

_TIMEOUT_S = 30.0


@contextmanager
def running_broker(heap_mb: int = 1024) -> Iterator[Kafka]:
    """Start a broker that has its own topics already; a broker that has served anybody has them.

    The first transaction ever makes ``__transaction_state`` and the first group ``__consumer_offsets``, about a second
    that would be counted for whichever system came first.
    """
    with start_kafka(BrokerSettings(heap_mb=heap_mb), managed=True) as kafka:
        _run_a_transaction(kafka)
        yield kafka


def _run_a_transaction(kafka: Kafka) -> None:
    topic = "benchmark-warm-up"
    kafka.create_topic(topic)
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": f"{topic}-{uuid.uuid4().hex}", "log_level": 0}
    )
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic, "log_level": 0})
    try:
        producer.init_transactions(_TIMEOUT_S)
        producer.begin_transaction()
        producer.produce(topic, b"warm")
        places = [TopicPartition(topic, 0, 1)]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), _TIMEOUT_S)
        producer.commit_transaction(_TIMEOUT_S)
    finally:
        consumer.close()
        producer.close()
