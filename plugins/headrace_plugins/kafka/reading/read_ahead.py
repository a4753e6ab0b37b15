"""Plugins room: the thread that reads a Kafka source ahead of its batches.

Takes places to read from and gives chunks up to an end; holds at most its share of the memory budget, or one limited
batch, and then stops to consume. All calls of the consumer happen on the one thread, since a call from another would
wait until no poll() is under way, which may be never; the lock guards only the shelves and the wishes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from headrace_plugins.kafka.client import build_client
from headrace_plugins.kafka.failures import Failure, classify
from headrace_plugins.kafka.offsets import Partition, Places
from headrace_plugins.kafka.reading.consumer import (
    IDLE_S,
    GroupOffsets,
    HighWatermarks,
    Pauses,
    close_in_time,
    drain,
    reassign,
)
from headrace_plugins.kafka.reading.shelves import Budget, Shelf
from headrace_plugins.kafka.rows import Chunk, by_partition, to_chunk

_log = structlog.get_logger(__name__)

_FULL_S = 0.05
_COMMIT_S = 0.25  # lag tools look less often, and every commit is work for the broker
_GATHER_S = 0.005
_ROOMY = 0.25  # of the budget; what gathers in the client comes on top of what is here
_FEW = 500  # messages; waiting for more of them costs nobody, taking each as it comes costs an interpreter


class ReadAhead:
    """A consumer on its own thread.

    Args:
        settings: Of the consumer: enable.partition.eof is on, there is no offset reset.
        budget: What it may keep.
        name: Of the thread.
    """

    def __init__(self, settings: Mapping[str, Any], budget: Budget, name: str) -> None:
        self._group = GroupOffsets()
        self._consumer: Consumer = build_client(Consumer, {**settings, "on_commit": self._group.done})
        self._budget = budget
        self._columns: Sequence[str] = ()
        self._shelves: dict[Partition, Shelf] = {}
        self._moved: dict[Partition, int] = {}
        self._goals: Places = {}
        self._pauses = Pauses(self._consumer)
        self._peak_bytes = 0
        self._wished: Places = {}
        self._committed_s = 0.0
        self._highs = HighWatermarks(self._consumer)
        self._crash: BaseException | None = None
        self._last_error: KafkaError | None = None
        self._progress = 0
        self._came_few = self._gathers = self._hurries = False
        self._turn = 0
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

    def caught_up(self) -> Places | None:
        """Return the end of every partition when all records before it are here, as of the last fetch; asks nobody.

        None when some are not, or when that is not known. An end is a high watermark: a partition whose last records
        are of an open transaction, or are transaction markers, has not been read up to it.
        """
        with self._changed:
            if self._gathers:
                seen, self._hurries = self._turn, True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._turn != seen or self._crash is not None, IDLE_S)
            ends = {partition: shelf.position for partition, shelf in self._shelves.items()}
            known = all(self._highs.seen.get(partition) == end for partition, end in ends.items())
            failed = any(shelf.failure for shelf in self._shelves.values())
            return ends if known and not failed and not self._moved and self._crash is None else None

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

    def high_watermark(self, partition: Partition) -> int:
        """Return the high watermark last seen in a fetch, 0 before the first; asks nobody."""
        return self._highs.seen.get(partition, 0)

    def close(self) -> None:
        """End the thread and the consumer; may be called twice."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        close_in_time(self._consumer, f"{self._thread.name}-close")
        self._shelves.clear()

    def _forget(self, partition: Partition) -> None:
        if self._shelves.pop(partition, None) is not None:
            self._moved[partition] = -1

    def _run(self) -> None:
        try:
            while self._step():
                pass
            if self._wished:
                self._group.commit(self._consumer, self._wished)
            self._group.settle(self._consumer)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting side raises it
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _step(self) -> bool:
        with self._changed:
            while self._is_full() and not self._moved and not self._wished and not self._closing:
                self._changed.wait(_FULL_S)
            if self._came_few and self._budget.spent(self._shelves.values()) < _ROOMY:
                self._gathers = True
                self._changed.wait_for(self._is_needed, _GATHER_S)
                self._gathers = False
            is_full = self._is_full()
            if self._closing:
                return False
            moved, self._moved = self._moved, {}
            if not self._shelves and not moved:
                self._changed.wait(IDLE_S)
                return True
        if moved:
            self._pauses.lift(moved)
            reassign(self._consumer, moved)
        self._commit_in_time()
        if is_full:
            return True
        with self._changed:
            ahead, spent = _ahead(self._shelves, self._goals), self._budget.spent(self._shelves.values())
        self._pauses.steer(ahead, spent)
        messages = drain(self._consumer, 0 if self._hurries else IDLE_S)
        self._came_few = 0 < len(messages) < _FEW
        self._receive(messages)
        return True

    def _is_full(self) -> bool:
        """Full shelves still take rows for a partition whose goal is not reached, or the waiting side would starve."""
        if self._budget.spent(self._shelves.values()) < 1:
            return False
        return all(self._shelves[p].position >= end for p, end in self._goals.items() if p in self._shelves)

    def _is_needed(self) -> bool:
        return bool(self._goals or self._moved or self._hurries or self._closing)

    def _commit_in_time(self) -> None:
        now = time.monotonic()
        if self._wished and now - self._committed_s >= _COMMIT_S:
            with self._changed:
                wished, self._wished = self._wished, {}
            self._group.commit(self._consumer, wished)
            self._committed_s = now

    def _receive(self, messages: list[Message]) -> None:
        rows = [message for message in messages if message.error() is None]
        with self._changed:
            topics = {partition.topic for partition in self._shelves}
        chunks = [to_chunk(p, part, self._columns) for p, part in by_partition(rows, topics)]
        self._highs.look({chunk.partition for chunk in chunks}, self._shelves)
        with self._changed:
            for chunk in chunks:
                self._shelve(chunk)
            for message in messages if len(rows) != len(messages) else ():
                if message.error() is not None:
                    self._note(message)
            if messages:
                self._peak_bytes = max(self._peak_bytes, sum(shelf.nbytes for shelf in self._shelves.values()))
            if messages or self._hurries:
                self._turn, self._hurries = self._turn + 1, False
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
