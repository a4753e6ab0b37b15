"""Plugins room: how the Kafka sink hands over a batch plainly: every record at least once.

Takes client settings, gives an outbox with begin, flush, commit and abort; `transaction` has the one that does it
exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.clock import Clock
from headrace.contract import Marker
from headrace.errors import StreamError
from headrace_plugins.kafka.client import build_client, producer_settings
from headrace_plugins.kafka.failures import (
    Failure,
    classify,
    kafka_error,
    refused,
    stream_error,
)
from headrace_plugins.kafka.topics import require_topics


class PlainOutbox:
    """An idempotent producer: every record at least once, no marker.

    Args:
        user: Settings of the client.
        topics: Where records may go, as far as that is known.
        clock: For deadlines.
    """

    def __init__(self, user: Mapping[str, str], topics: Sequence[str], clock: Clock) -> None:
        self._settings = producer_settings(user)
        self._topics = topics
        self._clock = clock
        self._producer: Producer | None = None
        self._first_error: tuple[KafkaError, Message] | None = None

    @property
    def producer(self) -> Producer:
        """The client, made at the first use."""
        if self._producer is None:
            self._producer = build_client(Producer, {**self._settings, "on_delivery": self._delivered})
        return self._producer

    def recover(self, owner: int = 0) -> Marker | None:
        """Return None: nothing is remembered.

        Raises:
            StreamError: SINK_FAILED, a topic is not there.
        """
        del owner
        require_topics(self.producer, self._topics, self._clock)
        return None

    def claim(self, marker: Marker) -> None:
        """Do nothing: there is no place for an owner."""

    def begin(self, marker: Marker) -> None:
        """Forget errors of earlier batches."""
        del marker  # there is no place for it
        self._first_error = None

    def check(self) -> None:
        """Raise the first delivery error there was, if any."""
        if self._first_error is not None:
            error, message = self._first_error
            raise refused(error, message.topic() or "", _size(message))

    def flush(self) -> None:
        """Return when every record is stored.

        Raises:
            StreamError: SINK_FAILED, BROKER_UNAVAILABLE or AUTHENTICATION_FAILED with the first delivery error.
        """
        self._served(self.producer.flush)
        self.check()

    def serve(self, timeout_s: float) -> None:
        """Let the client report deliveries, for up to this long when there are none; then check()."""
        self._served(partial(self.producer.poll, timeout_s))
        self.check()

    def refuse(self, error: KafkaError, topic: str, size_bytes: int) -> NoReturn:
        """Raise what it means that the client did not take a record."""
        raise refused(error, topic, size_bytes)

    def commit(self, marker: Marker) -> None:
        """Return when every record is stored, and so visible."""
        del marker  # there is no place for it
        self.flush()

    def abort(self) -> None:
        """Drop what has not been sent."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.poll(0)

    def close(self) -> None:
        """End the client; may be called twice."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.close()
            self._producer = None

    def _served(self, call: Callable[[], object]) -> None:
        try:
            call()
        except KafkaException as raised:
            self._broken(kafka_error(raised), "records were not stored")
        except SystemError:
            # The client raises a fatal error out of a callback, and a later callback may have cleared it.
            self._broken(None, "records were not stored")

    def _broken(self, error: KafkaError | None, what: str) -> NoReturn:
        self.check()
        if error is None:
            raise StreamError("SINK_FAILED", f"{what}: the client ended with an error it does not tell")
        raise stream_error(error, what, "SINK_FAILED")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None or classify(error) is Failure.DROPPED:
            return
        # One record that is too large makes all fail that were sent with it.
        if self._first_error is None or (
            error.code() == KafkaError.MSG_SIZE_TOO_LARGE and _size(message) > _size(self._first_error[1])
        ):
            self._first_error = (error, message)


def _size(message: Message) -> int:
    return len(message.value() or b"") + len(message.key() or b"")
