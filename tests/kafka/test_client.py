"""Settings for the client, and options that are refused before any broker is asked."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

from headrace.contract import SinkContext, SourceContext
from headrace.errors import StreamError, StreamErrors
from headrace.options import parse_options
from headrace.types import STRING, struct
from headrace_plugins.kafka import sink, source
from headrace_plugins.kafka.client import (
    FewRepeats,
    consumer_settings,
    producer_settings,
    shared_admin,
    user_settings,
)

BOOTSTRAP = {"kafka.bootstrap.servers": "localhost:9092"}


def settings(**written: Any) -> dict[str, str]:
    """Return the user's settings that options with dots written as two underscores give."""
    options = {key.replace("__", "."): value for key, value in written.items()}
    return user_settings(parse_options(source.SPEC, {**BOOTSTRAP, "subscribe": "t", **options}))


def build(**written: Any) -> list[str]:
    """Return the findings of a source's options."""
    options = {key.replace("__", "."): value for key, value in written.items()}
    with pytest.raises(StreamErrors) as caught:
        source.build(parse_options(source.SPEC, {**BOOTSTRAP, **options}), SourceContext("q", "s"))
    return [error.message for error in caught.value.errors]


def test_tls_and_sasl_options_reach_the_client_as_written() -> None:
    """The prefix goes, names and values stay."""
    assert settings(
        kafka__security__protocol="SASL_SSL",
        kafka__sasl__mechanism="SCRAM-SHA-512",
        kafka__sasl__username="ann",
        kafka__sasl__password="pw",
        kafka__ssl__ca__location="/ca.pem",
    ) == {
        "bootstrap.servers": "localhost:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ann",
        "sasl.password": "pw",
        "ssl.ca.location": "/ca.pem",
    }


def test_a_jaas_line_of_plain_or_scram_becomes_user_and_password() -> None:
    """Options of a Spark job can be taken over."""
    jaas = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="ann" password="p\'w";'
    assert settings(kafka__sasl__jaas__config=jaas) == {
        "bootstrap.servers": "localhost:9092",
        "sasl.username": "ann",
        "sasl.password": "p'w",
    }


def test_a_jaas_line_of_another_module_is_refused_without_showing_it() -> None:
    """Its password must not end in a log."""
    found = build(subscribe="t", kafka__sasl__jaas__config='my.LoginModule required password="secret";')
    assert found == ['the option "kafka.sasl.jaas.config" names a login module that is Java code']


def test_a_java_key_store_is_refused() -> None:
    """The client reads PEM."""
    found = build(subscribe="t", kafka__ssl__truststore__type="JKS")
    assert found == ["the option \"kafka.ssl.truststore.type\" has the value 'JKS'; allowed: PEM, PKCS12"]


def test_memory_of_the_consumer_follows_the_budget() -> None:
    """A sixty-fourth is queue, and no fetch is larger than the queue, nor takes much of one partition."""
    found = consumer_settings({"bootstrap.servers": "b"}, "g", 256 << 20)
    assert found["queued.max.messages.kbytes"] == 4 << 10
    assert found["fetch.max.bytes"] == 4 << 20
    assert found["max.partition.fetch.bytes"] == 256 << 10
    assert (found["enable.auto.commit"], found["auto.offset.reset"]) == (False, "error")
    assert found["isolation.level"] == "read_committed"


def test_a_frozen_broker_cannot_hold_a_stopping_consumer_for_longer_than_a_pod_may_take() -> None:
    """Kubernetes kills after 30 seconds; the client waits for the answer to a commit before it closes."""
    assert consumer_settings({}, "g", 64 << 20)["socket.timeout.ms"] == 15_000
    assert consumer_settings({"socket.timeout.ms": "9000"}, "g", 64 << 20)["socket.timeout.ms"] == "9000"


def test_the_users_settings_win_over_ours() -> None:
    """What is not refused is the user's to choose."""
    found = producer_settings({"bootstrap.servers": "b", "linger.ms": "50", "compression.type": "zstd"})
    assert (found["linger.ms"], found["compression.type"], found["partitioner"]) == ("50", "zstd", "murmur2_random")


