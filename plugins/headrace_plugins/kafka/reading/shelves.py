"""Plugins room: what was read of Kafka partitions and waits for a batch, and how much of it there may be.

Takes chunks in order of their offsets, gives those before an end; knows nothing of threads and clients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from headrace_plugins.kafka.rows import Chunk


@dataclass(slots=True)
class Shelf:
    """What was read of one partition and not taken yet."""

    taken: int  # the next offset to hand out
    position: int  # the next offset to read; all rows in [taken, position) are in chunks
    chunks: deque[Chunk] = field(default_factory=deque)
    nbytes: int = 0
    failure: KafkaError | None = None

    def put(self, chunk: Chunk) -> bool:
        """Add what of a chunk lies at or behind the position; False when none of it does."""
        _old, fresh = chunk.split(self.position)
        if fresh is None:
            return False
        self.chunks.append(fresh)
        self.position = fresh.last + 1
        self.nbytes += fresh.nbytes
        return True

    def take(self, end: int) -> list[Chunk]:
        """Hand out everything before an offset."""
        found = []
        while self.chunks and self.chunks[0].first < end:
            chunk = self.chunks.popleft()
            before, rest = chunk.split(end)
            found += [before] if before is not None else []
            if rest is not None:
                self.chunks.appendleft(rest)
        self.taken = end
        self.nbytes = sum(chunk.nbytes for chunk in self.chunks)
        return found


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is kept in chunks nobody waits for, plus one drain: bytes, and offsets when batches are limited."""

    most_bytes: int
    most_offsets: int | None = None

    def spent(self, shelves: Iterable[Shelf]) -> float:
        """Return the share of it that is used; one from when on it is full."""
        nbytes = offsets = 0
        for shelf in shelves:
            nbytes += shelf.nbytes
            offsets += shelf.position - shelf.taken
        by_offsets = offsets / self.most_offsets if self.most_offsets else 0.0
        return max(nbytes / self.most_bytes, by_offsets)
