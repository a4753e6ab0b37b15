"""Plugins room: how the Kafka sink hands over a batch in a transaction, with a marker.

The transaction's commit is the decision; the marker in it says which batch of which owner it was; whoever holds
`transactional.id` last wins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.clock import Clock
from headrace.contract import Marker
from headrace.errors import IndoubtError, StreamError, SupersededError
from headrace_plugins.kafka.calling import Caller
from headrace_plugins.kafka.client import admin_settings, build_client
from headrace_plugins.kafka.failures import (
    Failure,
    Fenced,
    classify,
    hides_the_cause,
    judge_fencing,
    kafka_error,
    stream_error,
)
from headrace_plugins.kafka.outbox import PlainOutbox
from headrace_plugins.kafka.topics import require_topics

_log = structlog.get_logger(__name__)

_REQUEST_S = 30.0
_NO_ANSWER_S = 15.0
_ANSWER_LOOK_S = 0.25
_RIVAL_S = 10.0
_LOOK_AGAIN_S = 0.2
_DEFAULT_TRANSACTION_MS = 60_000
_NEVER_SET = threading.Event()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the marker lives: a private group's offset of partition 0 of a topic, and whose transactions carry it."""

    transactional_id: str
    group: str
    topic: str


class TransactionalOutbox(PlainOutbox):
    """A transactional producer; one transaction a batch, the marker in it as offset metadata."""

    def __init__(self, user: Mapping[str, str], place: Place, topics: Sequence[str], clock: Clock) -> None:
        super().__init__({**user, "transactional.id": place.transactional_id}, topics, clock)
        self._place = place
        self._timeout_s = int(user.get("transaction.timeout.ms", _DEFAULT_TRANSACTION_MS)) / 1_000
        # librdkafka's default is 100 ms less than the transaction's (CONFIGURATION, transaction.timeout.ms).
        self._socket_timeout_s = int(user.get("socket.timeout.ms", self._timeout_s * 1_000 - 100)) / 1_000
        self._reader_settings = {**admin_settings(user), "group.id": place.group, "enable.auto.commit": False}
        self._group_metadata: Any = None
        self._owner = 0
        self._begun_s: float | None = None
        self._adding: Future[object] | None = None
        self._caller = Caller(f"headrace-kafka-{place.transactional_id}")
        self._ready = False

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence earlier owners, settle their transaction, and only then read the marker."""
        self._drop()
        # Our own transaction may be open still: a settled marker would come only with its timeout.
        seen = self._read_marker("read_uncommitted") if owner else None
        if seen is not None and seen.owner > owner:
            raise _superseded(seen.owner)
        self._init()
        marker = self._read_marker()
        self._owner = marker.owner if marker else 0
        return marker

    def claim(self, marker: Marker) -> None:
        """Write the marker alone, in a transaction of its own."""
        self.begin(marker)
        self._owner = marker.owner
        self.commit(marker)

    def begin(self, marker: Marker) -> None:
        """Begin a transaction and send its marker; a producer that was dropped is made anew first.

        Raises:
            SupersededError: another owner claimed the query meanwhile.
        """
        super().begin(marker)
        if not self._ready:
            self._init()
            last = self._read_marker()
            if last is not None and last.owner > self._owner:
                self._drop()
                raise _superseded(last.owner)
        self._begun_s = self._clock.monotonic_s()
        self._guarded(self.producer.begin_transaction, "no transaction could be begun")
        offset = TopicPartition(self._place.topic, 0, marker.batch_id + 1, marker.to_json())
        metadata, producer = self._group_metadata, self.producer
        # The coordinator of the group takes its time (group.coordinator.append.linger.ms); rows are written meanwhile.
        self._adding = self._caller.ask(lambda: producer.send_offsets_to_transaction([offset], metadata, _REQUEST_S))

    def check(self) -> None:
        """Raise the first delivery error, or what being fenced means."""
        if self._first_error is not None and classify(self._first_error[0]) is Failure.FENCED:
            self._fenced()
        super().check()

    def commit(self, marker: Marker) -> None:
        """Commit the transaction with the marker of its begin in it.

        Raises:
            SupersededError: another owner exists; nothing became visible.
            IndoubtError: recover() will tell.
        """
        started_s, producer = self._clock.monotonic_s(), self.producer
        if self._adding is not None:
            self._answered(self._adding, "the marker could not be added to the transaction")
            self._adding = None
        # It waits for the records that are on their way. Without a timeout, as librdkafka asks: a finite one may leave
        # client and coordinator in different states.
        committed = self._caller.ask(lambda: producer.commit_transaction())
        self._answered(committed, "the transaction's commit", lambda: len(producer))
        self._begun_s = None
        self._owner = marker.owner
        took_s = self._clock.monotonic_s() - started_s
        if took_s > self._socket_timeout_s:
            # A request may have been sent twice; a late one could end a later transaction (librdkafka issue 5423).
            transactional_id = self._place.transactional_id
            _log.info("producer replaced after a slow commit", took_s=took_s, transactional_id=transactional_id)
            self._drop()

    def abort(self) -> None:
        """Abort the transaction if one was begun; a producer that cannot is dropped, which has the same effect."""
        if self._begun_s is None or self._producer is None:
            return
        self._begun_s = None
        self._await_marker()
        try:
            self._producer.abort_transaction(_REQUEST_S)
        except KafkaException as raised:
            _log.info("producer replaced after a failed abort", error=kafka_error(raised).str())
            self._drop()

    def close(self) -> None:
        """Abort what is open and end the client."""
        self.abort()
        self._drop()

    def _init(self) -> None:
        """Make a producer and fence every earlier one of this transactional.id."""
        deadline = self._clock.monotonic_s() + _REQUEST_S
        try:
            # Twice: the first answer ends the bootstrap connection that it came by. Without one that stays, librdkafka
            # looks for the coordinator only every 500 ms.
            for _ in range(2):
                require_topics(self.producer, self._topics, self._clock)
        except StreamError:
            self._drop()
            raise
        while True:
            try:
                self.producer.init_transactions(_REQUEST_S)
            except KafkaException as raised:
                error = kafka_error(raised)
                if error.retriable() and self._clock.monotonic_s() < deadline:
                    continue
                self._drop()
                raise stream_error(error, "the transactional producer could not start", "SINK_FAILED") from raised
            self._ready = True
            return

    def _read_marker(self, isolation: str = "read_committed") -> Marker | None:
        """Return the last committed marker, by default once every transaction that may hold a newer one has ended."""
        consumer = build_client(Consumer, {**self._reader_settings, "isolation.level": isolation})
        deadline = self._clock.monotonic_s() + _REQUEST_S
        try:
            while True:
                try:
                    found = consumer.committed([TopicPartition(self._place.topic, 0)], timeout=_REQUEST_S)[0]
                    error = found.error
                except KafkaException as raised:
                    error = kafka_error(raised)
                if error is None:
                    self._group_metadata = consumer.consumer_group_metadata()
                    return Marker.from_json(found.metadata) if found.offset >= 0 else None
                if classify(error) is not Failure.TRANSIENT or self._clock.monotonic_s() > deadline:
                    what = f"the marker of group {self._place.group} could not be read"
                    raise stream_error(error, what, "SINK_FAILED")
                self._clock.wait(_NEVER_SET, _LOOK_AGAIN_S)
        finally:
            consumer.close()

    def refuse(self, error: KafkaError, topic: str, size_bytes: int) -> NoReturn:
        """Raise what it means that the client did not take a record; a fenced one takes none."""
        if error.fatal() or hides_the_cause(error) or classify(error) is Failure.FENCED:
            self._broken(error, f"a record for topic {topic} was not stored")
        super().refuse(error, topic, size_bytes)

    def _guarded(self, call: Callable[[], object], what: str) -> None:
        try:
            call()
        except KafkaException as raised:
            if self._producer is not None:
                self._served(partial(self._producer.poll, 0))
            self.check()  # a refused record says more than that the transaction cannot go on
            self._broken(kafka_error(raised), what)
        except SystemError:
            self._broken(None, what)  # see _served

    def _answered(self, answer: Future[object], what: str, waiting: Callable[[], int] = lambda: 0) -> None:
        """Wait for the answer to a call that may never return, and give it and its producer up after a while.

        librdkafka 2.16.0 waits for ever for a group coordinator that died and came back, whatever timeout it was given.

        Args:
            answer: Of the call.
            what: Did not happen.
            waiting: How much is still under way; there is no hurry while that changes.
        """
        left, looks = waiting(), 0
        while looks < _NO_ANSWER_S / _ANSWER_LOOK_S:
            try:
                self._guarded(lambda: answer.result(_ANSWER_LOOK_S), what)
            except TimeoutError:
                self._refused_meanwhile()
            else:
                return
            before, left = left, waiting()
            looks = looks + 1 if left == before else 0
        self._drop()
        raise IndoubtError(f"{what}: no answer in {_NO_ANSWER_S:g} s")

    def _refused_meanwhile(self) -> None:
        """Raise the delivery error, if any, that the client waits behind; its producer is still in use elsewhere."""
        try:
            self.serve(0)
        except StreamError:
            self._drop()
            raise

    def _broken(self, error: KafkaError | None, what: str) -> NoReturn:
        """Raise what an error of the client means; the producer is thrown away, whatever it is."""
        if error is None or hides_the_cause(error):
            error = self._fatal_error() or error
        fenced = self._first_error is not None and classify(self._first_error[0]) is Failure.FENCED
        if fenced or (error is not None and classify(error) is Failure.FENCED):
            self._fenced()
        self._drop()
        if error is not None and classify(error) is Failure.AUTHENTICATION:
            raise stream_error(error, what, "SINK_FAILED")
        told = f"{error.str()} ({error.name()})" if error else "an error the client does not tell"
        raise IndoubtError(f"{what}: {told}")

    def _fatal_error(self) -> KafkaError | None:
        """Return why the client is broken: it says so when asked for a transaction, which it then does not begin."""
        self._await_marker()
        try:
            self.producer.begin_transaction()
        except KafkaException as raised:
            return kafka_error(raised)
        return None

    def _await_marker(self) -> None:
        """Wait until no marker is being added, well or not; the client answers no other call meanwhile."""
        if self._adding is not None:
            wait((self._adding,), _NO_ANSWER_S)
            self._adding = None

    def _fenced(self) -> NoReturn:
        """Find out why the producer was fenced, without fencing anybody."""
        age_s = 0.0 if self._begun_s is None else self._clock.monotonic_s() - self._begun_s
        self._drop()
        deadline = self._clock.monotonic_s() + _RIVAL_S
        while True:
            seen = self._read_marker()
            verdict = judge_fencing(self._owner, seen, age_s, self._timeout_s)
            _log.info(
                "producer fenced", verdict=verdict.value, age_s=age_s, transactional_id=self._place.transactional_id
            )
            if verdict is Fenced.EXPIRED:
                told = f"the transaction was open for {age_s:.1f} s; the broker allows {self._timeout_s:g} s"
                raise IndoubtError(told, is_timeout=True)
            if verdict is Fenced.SUPERSEDED or self._clock.monotonic_s() > deadline:
                raise _superseded(seen.owner if seen else None)
            self._clock.wait(_NEVER_SET, _LOOK_AGAIN_S)

    def _drop(self) -> None:
        """Throw the producer away; what it had open is aborted by the next one's start or by the coordinator."""
        self._ready = False
        self._begun_s = self._adding = None
        self._caller.give_up()
        # Not close(): it would wait for an answer of the broker that may have gone.
        self._producer = None


def _superseded(owner: int | None) -> SupersededError:
    return SupersededError(f"another instance has taken over this query (owner {owner if owner else 'not told yet'})")
