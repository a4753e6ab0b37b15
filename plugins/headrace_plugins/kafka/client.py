"""Plugins room: settings for librdkafka from a user's ``kafka.*`` options.

Takes options as Spark has them and gives dictionaries for the client; every default that would surprise a long-running
service is set here, and Java's names for credentials are translated.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from headrace.contract import Kind, Option, Options, Passthrough
from headrace.errors import StreamError
from headrace_plugins.kafka.failures import Failure, classify

_REPEAT_S = 10.0


class FewRepeats(logging.Filter):
    """Lets a client's lines of one kind through at most every ten seconds; it repeats itself while brokers are away."""

    def __init__(self) -> None:
        super().__init__()
        self._last_s: dict[tuple[str, ...], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True for a line that is not a repetition of its first two words, the kind and the client."""
        kind = tuple(record.getMessage().split(" ", 2)[:2])
        now = time.monotonic()
        if now - self._last_s.get(kind, -_REPEAT_S) < _REPEAT_S:
            return False
        self._last_s[kind] = now
        return True


LOGGER = logging.getLogger("headrace.kafka.client")
LOGGER.addFilter(FewRepeats())
PREFIX = "kafka."
SOCKET_TIMEOUT_S = 60.0
"""librdkafka's default for ``socket.timeout.ms``."""

SECRETS = (
    "kafka.sasl.password",
    "kafka.sasl.jaas.config",
    "kafka.sasl.oauthbearer.client.secret",
    "kafka.sasl.oauthbearer.config",
    "kafka.ssl.key.password",
    "kafka.ssl.key.pem",
    "kafka.ssl.keystore.password",
    "kafka.ssl.keystore.key",
    "kafka.ssl.truststore.password",
)
BOOTSTRAP = Option(
    "kafka.bootstrap.servers", Kind.STRING, "Brokers to ask first, host:port, separated by commas.", required=True
)

_EVERYWHERE = {
    "kafka.interceptor.classes": "interceptors are Java classes and could change or drop records unseen",
}
SOURCE_REJECTED = {
    **_EVERYWHERE,
    "kafka.auto.offset.reset": "where a query starts is said by startingOffsets; offsets then come from the checkpoint",
    "kafka.key.deserializer": "keys are bytes; decode them in the query",
    "kafka.value.deserializer": "values are bytes; decode them in the query or with decode",
    "kafka.enable.auto.commit": "the checkpoint holds the offsets; they are committed after each batch for lag tools",
    "kafka.enable.auto.offset.store": "the checkpoint holds the offsets",
    "kafka.max.poll.records": "maxOffsetsPerTrigger bounds a batch",
    "kafka.enable.partition.eof": "the source needs it to see the end of a partition",
}
SINK_REJECTED = {
    **_EVERYWHERE,
    "kafka.key.serializer": "keys are string or binary columns; encode them in the query",
    "kafka.value.serializer": "values are string or binary columns; encode them in the query or with encode",
    "kafka.transactional.id": "it must be stable and unique per query; use transactionalIdPrefix",
    "kafka.enable.idempotence": "it is always on",
}

_COMMON: dict[str, Any] = {
    "socket.keepalive.enable": True,
    "log.connection.close": False,
    "client.id": "headrace",
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 2_000,
}
_RENAMED = {
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.request.size": "message.max.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
}
_NAMED = re.compile(r'property:? "([^"]+)"')
_JAAS = re.compile(r"(\w+)\s*=\s*\"((?:[^\"\\]|\\.)*)\"")


def passthrough(rejected: Mapping[str, str]) -> Passthrough:
    """Return the rule for ``kafka.*`` options: all go to the client but these, and secrets are masked."""
    return Passthrough(PREFIX, "Any option of librdkafka, such as kafka.security.protocol.", rejected, SECRETS)


def user_settings(options: Options) -> dict[str, str]:
    """Return the user's ``kafka.*`` options under librdkafka's names.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID for a Java-only option that cannot be translated.
    """
    settings = {"bootstrap.servers": str(options[BOOTSTRAP.name])}
    for key, value in options.without_prefix(PREFIX).items():
        settings.update(_translated(key, value))
    return settings


def _translated(key: str, value: str) -> dict[str, str]:
    low = key.lower()
    if low == "sasl.jaas.config":
        return _from_jaas(value)
    if low in {"ssl.truststore.location", "ssl.truststore.type", "ssl.keystore.type"}:
        return _from_store(low, value)
    return {_RENAMED.get(low, low): value}


def _from_jaas(value: str) -> dict[str, str]:
    found = dict(_JAAS.findall(value))
    if not re.search(r"\b(Plain|Scram)LoginModule\b", value) or not {"username", "password"} <= found.keys():
        message = 'the option "kafka.sasl.jaas.config" names a login module that is Java code'
        hint = "Set kafka.sasl.mechanism, kafka.sasl.username and kafka.sasl.password."
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint)
    return {"sasl.username": found["username"], "sasl.password": found["password"]}


