"""Crash tests: readers that look at a job's sinks all the while, as downstream jobs do.

They run on named threads until stopped and keep everything they saw, so that a test can show that nothing appeared that
is not there at the end.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, TopicPartition
from tests.crash.job import Job, rows_of, until
from tests.crash.stream import Row

from headrace.testing.kafka import Kafka, Record
from headrace.testing.kafka.ports import pause_between_looks


class SinkWatch:
    """Watches every sink of a job: topics by one read_committed consumer, folders by listing them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        options = {name: query["sink"]["options"] for name, query in job.queries.items()}
        self._topics = {name: str(said["topic"]) for name, said in options.items() if "topic" in said}
        self._readers: list[_TopicReader | _FolderReader] = []
        if self._topics:
            self._readers.append(_TopicReader(job.kafka, tuple(self._topics.values())))
        folders = tuple(Path(said["path"]) for said in options.values() if "path" in said)
        if folders:
            self._readers.append(_FolderReader(folders))

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.stop.set()
        for reader in self._readers:
            reader.thread.join()

    def check(self) -> dict[str, Counter[Row]]:
        """Assert that what was seen on the way is what stands there now, in the same order; return it by query."""
        final: dict[str, list[Record]] = {}
        for reader in self._readers:
            final |= reader.check()
        rows = {name: rows_of(final[topic]) for name, topic in self._topics.items()}
        return {name: rows[name] if name in rows else self._job.published(name) for name in self._job.queries}


class _TopicReader:
    """A consumer of the only partition of each topic."""

    def __init__(self, kafka: Kafka, topics: Sequence[str]) -> None:
        self._kafka = kafka
        self._seen: dict[str, list[tuple[Any, ...]]] = {topic: [] for topic in topics}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name="watch-topics", daemon=True)

    def check(self) -> dict[str, list[Record]]:
        """Assert that each topic holds what was seen of it."""
        final = {topic: self._kafka.read_committed(topic) for topic in self._seen}
        there = {topic: [(r.offset, r.key, r.value) for r in records] for topic, records in final.items()}
        until(
            lambda: all(len(self._seen[topic]) >= len(records) for topic, records in there.items()),
            "the watching consumer to see every record",
        )
        assert self._seen == there
        return final

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
        consumer.assign([TopicPartition(topic, 0, 0) for topic in self._seen])
        while not self.stop.is_set():
            for message in consumer.consume(1000, 0.05):
                if message.error() is None:
                    seen = self._seen[message.topic() or ""]
                    seen.append((message.offset() or 0, message.key(), message.value()))
        consumer.close()


class _FolderReader:
    """Lists the visible files of folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._seen: dict[str, int] = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name="watch-folders", daemon=True)

    def check(self) -> dict[str, list[Record]]:
        """Assert that every file seen on the way is there now, as long as it was then; there are no records."""
        final = self._list()
        until(lambda: len(self._seen) >= len(final), "the watching reader to see every file")
        assert self._seen == final
        return {}

    def _run(self) -> None:
        while not self.stop.is_set():
            for path, size in self._list().items():
                self._seen.setdefault(path, size)
            pause_between_looks()

    def _list(self) -> dict[str, int]:
        return {str(path): path.stat().st_size for folder in self._folders for path in folder.glob("part-*")}
