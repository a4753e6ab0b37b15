"""Benchmarks: the broker every system is measured against, past what it does only once in its life."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.testing.kafka import BrokerSettings, Kafka, start_kafka

_TIMEOUT_S = 30.0
_ROWS = 100
_ROW_BYTES = 200


@contextmanager
def running_broker(heap_mb: int = 1024, *, compiles_fully: bool = False) -> Iterator[Kafka]:
    """Start a broker that has its own topics already; a broker that has served anybody has them.

    The first transaction ever makes ``__transaction_state`` and the first group ``__consumer_offsets``, about a second
    that would be counted for whichever system came first.

    Args:
        heap_mb: Its memory.
        compiles_fully: Its hot code is compiled as that of a broker that runs for days; warm it up then.
    """
    with start_kafka(BrokerSettings(heap_mb=heap_mb, compiles_fully=compiles_fully), managed=True) as kafka:
        run_transactions(kafka)
        yield kafka


def run_transactions(kafka: Kafka, seconds: float = 0, beside: Sequence[TopicPartition] = ()) -> None:
    """Write, commit and read transactions for a while, and at least one.

    Args:
        kafka: The broker.
        seconds: How long.
        beside: What else to read meanwhile.
    """
    topic = f"benchmark-warm-up-{uuid.uuid4().hex}"
    kafka.create_topic(topic)
    common = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    producer = Producer({**common, "transactional.id": topic})
    consumer = Consumer({**common, "group.id": topic, "isolation.level": "read_committed"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0), *beside])
        producer.init_transactions(_TIMEOUT_S)
        deadline, written = time.monotonic() + seconds, 0
        while written == 0 or time.monotonic() < deadline:
            producer.begin_transaction()
            for _ in range(_ROWS):
                producer.produce(topic, bytes(_ROW_BYTES))
            written += _ROWS
            places = [TopicPartition(topic, 0, written)]
            producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), _TIMEOUT_S)
            producer.commit_transaction(_TIMEOUT_S)
            consumer.consume(_ROWS, 0.001)
    finally:
        consumer.close()
        producer.close()
