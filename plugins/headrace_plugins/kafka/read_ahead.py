"""Plugins room: the thread that reads a Kafka source ahead of its batches.

Takes places to read from and gives chunks up to an end; holds at most its share of the memory budget and then stops to
consume. All calls of the consumer that move it happen on the one thread; the lock guards only the shelf of chunks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace_plugins.kafka.failures import Failure, classify, kafka_error
from headrace_plugins.kafka.offsets import Partition, Places
from headrace_plugins.kafka.rows import Chunk, to_chunk

_log = structlog.get_logger(__name__)

_AT_ONCE = 100_000  # messages drained in one call
_IDLE_S = 0.02  # the longest that a new place to read from waits for the thread
_FULL_S = 0.05


@dataclass(slots=True)
class Shelf:
    """What was read of one partition and not taken yet."""

    taken: int  # the next offset to hand out
    position: int  # the next offset to read; all rows in [taken, position) are in chunks
    chunks: deque[Chunk] = field(default_factory=deque)
    failure: KafkaError | None = None


class ReadAhead:
    """A consumer on its own thread.

    Args:
        consumer: Has enable.partition.eof, no group membership, no offset reset.
        budget_bytes: At most this much is kept in chunks nobody waits for, plus one drain.
        name: Of the thread.
    """

    def __init__(self, consumer: Consumer, budget_bytes: int, name: str) -> None:
        self._consumer = consumer
        self._budget_bytes = budget_bytes
        self._columns: Sequence[str] = ()
        self._shelves: dict[Partition, Shelf] = {}
        self._moved: dict[Partition, int] = {}
        self._goals: Places = {}
        self._bytes = 0
        self._peak_bytes = 0
        self._crash: BaseException | None = None
        self._last_error: KafkaError | None = None
        self._progress = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def peak_bytes(self) -> int:
        """The most that was ever kept in chunks."""
        return self._peak_bytes

    @property
    def last_error(self) -> KafkaError | None:
        """The last passing error of the connection since rows or ends arrived."""
        return self._last_error

    def start(self, columns: Sequence[str]) -> None:
        """Begin to read with these columns; called once."""
        self._columns = columns
        self._thread.start()

    def follow(self, places: Places) -> None:
        """Read on from these places, and from no other partition; what lies ready from there is kept."""
        with self._changed:
            for partition in self._shelves.keys() - places.keys():
                self._forget(partition)
            for partition, place in places.items():
                shelf = self._shelves.get(partition)
                if shelf is None or shelf.taken != place or shelf.failure is not None:
                    self._forget(partition)
                    self._shelves[partition] = Shelf(place, place)
                    self._moved[partition] = place
            self._changed.notify_all()

    def wait(self, ends: Places, timeout_s: float) -> dict[Partition, KafkaError]:
        """Wait until all rows before the ends are there, and return the partitions that cannot be read on.

        Raises:
            TimeoutError: nothing at all arrived for `timeout_s` seconds.
        """
        with self._changed:
            self._goals = ends
            self._changed.notify_all()
            seen, since = self._progress, time.monotonic()
            while True:
                if self._crash is not None:
                    raise self._crash
                failed = {p: s.failure for p, s in self._shelves.items() if s.failure and s.position < ends.get(p, 0)}
                if failed or all(self._shelves[p].position >= end for p, end in ends.items()):
                    self._goals = {}
                    return failed
                self._changed.wait(0.5)
                if self._progress != seen:
                    seen, since = self._progress, time.monotonic()
                elif time.monotonic() - since > timeout_s:
                    self._goals = {}
                    raise TimeoutError

    def take(self, ends: Places) -> list[Chunk]:
        """Hand out the rows before the ends, by partition and offset; wait() said they are there."""
        with self._changed:
            found = [chunk for partition in sorted(ends) for chunk in self._take(partition, ends[partition])]
            self._changed.notify_all()
            return found

    def position(self, partition: Partition) -> int:
        """Return up to where a partition was read."""
        with self._changed:
            return self._shelves[partition].position

    def skip(self, partition: Partition, place: int) -> None:
        """Go on reading a partition that failed at another place; what was read before it stays."""
        with self._changed:
            shelf = self._shelves[partition]
            shelf.position, shelf.failure = place, None
            self._moved[partition] = place
            self._changed.notify_all()

    def commit(self, places: Places) -> None:
        """Commit the places to the consumer's group, asynchronously."""
        offsets = [TopicPartition(p.topic, p.number, place) for p, place in places.items()]
        if offsets:
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def high_watermark(self, partition: Partition) -> int | None:
        """Return the high watermark last seen in a fetch; asks nobody."""
        try:
            _low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        except (KafkaException, RuntimeError):
            return None
        return int(high) if high >= 0 else None

    def close(self) -> None:
        """End the thread and the consumer; may be called twice."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._consumer.close()
        self._shelves.clear()

    def _forget(self, partition: Partition) -> None:
        shelf = self._shelves.pop(partition, None)
        if shelf is not None:
            self._bytes -= sum(chunk.nbytes for chunk in shelf.chunks)
            self._moved[partition] = -1

    def _take(self, partition: Partition, end: int) -> list[Chunk]:
        shelf, found = self._shelves[partition], []
        while shelf.chunks and shelf.chunks[0].first < end:
            chunk = shelf.chunks.popleft()
            self._bytes -= chunk.nbytes
            before, rest = chunk.split(end)
            if before is not None:
                found.append(before)
            if rest is not None:
                shelf.chunks.appendleft(rest)
                self._bytes += rest.nbytes
        shelf.taken = end
        return found

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting side raises it
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _step(self) -> bool:
        with self._changed:
            while self._is_full() and not self._moved and not self._closing:
                self._changed.wait(_FULL_S)
            if self._closing:
                return False
            moved, self._moved = self._moved, {}
            if not self._shelves and not moved:
                self._changed.wait(_IDLE_S)
                return True
        if moved:
            self._move(moved)
        self._receive(drain(self._consumer))
        return True

    def _is_full(self) -> bool:
        """Full shelves still take rows for a partition whose goal is not reached, or the waiting side would starve."""
        if self._bytes < self._budget_bytes:
            return False
        return all(self._shelves[p].position >= end for p, end in self._goals.items() if p in self._shelves)

    def _move(self, moved: Mapping[Partition, int]) -> None:
        gone = [TopicPartition(p.topic, p.number) for p in moved]
        assigned = {Partition(place.topic, place.partition) for place in self._consumer.assignment()}
        leaving = [place for place in gone if Partition(place.topic, place.partition) in assigned]
        if leaving:
            self._consumer.incremental_unassign(leaving)
        new = [TopicPartition(p.topic, p.number, place) for p, place in moved.items() if place >= 0]
        if new:
            self._consumer.incremental_assign(new)

    def _receive(self, messages: list[Message]) -> None:
        rows = [message for message in messages if message.error() is None]
        chunks = [to_chunk(p, part, self._columns) for p, part in by_partition(rows, self._topics())]
        with self._changed:
            for chunk in chunks:
                self._shelve(chunk)
            if len(rows) != len(messages):
                for message in messages:
                    if message.error() is not None:
                        self._note(message)
            if messages:
                self._peak_bytes = max(self._peak_bytes, self._bytes)
                self._changed.notify_all()

    def _topics(self) -> set[str]:
        with self._changed:
            return {partition.topic for partition in self._shelves}

    def _shelve(self, chunk: Chunk) -> None:
        shelf = self._shelves.get(chunk.partition)
        # A partition moved while the client handed out what it had fetched: those rows are not the ones asked for.
        if shelf is None or chunk.partition in self._moved:
            return
        _old, fresh = chunk.split(shelf.position)
        if fresh is not None:
            shelf.chunks.append(fresh)
            shelf.position = fresh.last + 1
            self._bytes += fresh.nbytes
            self._went_on()

    def _went_on(self) -> None:
        self._progress += 1
        self._last_error = None

    def _note(self, message: Message) -> None:
        error, topic, number = message.error(), message.topic(), message.partition()
        assert error is not None
        shelf = None if topic is None or number is None else self._shelves.get(Partition(topic, number))
        failure = classify(error)
        if shelf is not None and Partition(str(topic), int(number or 0)) in self._moved:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names its own codes so
            # Its offset is behind the transaction markers and aborted rows that no message tells of.
            if shelf is not None:
                shelf.position = max(shelf.position, message.offset() or 0)
                self._went_on()
        elif shelf is not None and failure in {Failure.OUT_OF_RANGE, Failure.GONE, Failure.AUTHENTICATION}:
            shelf.failure = error
        elif failure in {Failure.AUTHENTICATION, Failure.FATAL}:
            raise KafkaException(error)
        else:
            self._last_error = error
            _log.debug("kafka client error", error=error.str(), code=error.name())


def drain(consumer: Consumer) -> list[Message]:
    """Return what has arrived, errors and ends of partitions among it; waits a moment when nothing has.

    The one call to replace when a faster way to drain the client is there.
    """
    try:
        # consume() would wait for a full batch; poll() returns with the first message, the rest is there already.
        first = consumer.poll(_IDLE_S)
        if first is None:
            return []
        return [first, *consumer.consume(_AT_ONCE, 0)]
    except KafkaException as raised:
        if classify(kafka_error(raised)) is Failure.TRANSIENT:
            return []
        raise


def by_partition(messages: Sequence[Message], topics: Collection[str]) -> list[tuple[Partition, Sequence[Message]]]:
    """Return runs of messages of one partition, in the order they came.

    Args:
        messages: None of them an error.
        topics: All topics they may be of; when it is one, no message is asked for its topic.
    """
    if not messages:
        return []
    numbers = np.array([message.partition() for message in messages], dtype=np.int32)
    changes = numbers[1:] != numbers[:-1]
    if len(topics) > 1:
        names = np.array([message.topic() for message in messages], dtype=object)
        changes |= names[1:] != names[:-1]
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(messages)]
    return [
        (Partition(str(messages[begin].topic()), int(numbers[begin])), messages[begin:end])
        for begin, end in pairwise(bounds)
    ]