def _from_store(key: str, value: str) -> dict[str, str]:
    if key.endswith(".type"):
        if value.upper() in {"PEM", "PKCS12"}:
            return {}
        message = f'the option "kafka.{key}" has the value {value!r}; allowed: PEM, PKCS12'
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint="Convert the Java key store to PEM.")
    if value.endswith((".pem", ".crt", ".cer")):
        return {"ssl.ca.location": value}
    message = f'the option "kafka.{key}" names {value!r}, which is no PEM file'
    raise StreamError("PLUGIN_OPTION_INVALID", message, hint="Convert it and set kafka.ssl.ca.location.")


def admin_settings(user: Mapping[str, str]) -> dict[str, Any]:
    """Return settings for an admin client: the connection's part of the user's settings."""
    connection = {key: value for key, value in user.items() if key.startswith(_CONNECTION)}
    return {**_COMMON, **connection, "logger": LOGGER}


_CONNECTION = ("bootstrap.", "security.", "sasl.", "ssl.", "socket.", "client.", "broker.address", "metadata.")


def consumer_settings(user: Mapping[str, str], group: str, memory_budget_bytes: int) -> dict[str, Any]:
    """Return settings for the reading consumer.

    A sixty-fourth of the memory budget is librdkafka's queue and no fetch is larger than that: a message costs twice as
    much there as in a column, and the reading thread empties the queue anyway. The rest is for rows read ahead and for
    what the client decompresses beyond its limits (librdkafka issues 2076, 759). A fetch takes little of each
    partition, so that all advance together.
    """
    queue_bytes = max(1 << 20, memory_budget_bytes // 64)
    ours = {
        **_COMMON,
        "group.id": group,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "check.crcs": True,
        # close() waits so long for the answer to a commit; the client's minute is longer than Kubernetes waits.
        "socket.timeout.ms": 15_000,
        "fetch.wait.max.ms": 20,
        "fetch.error.backoff.ms": 20,
        "fetch.queue.backoff.ms": 5,
        "queued.min.messages": 100_000,
        "queued.max.messages.kbytes": queue_bytes >> 10,
        "fetch.max.bytes": max(1_000_000, queue_bytes),
        "max.partition.fetch.bytes": max(1 << 18, queue_bytes // 16),
    }
    return {**ours, **user, "logger": LOGGER}


def producer_settings(user: Mapping[str, str]) -> dict[str, Any]:
    """Return settings for a producer: idempotent, all replicas, Java's partitioner, short linger."""
    ours = {
        **_COMMON,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        # A transaction that follows another closely is asked to come again; 100 ms, the default, is many batches.
        "retry.backoff.ms": 10,
        "batch.num.messages": 100_000,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 64 << 10,
        "delivery.report.only.error": True,
    }
    return {**ours, **user, "logger": LOGGER}


def check_settings(user: Mapping[str, str]) -> None:
    """Refuse settings that librdkafka does not take; asks no broker.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID with librdkafka's words.
    """
    build_client(AdminClient, {**_COMMON, **user, "logger": LOGGER})


def build_client(kind: Any, settings: Mapping[str, Any]) -> Any:
    """Return a client of librdkafka.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when librdkafka refuses a setting.
    """
    try:
        return kind(dict(settings))
    except KafkaException as error:
        said = error.args[0].str()
        named = _NAMED.search(said)
        what = f'the option "{PREFIX}{named[1]}"' if named else "its settings"
        message = f"the Kafka client refuses {what}: {said}."
        hint = "kafka.* options are librdkafka's; see its CONFIGURATION page."
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint) from error


class Admin(AdminClient):
    """An admin client that keeps what its connection says; its own answers only say that time is up."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._heard: list[KafkaError] = []
        more: dict[str, Any] = {"error_cb": self._heard.append}
        super().__init__({**settings, **more})

    def hear(self) -> KafkaError | None:
        """Return what the connection complained of most tellingly since the last call."""
        self.poll(0)
        heard = sorted(self._heard, key=_tells)
        self._heard.clear()
        return heard[-1] if heard else None


def _tells(error: KafkaError) -> int:
    if classify(error) is Failure.AUTHENTICATION:
        return 2
    return int(error.code() != KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001 - the client's name


_admins: WeakValueDictionary[tuple[tuple[str, Any], ...], Admin] = WeakValueDictionary()
_admins_lock = threading.Lock()


def shared_admin(user: Mapping[str, str]) -> Admin:
    """Return an admin client for these settings, one for all who hold one now: each has five threads of its own.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when librdkafka refuses a setting.
    """
    settings = admin_settings(user)
    key = tuple(sorted(settings.items(), key=lambda item: item[0]))
    with _admins_lock:
        found = _admins.get(key)
        if found is None:
            found = _admins[key] = build_client(Admin, settings)
        return found
