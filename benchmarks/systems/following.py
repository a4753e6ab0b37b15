"""Benchmarks: watches a topic of updates until they come to what is expected.

For systems that do not end by themselves; takes a topic, gives the moment the last event was counted in public.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition

from benchmarks.events import Counts


@contextmanager
def committed_reader(bootstrap: str, topic: str, partitions: int = 1) -> Iterator[Consumer]:
    """Give a read_committed consumer at the start of a topic, that asks again at once; closed at the end."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "benchmark",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.wait.max.ms": 5,
        "log_level": 0,
    }
    consumer = Consumer(settings)
    try:
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        yield consumer
    finally:
        consumer.close()


def wait_for_counts(
    consumer: Consumer, counts: Counts, child: subprocess.Popen[bytes], limit_s: float
) -> tuple[float, dict[tuple[int, str], int]]:
    """Return how long it took until the last updates equal the counts, and those; gives up at the limit.

    Raises:
        RuntimeError: the child ended by itself.
    """
    began = time.perf_counter()
    newest: dict[tuple[int, str], int] = {}
    total, wanted = 0, sum(counts.values())
    while total < wanted and time.perf_counter() - began < limit_s:
        if child.poll() is not None:
            message = f"the system ended with code {child.returncode} before it had counted all events"
            raise RuntimeError(message)
        for update in consumer.consume(10_000, 0.02):
            if update.error() is None:
                row = json.loads(update.value() or b"{}")
                key = (row["start"], row["gt"])
                total += row["n"] - newest.get(key, 0)
                newest[key] = row["n"]
    return time.perf_counter() - began, newest
