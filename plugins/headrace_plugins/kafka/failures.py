"""Plugins room: what an error of the Kafka client means for us.

Takes a `KafkaError`, gives a `Failure` and from it a `StreamError`; the table is the whole decision.
"""

from __future__ import annotations

from enum import Enum

from confluent_kafka import KafkaError, KafkaException

from headrace.contract import Marker
from headrace.errors import Retry, StreamError


class Failure(Enum):
    """What to do about an error of the client."""

    TRANSIENT = "transient"  # the client tries again by itself; only a deadline makes it an error
    AUTHENTICATION = "authentication"  # who we are or what we may do
    GONE = "gone"  # the topic or partition is not there
    OUT_OF_RANGE = "out_of_range"  # the offset is not there
    FENCED = "fenced"  # another producer has our transactional.id, or the coordinator gave up on us
    DROPPED = "dropped"  # we dropped the message ourselves
    FATAL = "fatal"  # anything else


_TABLE: dict[Failure, tuple[str, ...]] = {
    Failure.TRANSIENT: (
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "_RESOLVE",
        "_TIMED_OUT",
        "_TIMED_OUT_QUEUE",
        "_WAIT_COORD",
        "_NOENT",  # no leader is known at the moment
        "_MSG_TIMED_OUT",
        "REQUEST_TIMED_OUT",
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_FOR_PARTITION",
        "REPLICA_NOT_AVAILABLE",
        "BROKER_NOT_AVAILABLE",
        "NETWORK_EXCEPTION",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "FENCED_LEADER_EPOCH",
        "UNKNOWN_LEADER_EPOCH",
        "OFFSET_NOT_AVAILABLE",
        "KAFKA_STORAGE_ERROR",
        "NOT_ENOUGH_REPLICAS",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        "CONCURRENT_TRANSACTIONS",
        "UNSTABLE_OFFSET_COMMIT",
    ),
    Failure.AUTHENTICATION: (
        "_AUTHENTICATION",
        "_SSL",
        "SASL_AUTHENTICATION_FAILED",
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    ),
    Failure.GONE: (
        "_UNKNOWN_TOPIC",
        "_UNKNOWN_PARTITION",
        "UNKNOWN_TOPIC_OR_PART",
        "UNKNOWN_TOPIC_ID",
        "INCONSISTENT_TOPIC_ID",
    ),
    Failure.OUT_OF_RANGE: ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"),
    Failure.FENCED: ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"),
    Failure.DROPPED: ("_PURGE_QUEUE", "_PURGE_INFLIGHT"),
}
_BY_CODE = {getattr(KafkaError, name): failure for failure, names in _TABLE.items() for name in names}


def classify(error: KafkaError) -> Failure:
    """Return what to do about an error; an unknown retriable one is transient, an unknown other one fatal."""
    known = _BY_CODE.get(error.code())
    if known is not None:
        return known
    return Failure.TRANSIENT if error.retriable() else Failure.FATAL


def kafka_error(raised: KafkaException) -> KafkaError:
    """Return the error inside an exception of the client."""
    error: KafkaError = raised.args[0]
    return error


def stream_error(error: KafkaError, what: str, code: str) -> StreamError:
    """Return the error to raise: what we tried, what the client said, and who mends it.

    Args:
        error: The client's error.
        what: What was tried, such as ``topic events could not be read``.
        code: SOURCE_FAILED or SINK_FAILED, for what is neither the connection's nor the credentials' fault.
    """
    failure = classify(error)
    message = f"{what}: {error.str()} ({error.name()})."
    if failure is Failure.AUTHENTICATION:
        hint = "Look at the kafka.security.*, kafka.sasl.* and kafka.ssl.* options and at the ACLs."
        return StreamError("AUTHENTICATION_FAILED", message, hint=hint)
    if failure is Failure.TRANSIENT:
        hint = "Look at kafka.bootstrap.servers and whether the brokers run."
        return StreamError("BROKER_UNAVAILABLE", message, hint=hint)
    return StreamError(code, message, retry=Retry.NEVER if failure is Failure.FATAL and error.fatal() else None)


def refused(error: KafkaError, topic: str, size_bytes: int) -> StreamError:
    """Return the error for a record that was not stored; one that is too large is never tried again."""
    if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._INVALID_ARG}:  # noqa: SLF001 - the client's name
        message = f"a record of {size_bytes} bytes for topic {topic} was refused: {error.str()}."
        hint = (
            "Raise kafka.message.max.bytes and the topic's max.message.bytes, or make the record smaller. Where the "
            "record is small enough, lower kafka.batch.size, which bounds what is sent at once, to max.message.bytes."
        )
        return StreamError("SINK_FAILED", message, hint=hint, retry=Retry.NEVER)
    return stream_error(error, f"a record for topic {topic} was not stored", "SINK_FAILED")


def hides_the_cause(error: KafkaError) -> bool:
    """Return True for the code by which a broken client answers every call; being fenced is one of its causes."""
    return bool(error.code() == KafkaError._FATAL)  # noqa: SLF001 - the client's name


class Fenced(Enum):
    """What being fenced means; the broker says the same for all three."""

    SUPERSEDED = "superseded"  # another instance has claimed the query
    EXPIRED = "expired"  # our own transaction was open for too long
    UNCLEAR = "unclear"  # a rival has fenced us and has not claimed yet


def judge_fencing(mine: int, seen: Marker | None, age_s: float, timeout_s: float) -> Fenced:
    """Return what being fenced means.

    Args:
        mine: Our owner number.
        seen: The last committed marker.
        age_s: How long our transaction has been open.
        timeout_s: transaction.timeout.ms in seconds.
    """
    if seen is not None and seen.owner > mine:
        return Fenced.SUPERSEDED
    return Fenced.EXPIRED if age_s >= timeout_s else Fenced.UNCLEAR
