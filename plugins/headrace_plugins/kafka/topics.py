"""Plugins room: which partitions a source reads, and what the brokers say of them.

Takes an admin client and a `Subscription`, gives topic ids, partitions and offsets; one round trip a question. Also
whether the topics of a sink are there.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    OFFSET_INVALID,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin._listoffsets import OffsetSpec

from headrace.clock import Clock
from headrace.errors import StreamError
from headrace_plugins.kafka.client import Admin
from headrace_plugins.kafka.failures import Failure, classify, kafka_error, stream_error
from headrace_plugins.kafka.offsets import Partition

_INTERNAL = {"__consumer_offsets", "__transaction_state", "__share_group_state"}

_T = TypeVar("_T")
_CREATED_S = 5.0
_LOOK_AGAIN_S = 0.2
_NEVER_SET = threading.Event()
EARLIEST_SPEC = OffsetSpec.earliest()
LATEST_SPEC = OffsetSpec.latest()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a source reads: named topics, named partitions, or topics by a pattern; exactly one is set."""

    topics: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = ()
    pattern: str | None = None

    def __str__(self) -> str:
        if self.pattern is not None:
            return f"SubscribePattern[{self.pattern}]"
        if self.partitions:
            return f"Assign[{', '.join(str(partition) for partition in self.partitions)}]"
        return f"Subscribe[{', '.join(self.topics)}]"

    @property
    def named(self) -> tuple[str, ...]:
        """The topics named outright; none for a pattern."""
        return self.topics or tuple(sorted({partition.topic for partition in self.partitions}))


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a source as the brokers know them now; a topic that is not there is in neither mapping."""

    ids: Mapping[str, str]
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a question is asked again, after what pause, and how long an answer may take."""

    retries: int
    pause_s: float
    answer_s: float


