"""Room testing: what tests and demos do with a broker, wherever it came from.

Takes a `Broker` and gives a `Kafka`: topics, plain produce, read_committed reads, and the broker's life.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewPartitions, NewTopic

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.testing.kafka.ports import pause_between_looks

_TIMEOUT_S = 30.0
_SETTLE_S = 1.0
_NOT_YET = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError._NOENT,  # noqa: SLF001 - the client names its own codes so
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record; offset and timestamp (ms since the Unix epoch, UTC) are None until the broker gave them."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None
    timestamp_ms: int | None = None
    offset: int | None = None


class Broker(Protocol):
    """A running broker and its life."""

    @property
    def bootstrap(self) -> str:
        """The address clients connect to."""
        ...

    def pause(self) -> None:
        """Freeze it."""
        ...

    def resume(self) -> None:
        """Let it go on."""
        ...

    def kill(self) -> None:
        """End it as a crash does."""
        ...

    def restart(self) -> None:
        """Bring it back on the same storage and address."""
        ...

    def stop(self) -> None:
        """End it for good."""
        ...


class ExternalBroker:
    """A broker somebody else runs: it can be used, not controlled."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def pause(self) -> None:
        """Refuse."""
        raise self._refusal("paused")

    def resume(self) -> None:
        """Refuse."""
        raise self._refusal("resumed")

    def kill(self) -> None:
        """Refuse."""
        raise self._refusal("killed")

    def restart(self) -> None:
        """Refuse."""
        raise self._refusal("restarted")

    def stop(self) -> None:
        """Leave it running."""

    def _refusal(self, what: str) -> StreamError:
        message = f"the broker at {self.bootstrap} is not ours and cannot be {what}"
        return StreamError("BROKER_UNAVAILABLE", message, hint="Call start_kafka(managed=True).")