@pytest.mark.parametrize(
    "key",
    [
        "kafka.auto.offset.reset",
        "kafka.key.deserializer",
        "kafka.value.deserializer",
        "kafka.enable.auto.commit",
        "kafka.interceptor.classes",
    ],
)
def test_keys_that_spark_rejects_are_rejected_by_name(key: str) -> None:
    """One finding, which says why."""
    with pytest.raises(StreamErrors, match=f'the option "{key}" is not supported: '):
        parse_options(source.SPEC, {**BOOTSTRAP, "subscribe": "t", key: "x"})


@pytest.mark.parametrize("key", ["kafka.key.serializer", "kafka.value.serializer", "kafka.transactional.id"])
def test_keys_the_sink_owns_are_rejected_by_name(key: str) -> None:
    """One finding, which says why."""
    with pytest.raises(StreamErrors, match=f'the option "{key}" is not supported: '):
        parse_options(sink.SPEC, {**BOOTSTRAP, "topic": "t", key: "x"})


def test_secrets_are_named_so_that_they_are_masked() -> None:
    """Both directions mask the same keys."""
    assert source.SPEC.passthrough[0].secret == sink.SPEC.passthrough[0].secret
    assert {"kafka.sasl.password", "kafka.sasl.jaas.config", "kafka.ssl.key.password"} <= set(
        source.SPEC.passthrough[0].secret
    )


def test_a_setting_the_client_does_not_know_is_refused_when_the_source_is_built() -> None:
    """No broker is needed to find a typing error."""
    assert build(subscribe="t", kafka__nonsense="1") == [
        'the Kafka client refuses the option "kafka.nonsense": No such configuration property: "nonsense".'
    ]


def test_kerberos_is_refused_by_its_name() -> None:
    """The client's package is built without it; what it is built with is said."""
    [found] = build(subscribe="t", kafka__security__protocol="SASL_SSL", kafka__sasl__mechanism="GSSAPI")
    assert "No provider for SASL mechanism GSSAPI" in found
    assert "PLAIN SASL_SCRAM OAUTHBEARER" in found


