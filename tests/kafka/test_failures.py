"""What the client's errors mean."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from headrace_plugins.kafka.failures import Failure, classify, stream_error


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("_ALL_BROKERS_DOWN", Failure.TRANSIENT),
        ("_TRANSPORT", Failure.TRANSIENT),
        ("_TIMED_OUT", Failure.TRANSIENT),
        ("NOT_LEADER_FOR_PARTITION", Failure.TRANSIENT),
        ("COORDINATOR_LOAD_IN_PROGRESS", Failure.TRANSIENT),
        ("_AUTHENTICATION", Failure.AUTHENTICATION),
        ("_SSL", Failure.AUTHENTICATION),
        ("TOPIC_AUTHORIZATION_FAILED", Failure.AUTHENTICATION),
        ("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Failure.AUTHENTICATION),
        ("UNKNOWN_TOPIC_OR_PART", Failure.GONE),
        ("_AUTO_OFFSET_RESET", Failure.OUT_OF_RANGE),
        ("OFFSET_OUT_OF_RANGE", Failure.OUT_OF_RANGE),
        ("_FENCED", Failure.FENCED),
        ("INVALID_PRODUCER_EPOCH", Failure.FENCED),
        ("_PURGE_QUEUE", Failure.DROPPED),
        ("_PURGE_INFLIGHT", Failure.DROPPED),
        ("MSG_SIZE_TOO_LARGE", Failure.FATAL),
        ("INVALID_TXN_STATE", Failure.FATAL),
    ],
)
def test_an_error_is_classified_by_its_code(name: str, failure: Failure) -> None:
    """The table is the whole decision."""
    assert classify(KafkaError(getattr(KafkaError, name))) is failure


def test_an_unknown_error_that_may_be_tried_again_is_transient() -> None:
    """The client knows errors that the table does not."""
    assert classify(KafkaError(KafkaError.INVALID_SESSION_TIMEOUT, "x", False, True)) is Failure.TRANSIENT


@pytest.mark.parametrize(
    ("name", "code", "exit_code"),
    [
        ("_ALL_BROKERS_DOWN", "BROKER_UNAVAILABLE", 69),
        ("_AUTHENTICATION", "AUTHENTICATION_FAILED", 77),
        ("UNKNOWN_TOPIC_OR_PART", "SOURCE_FAILED", 1),
    ],
)
def test_the_error_says_what_was_tried_and_ends_with_the_right_code(name: str, code: str, exit_code: int) -> None:
    """Who mends it decides the code."""
    error = stream_error(KafkaError(getattr(KafkaError, name)), "topic t could not be read", "SOURCE_FAILED")
    assert (error.code, error.exit_code) == (code, exit_code)
    assert error.message.startswith("topic t could not be read: ")
    assert name in error.message