class Kafka:
    """A running Apache Kafka with the few calls a test or a demo needs; a context manager that stops it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._admin_client: AdminClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The value for ``kafka.bootstrap.servers``."""
        return self._broker.bootstrap

    @property
    def broker(self) -> Broker:
        """The broker itself."""
        return self._broker

    @property
    def admin(self) -> AdminClient:
        """An admin client, made at the first use."""
        if self._admin_client is None:
            self._admin_client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin_client

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and return once every partition has a leader."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        _settle(self.admin.create_topics([topic]))
        self._wait_for_partitions(name, partitions)

    def delete_topic(self, name: str) -> None:
        """Delete a topic and return once no metadata tells of it."""
        _settle(self.admin.delete_topics([name]))
        deadline = time.monotonic() + _TIMEOUT_S
        while name in self.admin.list_topics(timeout=_TIMEOUT_S).topics:
            _give_up_after(deadline, f"topic {name} to go")

    def add_partitions(self, name: str, total: int) -> None:
        """Grow a topic to a number of partitions and return once each has a leader."""
        _settle(self.admin.create_partitions([NewPartitions(name, total)]))
        self._wait_for_partitions(name, total)

    def delete_records(self, name: str, before: Mapping[int, int]) -> None:
        """Delete the records of partitions before an offset each, as retention does."""
        wanted = [TopicPartition(name, partition, offset) for partition, offset in before.items()]
        _settle(self.admin.delete_records(wanted))

    def produce(self, topic: str, records: Iterable[Record | bytes | str]) -> list[Record]:
        """Store records in order, outside any transaction, and return them with partition, offset and timestamp.

        Raises:
            StreamError: SINK_FAILED when the broker refuses one.
        """
        stored: list[Record] = []
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error)
            else:
                stored.append(_record(message))

        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 2, "acks": "all", "log_level": 0})
        for record in records:
            _send(producer, topic, _as_record(record), delivered)
        producer.flush()
        producer.close()
        if failed:
            raise StreamError("SINK_FAILED", f"a record for topic {topic} was not stored: {failed[0]}")
        return stored

    def read_committed(self, topic: str) -> list[Record]:
        """Return every record a read_committed consumer sees, ordered by partition and offset.

        A commit is answered a moment before its markers are written, so this waits up to a second for transactions to
        settle; the records of one still open then are left out.
        """
        deadline = time.monotonic() + _SETTLE_S
        while self.end_offsets(topic) != self.end_offsets(topic, IsolationLevel.READ_UNCOMMITTED):
            if time.monotonic() > deadline:
                break
            pause_between_looks()
        return self.read(topic, IsolationLevel.READ_COMMITTED)

    def read(self, topic: str, isolation: IsolationLevel) -> list[Record]:
        """Return every record up to the end the isolation level allows, ordered by partition and offset."""
        ends = self.end_offsets(topic, isolation)
        level = "read_committed" if isolation == IsolationLevel.READ_COMMITTED else "read_uncommitted"
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "headrace-testing",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": level,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        try:
            return _drain(consumer, topic, {partition: end for partition, end in ends.items() if end > 0})
        finally:
            consumer.close()

    def end_offsets(self, topic: str, isolation: IsolationLevel = IsolationLevel.READ_COMMITTED) -> dict[int, int]:
        """Return the end of each partition: the last stable offset, or the high watermark when read_uncommitted."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            partitions = self.admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
            asked = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in partitions}
            try:
                answers = self.admin.list_offsets(asked, isolation_level=isolation) if asked else {}
                return {place.partition: answer.result(_TIMEOUT_S).offset for place, answer in sorted(answers.items())}
            except KafkaException as error:
                if not error.args[0].retriable() and error.args[0].code() not in _NOT_YET:
                    raise
                _give_up_after(deadline, f"leaders of topic {topic}")

    def pause(self) -> None:
        """Freeze the broker; its connections stay open and get no answer."""
        self._broker.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._broker.resume()

    def kill(self) -> None:
        """End the broker at once, as a crash does."""
        self._broker.kill()

    def restart(self) -> None:
        """Stop the broker if it runs and start it again on the same storage and port."""
        self._broker.restart()

    def stop(self) -> None:
        """End the broker and remove what it stored; may be called twice."""
        self._admin_client = None
        self._broker.stop()

    def _wait_for_partitions(self, name: str, partitions: int) -> None:
        """Wait until each partition gives its offsets; metadata names leaders a moment before they answer."""
        deadline = time.monotonic() + _TIMEOUT_S
        while len(self.end_offsets(name)) != partitions:
            _give_up_after(deadline, f"{partitions} partitions of topic {name}")


def _give_up_after(deadline: float, awaited: str) -> None:
    if time.monotonic() > deadline:
        raise StreamError("BROKER_UNAVAILABLE", f"waited {_TIMEOUT_S:g} s in vain for {awaited}")
    pause_between_looks()


def _settle(answers: Mapping[Any, Any]) -> None:
    for answer in answers.values():
        answer.result(_TIMEOUT_S)


def _as_record(record: Record | bytes | str) -> Record:
    if isinstance(record, Record):
        return record
    return Record(record.encode() if isinstance(record, str) else record)


def _send(producer: Producer, topic: str, record: Record, delivered: Any) -> None:
    more: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
    if record.timestamp_ms is not None:
        more["timestamp"] = record.timestamp_ms
    if record.headers:
        more["headers"] = list(record.headers)
    while True:
        try:
            producer.produce(topic, record.value, record.key, on_delivery=delivered, **more)
        except BufferError:
            producer.poll(0.05)
        else:
            producer.poll(0)
            return


def _record(message: Message) -> Record:
    return Record(
        value=message.value(),
        key=message.key(),
        headers=_headers(message),
        partition=message.partition(),
        timestamp_ms=message.timestamp()[1],
        offset=message.offset(),
    )


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    pairs: Any = message.headers() or ()
    return tuple(pairs)


def _drain(consumer: Consumer, topic: str, ends: Mapping[int, int]) -> list[Record]:
    found: list[Record] = []
    places = [TopicPartition(topic, partition, 0) for partition in ends]
    consumer.assign(places)
    deadline = time.monotonic() + _TIMEOUT_S
    # Transaction markers take offsets too, so the position decides and not the last record.
    while any(place.offset < ends[place.partition] for place in consumer.position(places)):
        for message in consumer.consume(10_000, 0.05):
            error = message.error()
            if error is None:
                found.append(_record(message))
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names its own codes so
                raise KafkaException(error)
        if time.monotonic() > deadline:
            raise StreamError("SOURCE_FAILED", f"topic {topic} was not read to its end in {_TIMEOUT_S:g} s")
    inside: Sequence[Record] = [r for r in found if (r.offset or 0) < ends[r.partition or 0]]
    return sorted(inside, key=lambda r: (r.partition or 0, r.offset or 0))
