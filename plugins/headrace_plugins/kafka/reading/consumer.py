"""Plugins room: what the reading thread of a Kafka source asks of its consumer.

Which partitions pause or move, which offsets are committed to the group, and what has arrived. Called on the
reading thread alone, but for `close_in_time`, which comes after its end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace_plugins.kafka.failures import Failure, classify, kafka_error
from headrace_plugins.kafka.offsets import Partition, Places

_log = structlog.get_logger(__name__)

IDLE_S = 0.02
"""How long a drain waits for a first message: the longest that a new place to read from waits for the thread."""

_AT_ONCE = 5_000  # messages drained in one call; more would keep the interpreter from the batch for long
_STEERED = 1.5  # times the budget
_LAST_COMMIT_S = 2.0
_LOOK_S = 0.25
_CLOSE_S = 2.0


class Pauses:
    """The partitions of which the client fetches no more while the memory budget is spent and others are waited for.

    The client hands out whatever the brokers send first, and they may send much of one partition before any of another.
    One that goes on is fetched again from its position.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._paused: set[Partition] = set()

    def steer(self, ahead: set[Partition], spent: float) -> None:
        """Pause the partitions that are ahead from half again the budget on, until less than all of it is spent."""
        if spent < 1:
            self._set(set())
        else:
            self._set(ahead if spent >= _STEERED else ahead & self._paused)

    def lift(self, partitions: Iterable[Partition]) -> None:
        """Let partitions that are about to move go on."""
        self._set(self._paused - set(partitions))

    def _set(self, partitions: set[Partition]) -> None:
        stop, go_on = partitions - self._paused, self._paused - partitions
        if stop:
            self._consumer.pause([TopicPartition(p.topic, p.number) for p in stop])
        if go_on:
            self._consumer.resume([TopicPartition(p.topic, p.number) for p in go_on])
        self._paused = partitions


class GroupOffsets:
    """The offsets of the consumer's group, for lag tools; recovery needs none of them. The client reports `done`."""

    def __init__(self) -> None:
        self._open = 0

    def commit(self, consumer: Consumer, places: Places) -> None:
        """Send offsets; a failure is the group's, not ours."""
        offsets = [TopicPartition(p.topic, p.number, place) for p, place in places.items()]
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as raised:
            _log.debug("offsets were not committed to the group", error=kafka_error(raised).str())
        else:
            self._open += 1

    def done(self, error: KafkaError | None, _places: object) -> None:
        """Note that a commit was answered."""
        self._open -= 1
        if error is not None:
            _log.debug("offsets were not committed to the group", error=error.str())

    def settle(self, consumer: Consumer) -> None:
        """Give the broker a moment to answer what is open."""
        deadline = time.monotonic() + _LAST_COMMIT_S
        while self._open > 0 and time.monotonic() < deadline:
            consumer.poll(IDLE_S)


class HighWatermarks:
    """The high watermarks of the last fetch, in `seen`; asks nobody."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._looked_s = 0.0
        self.seen: dict[Partition, int] = {}

    def look(self, read: Iterable[Partition], every: Iterable[Partition]) -> None:
        """Look at those of what was read, and now and then at all: they move without records too."""
        now = time.monotonic()
        if now - self._looked_s >= _LOOK_S:
            self._looked_s, read = now, every
        for partition in list(read):
            _low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            self.seen[partition] = max(0, int(high))


def reassign(consumer: Consumer, moved: Places) -> None:
    """Fetch these partitions from these places on, and those of a negative place no more."""
    gone = [TopicPartition(p.topic, p.number) for p in moved]
    assigned = {Partition(place.topic, place.partition) for place in consumer.assignment()}
    leaving = [place for place in gone if Partition(place.topic, place.partition) in assigned]
    if leaving:
        consumer.incremental_unassign(leaving)
    new = [TopicPartition(p.topic, p.number, place) for p, place in moved.items() if place >= 0]
    if new:
        consumer.incremental_assign(new)


def close_in_time(consumer: Consumer, name: str) -> None:
    """Close a consumer; one whose broker answers nothing closes later, on a thread of this name.

    The client waits for the answer to a commit, which a frozen broker does not give, for up to a minute.
    """
    closing = threading.Thread(target=consumer.close, name=name, daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
    if closing.is_alive():
        _log.info("the brokers do not answer, so a consumer closes later", thread=name)


def drain(consumer: Consumer, wait_s: float = IDLE_S) -> list[Message]:
    """Return what has arrived, errors and ends of partitions among it; waits so long for a first message.

    The one call to replace when a faster way to drain the client is there.
    """
    try:
        # consume() would wait for a full batch; poll() returns with the first message, the rest is there already.
        first = consumer.poll(wait_s)
        if first is None:
            return []
        return [first, *consumer.consume(_AT_ONCE, 0)]
    except KafkaException as raised:
        if classify(kafka_error(raised)) is Failure.TRANSIENT:
            return []
        raise