class Brokers:
    """Questions to the brokers; each is asked again a few times while the answer is a passing error."""

    def __init__(self, admin: Admin, isolation: str, patience: Patience, clock: Clock) -> None:
        self._admin = admin
        self._patience = patience
        committed = isolation == "read_committed"
        self._isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        self._clock = clock

    def describe(self, subscription: Subscription) -> Topics:
        """Return ids and partitions of the topics; named ones that do not exist are left out."""
        return self._again(lambda: self._describe(subscription))

    def ask_about(self, subscription: Subscription) -> Callable[[], Topics]:
        """Ask for ids and partitions of named topics, and return what waits for the answer, as describe gives it."""
        answers = self._ask_about(list(subscription.named))

        def answer() -> Topics:
            try:
                return self._told_of(subscription, answers)
            except KafkaException:
                return self.describe(subscription)

        return answer

    def latest(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the end of each partition, the last stable offset when read_committed."""
        return {p: offset for p, (offset, _time) in self.ask(dict.fromkeys(partitions, LATEST_SPEC)).items()}

    def earliest(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the first offset there is of each partition."""
        return {p: offset for p, (offset, _time) in self.ask(dict.fromkeys(partitions, EARLIEST_SPEC)).items()}

    def ask(self, specs: Mapping[Partition, OffsetSpec]) -> dict[Partition, tuple[int, int]]:
        """Return offset and timestamp for one question per partition; a partition that is gone is left out.

        Raises:
            StreamError: BROKER_UNAVAILABLE, AUTHENTICATION_FAILED or SOURCE_FAILED.
        """
        return self._again(lambda: self._collect(self._list_offsets(specs))) if specs else {}

    def plan(self, subscription: Subscription, known: Iterable[Partition]) -> tuple[Topics, dict[Partition, int]]:
        """Return the topics and the end of every partition, in one round trip when no partition is new."""
        return self._again(lambda: self._plan(subscription, tuple(known)))

    def _plan(self, subscription: Subscription, known: tuple[Partition, ...]) -> tuple[Topics, dict[Partition, int]]:
        # Both questions are under way at once.
        asked = self._list_offsets(dict.fromkeys(known, LATEST_SPEC)) if known else {}
        topics = self._describe(subscription)
        # Of topics that are gone the client only says that they have no leader.
        there = {partition: answer for partition, answer in asked.items() if partition in topics.partitions}
        ends = {p: offset for p, (offset, _time) in self._collect(there).items()}
        new = [partition for partition in topics.partitions if partition not in ends]
        more = self._collect(self._list_offsets(dict.fromkeys(new, LATEST_SPEC))) if new else {}
        ends.update({p: offset for p, (offset, _time) in more.items()})
        return topics, {partition: ends[partition] for partition in topics.partitions if partition in ends}

    def _list_offsets(self, specs: Mapping[Partition, OffsetSpec]) -> dict[Partition, Future[Any]]:
        wanted = {TopicPartition(p.topic, p.number): spec for p, spec in specs.items()}
        answers = self._admin.list_offsets(
            wanted, isolation_level=self._isolation, request_timeout=self._patience.answer_s
        )
        return {Partition(place.topic, place.partition): answer for place, answer in answers.items()}

    def _collect(self, answers: Mapping[Partition, Future[Any]]) -> dict[Partition, tuple[int, int]]:
        found = {partition: (told.offset, told.timestamp) for partition, told in _told(answers)}
        if any(offset == OFFSET_INVALID for offset, _time in found.values()):
            # What librdkafka 2.16.0 says, without an error, of a partition whose leader has just come back.
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return found

    def _describe(self, subscription: Subscription) -> Topics:
        names = list(subscription.named) if subscription.pattern is None else self._matching(subscription.pattern)
        return self._told_of(subscription, self._ask_about(names)) if names else Topics({}, ())

    def _ask_about(self, names: list[str]) -> Mapping[str, Future[Any]]:
        asked: Mapping[str, Future[Any]] = self._admin.describe_topics(
            TopicCollection(names), request_timeout=self._patience.answer_s
        )
        return asked

    def _told_of(self, subscription: Subscription, answers: Mapping[str, Future[Any]]) -> Topics:
        ids: dict[str, str] = {}
        partitions: list[Partition] = []
        for name, told in _told(dict(sorted(answers.items()))):
            ids[name] = str(told.topic_id)
            partitions += [Partition(name, partition.id) for partition in told.partitions]
        if subscription.partitions:
            partitions = [partition for partition in partitions if partition in subscription.partitions]
        return Topics(ids, tuple(sorted(partitions)))

    def _matching(self, pattern: str) -> list[str]:
        names = self._admin.list_topics(timeout=self._patience.answer_s).topics
        return sorted(name for name in names if name not in _INTERNAL and re.fullmatch(pattern, name))

    def _again(self, question: Callable[[], _T]) -> _T:
        told: KafkaError | None = None
        for attempt in range(self._patience.retries + 1):
            try:
                return question()
            except KafkaException as raised:
                error = kafka_error(raised)
                told = self._admin.hear() or told  # it says the same once only
                error = told if told is not None and classify(error) is Failure.TRANSIENT else error
                if classify(error) is not Failure.TRANSIENT or attempt == self._patience.retries:
                    raise stream_error(
                        error, "the brokers did not tell topics and offsets", "SOURCE_FAILED"
                    ) from raised
                self.pause()
        raise StreamError("INTERNAL", "a question to the brokers had no tries")

    def pause(self) -> None:
        """Wait before a question is asked again."""
        self._clock.wait(_NEVER_SET, self._patience.pause_s)


def _told(answers: Mapping[_T, Future[Any]]) -> Iterator[tuple[_T, Any]]:
    """Yield what the brokers say of each thing that was asked about; what is gone is left out."""
    for name, answer in answers.items():
        try:
            told = answer.result()
        except KafkaException as raised:
            if classify(kafka_error(raised)) is not Failure.GONE:
                raise
        else:
            yield name, told


def require_topics(producer: Producer, names: Sequence[str], clock: Clock) -> None:
    """Refuse topics to write to that are not there; librdkafka looks for them for long, for a marker for ever.

    Raises:
        StreamError: SINK_FAILED.
    """
    deadline = clock.monotonic_s() + _CREATED_S
    for name in names:
        while True:
            try:
                error = producer.list_topics(name, _CREATED_S).topics[name].error
            except KafkaException:
                return  # the brokers are away; who needs them says so after some patience
            if error is None or classify(error) is not Failure.GONE:
                break
            if clock.monotonic_s() > deadline:
                hint = "Create it, or correct the name."
                raise StreamError("SINK_FAILED", f"there is no topic {name} to write to.", hint=hint)
            clock.wait(_NEVER_SET, _LOOK_AGAIN_S)  # having been asked for may create it
