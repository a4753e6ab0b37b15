"""Plugins room: the thread that reads a Kafka source ahead of its batches.

Takes places to read from and gives chunks up to an end; holds at most its share of the memory budget, or one limited
batch, and then stops to consume. All calls of the consumer happen on the one thread, since a call from another would
wait until no poll() is under way, which may be never; the lock guards only the shelves and the wishes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace_plugins.kafka.client import build_client
from headrace_plugins.kafka.failures import Failure, classify, kafka_error
from headrace_plugins.kafka.offsets import Partition, Places
from headrace_plugins.kafka.reading.shelves import Budget, Shelf
from headrace_plugins.kafka.rows import Chunk, by_partition, to_chunk

_log = structlog.get_logger(__name__)

_AT_ONCE = 5_000  # messages drained in one call; more would keep the interpreter from the batch for long
_IDLE_S = 0.02  # the longest that a new place to read from waits for the thread
_FULL_S = 0.05
_STEERED = 2  # times the budget
_LAST_COMMIT_S = 2.0
_LOOK_S = 0.25


class Pauses:
    """The partitions of which the client fetches no more while the memory budget is spent and others are waited for.

    The client hands out whatever the brokers send first, and they may send much of one partition before any of another.
    One that goes on is fetched again from its position.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._paused: set[Partition] = set()

    def steer(self, ahead: set[Partition], spent: float) -> None:
        """Pause the partitions that are ahead from twice the budget on, until less than all of it is spent."""
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


class ReadAhead:
    """A consumer on its own thread.

    Args:
        settings: Of the consumer: enable.partition.eof is on, there is no offset reset.
        budget: What it may keep.
        name: Of the thread.
    """

    def __init__(self, settings: Mapping[str, Any], budget: Budget, name: str) -> None:
        self._consumer: Consumer = build_client(Consumer, {**settings, "on_commit": self._committed})
        self._budget = budget
        self._columns: Sequence[str] = ()
        self._shelves: dict[Partition, Shelf] = {}
        self._moved: dict[Partition, int] = {}
        self._goals: Places = {}
        self._pauses = Pauses(self._consumer)
        self._peak_bytes = 0
        self._wished: Places = {}
        self._commits_open = 0
        self._highs: dict[Partition, int] = {}
        self._looked_s = 0.0
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
            found = [chunk for partition in sorted(ends) for chunk in self._shelves[partition].take(ends[partition])]
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
        """Commit the places to the consumer's group soon; a later call overrides one not yet carried out."""
        with self._changed:
            self._wished = dict(places)
            self._changed.notify_all()

    def high_watermark(self, partition: Partition) -> int:
        """Return the high watermark last seen in a fetch, 0 before the first; asks nobody."""
        return self._highs.get(partition, 0)

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
        if self._shelves.pop(partition, None) is not None:
            self._moved[partition] = -1

    def _run(self) -> None:
        try:
            while self._step():
                pass
            self._settle_commits()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting side raises it
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _step(self) -> bool:
        with self._changed:
            while self._is_full() and not self._moved and not self._wished and not self._closing:
                self._changed.wait(_FULL_S)
            is_full = self._is_full()
            if self._closing:
                return False
            moved, self._moved = self._moved, {}
            wished, self._wished = self._wished, {}
            if not self._shelves and not moved:
                self._changed.wait(_IDLE_S)
                return True
        if moved:
            self._move(moved)
        if wished:
            self._commit(wished)
        if is_full:
            return True
        with self._changed:
            ahead, spent = _ahead(self._shelves, self._goals), self._budget.spent(self._shelves.values())
        self._pauses.steer(ahead, spent)
        self._receive(drain(self._consumer))
        self._look_at_watermarks()
        return True

    def _is_full(self) -> bool:
        """Full shelves still take rows for a partition whose goal is not reached, or the waiting side would starve."""
        if self._budget.spent(self._shelves.values()) < 1:
            return False
        return all(self._shelves[p].position >= end for p, end in self._goals.items() if p in self._shelves)

    def _move(self, moved: Mapping[Partition, int]) -> None:
        self._pauses.lift(moved)
        gone = [TopicPartition(p.topic, p.number) for p in moved]
        assigned = {Partition(place.topic, place.partition) for place in self._consumer.assignment()}
        leaving = [place for place in gone if Partition(place.topic, place.partition) in assigned]
        if leaving:
            self._consumer.incremental_unassign(leaving)
        new = [TopicPartition(p.topic, p.number, place) for p, place in moved.items() if place >= 0]
        if new:
            self._consumer.incremental_assign(new)

    def _commit(self, places: Places) -> None:
        offsets = [TopicPartition(p.topic, p.number, place) for p, place in places.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as raised:
            _log.debug("offsets were not committed to the group", error=kafka_error(raised).str())
        else:
            self._commits_open += 1

    def _committed(self, error: KafkaError | None, _places: object) -> None:
        self._commits_open -= 1
        if error is not None:
            _log.debug("offsets were not committed to the group", error=error.str())

    def _settle_commits(self) -> None:
        """Carry out the last wish and give the broker a moment to confirm it; recovery needs none of it."""
        if self._wished:
            self._commit(self._wished)
        deadline = time.monotonic() + _LAST_COMMIT_S
        while self._commits_open > 0 and time.monotonic() < deadline:
            self._consumer.poll(_IDLE_S)

    def _look_at_watermarks(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _LOOK_S:
            return
        self._looked_s = now
        for partition in list(self._shelves):
            _low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            self._highs[partition] = max(0, high)

    def _receive(self, messages: list[Message]) -> None:
        rows = [message for message in messages if message.error() is None]
        with self._changed:
            topics = {partition.topic for partition in self._shelves}
        chunks = [to_chunk(p, part, self._columns) for p, part in by_partition(rows, topics)]
        with self._changed:
            for chunk in chunks:
                self._shelve(chunk)
            for message in messages if len(rows) != len(messages) else ():
                if message.error() is not None:
                    self._note(message)
            if messages:
                self._peak_bytes = max(self._peak_bytes, sum(shelf.nbytes for shelf in self._shelves.values()))
                self._changed.notify_all()

    def _shelve(self, chunk: Chunk) -> None:
        shelf = self._shelves.get(chunk.partition)
        # A partition moved while the client handed out what it had fetched: those rows are not the ones asked for.
        if shelf is not None and chunk.partition not in self._moved and shelf.put(chunk):
            self._progress, self._last_error = self._progress + 1, None

    def _note(self, message: Message) -> None:
        error, partition = message.error(), Partition(message.topic() or "", message.partition() or 0)
        assert error is not None
        shelf, failure = self._shelves.get(partition), classify(error)
        if partition in self._moved:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names its own codes so
            # Its offset is behind the transaction markers and aborted rows that no message tells of.
            if shelf is not None:
                shelf.position = max(shelf.position, message.offset() or 0)
                self._progress, self._last_error = self._progress + 1, None
        elif shelf is not None and failure in {Failure.OUT_OF_RANGE, Failure.GONE, Failure.AUTHENTICATION}:
            shelf.failure = error
        elif failure in {Failure.AUTHENTICATION, Failure.FATAL}:
            raise KafkaException(error)
        else:
            self._last_error = error
            _log.debug("kafka client error", error=error.str(), code=error.name())


def _ahead(shelves: Mapping[Partition, Shelf], goals: Places) -> set[Partition]:
    """Return the partitions of which nothing is waited for."""
    return {partition for partition, shelf in shelves.items() if shelf.position >= goals.get(partition, 0)}


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
