"""Crash tests: readers that look at a sink all the while, as a downstream job does.

Each runs on a named thread until stopped and keeps everything it saw, so that a test can show that nothing appeared
that is not there at the end.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition
from tests.crash.job import until

from headrace.testing.kafka import Kafka
from headrace.testing.kafka.ports import pause_between_looks


class TopicWatch:
    """A read_committed consumer of a topic's only partition."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._seen: list[tuple[int, bytes | None, bytes | None]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{topic}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Assert that what was seen on the way is what stands there now, in the same order."""
        final = [(r.offset, r.key, r.value) for r in self._kafka.read_committed(self._topic)]
        until(lambda: len(self._seen) >= len(final), "the watching consumer to see every record")
        assert self._seen == final

    def _run(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._kafka.bootstrap,
                "group.id": "watch",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        consumer.assign([TopicPartition(self._topic, 0, 0)])
        while not self._stop.is_set():
            for message in consumer.consume(1000, 0.05):
                if message.error() is None:
                    self._seen.append((message.offset() or 0, message.key(), message.value()))
        consumer.close()


class FolderWatch:
    """Lists the visible files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch-folder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Assert that every file seen on the way is there now, as long as it was then."""
        final = {path.name: path.stat().st_size for path in self._folder.glob("part-*")}
        until(lambda: len(self._seen) >= len(final), "the watching reader to see every file")
        assert self._seen == final

    def _run(self) -> None:
        while not self._stop.is_set():
            for path in self._folder.glob("part-*"):
                self._seen.setdefault(path.name, path.stat().st_size)
            pause_between_looks()