def test_the_sink_refuses_it_too() -> None:
    """Same rule, same words."""
    options = parse_options(sink.SPEC, {**BOOTSTRAP, "topic": "t", "kafka.nonsense": "1"})
    with pytest.raises(StreamError, match="No such configuration property"):
        sink.build(options, SinkContext("q", "k", struct(value=STRING), "append"))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "the options assign, subscribe and subscribePattern name the topics; seen: none of them."),
        (
            {"subscribe": "t", "assign": {"t": [0]}},
            "the options assign, subscribe and subscribePattern name the topics; seen: assign and subscribe.",
        ),
        (
            {"subscribe": "a,,b"},
            "the option \"subscribe\" has the value 'a,,b'; allowed: topic names separated by commas",
        ),
        ({"subscribe": ""}, "the option \"subscribe\" has the value ''; allowed: topic names separated by commas"),
        (
            {"assign": {"t": "x"}},
            'the option "assign" has the value \'{"t": "x"}\'; allowed: such as {"topic": [0, 1]}',
        ),
        ({"assign": {}}, "the option \"assign\" has the value '{}'; allowed: at least one partition"),
        (
            {"subscribe": "t", "endingOffsets": "latest"},
            'the option "endingOffsets" is for batch reads; a stream has no end',
        ),
        (
            {"subscribe": "t", "endingOffsetsByTimestamp": "{}"},
            'the option "endingOffsetsByTimestamp" is for batch reads; a stream has no end',
        ),
        ({"subscribe": "t", "startingOffsets": "newest"}, "the option \"startingOffsets\" has the value 'newest'."),
        (
            {"subscribe": "t", "startingOffsets": '{"t": {"0": -3}}'},
            "the option \"startingOffsets\" has the offsets {'t-0': -3};"
            " allowed: 0 and more, -1 (latest), -2 (earliest)",
        ),
        (
            {"subscribe": "t", "minOffsetsPerTrigger": 9, "maxOffsetsPerTrigger": 8},
            'the option "minOffsetsPerTrigger" has the value 9; allowed: up to 8, maxOffsetsPerTrigger',
        ),
        (
            {"subscribe": "t", "kafka.isolation.level": "serial"},
            'the Kafka client refuses the option "kafka.isolation.level": '
            'Invalid value "serial" for configuration property "isolation.level".',
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_one_finding_each(options: dict[str, Any], found: str) -> None:
    """Spark's list of refusals, without a broker."""
    assert build(**options) == [found]


def test_every_finding_is_reported_at_once() -> None:
    """Nobody mends a file error by error."""
    assert len(build(endingOffsets="latest", startingOffsets="x", kafka__nonsense="1")) == 4


def test_a_pattern_that_is_no_pattern_is_refused() -> None:
    """With what is wrong about it."""
    assert build(subscribePattern="a(")[0].startswith(
        "the option \"subscribePattern\" has the value 'a('; allowed: a regular"
    )


def test_the_clients_lines_are_logged_once_in_a_while_each_kind() -> None:
    """A broker that is away must not fill the log."""
    few = FewRepeats()

    def passes(line: str) -> bool:
        return few.filter(logging.LogRecord("n", logging.ERROR, "f", 1, line, None, None))

    lines = ["FAIL [a] refused", "FAIL [a] refused again", "FAIL [b] refused", "FATAL [a] fenced"]
    assert [passes(line) for line in lines] == [True, False, True, True]


def test_sources_of_one_cluster_share_an_admin_client_while_they_last() -> None:
    """Other settings are another client, and the last to let go ends it."""
    first = shared_admin({"bootstrap.servers": "127.0.0.1:1"})
    assert shared_admin({"bootstrap.servers": "127.0.0.1:1", "fetch.max.bytes": "1000"}) is first
    other = shared_admin({"bootstrap.servers": "127.0.0.1:1", "client.id": "other"})
    assert other is not first
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"subscribe": "a b!"}, "the option \"subscribe\" names 'a b!', which cannot be a topic."),
        ({"subscribe": "ok,.."}, "the option \"subscribe\" names '..', which cannot be a topic."),
        ({"assign": {"ü": [0]}}, "the option \"assign\" names 'ü', which cannot be a topic."),
        (
            {"subscribe": "t", "startingOffsets": {"t": {"0": 1.5}}},
            'the option "startingOffsets" has the value \'{"t": {"0": 1.5}}\'.',
        ),
        (
            {"subscribe": "t", "startingOffsetsByTimestamp": {"t": {"0": -7}}},
            "the option \"startingOffsetsByTimestamp\" has the times {'t-0': -7}; allowed: 0 and more.",
        ),
    ],
)
def test_names_and_places_that_cannot_be_are_refused_before_a_broker_is_asked(
    options: dict[str, Any], found: str
) -> None:
    """Brokers would say so in words of their own, or after the query has begun."""
    assert build(**options) == [found]


def test_a_topic_that_cannot_be_is_refused_by_the_sink() -> None:
    """In the option topic and in each name of the option topics."""
    for name in ("topic", "topics"):
        options = parse_options(sink.SPEC, {**BOOTSTRAP, name: "good,bad topic" if name == "topics" else "bad topic"})
        with pytest.raises(StreamError, match=f"the option \"{name}\" names 'bad topic', which cannot be a topic"):
            sink.build(options, SinkContext("q", "s", struct(value=STRING, topic=STRING), "append"))


def test_java_names_of_sizes_are_translated() -> None:
    """They mean the same; one that bounds a poll has no meaning here and says what has."""
    assert settings(kafka__max__request__size=5, kafka__receive__buffer__bytes=6, kafka__send__buffer__bytes=7) == {
        "bootstrap.servers": "localhost:9092",
        "message.max.bytes": "5",
        "socket.receive.buffer.bytes": "6",
        "socket.send.buffer.bytes": "7",
    }
    with pytest.raises(StreamErrors, match="maxOffsetsPerTrigger bounds a batch"):
        settings(kafka__max__poll__records=5)
