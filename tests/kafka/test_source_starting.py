"""Where a new query starts, in every form Spark knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.errors import StreamError
from headrace.testing.kafka import Kafka, Record
from headrace_plugins.kafka.source import KafkaSource

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def topic(kafka: Kafka) -> str:
    """Two partitions: offsets 2 to 9 with timestamps 2000 to 9000 ms, and offsets 0 to 2 with 100 to 300 ms."""
    kafka.create_topic("starting", 2)
    kafka.produce("starting", [Record(b"%d" % n, partition=0, timestamp_ms=n * 1000) for n in range(10)])
    kafka.produce("starting", [Record(b"%d" % n, partition=1, timestamp_ms=(n + 1) * 100) for n in range(3)])
    kafka.delete_records("starting", {0: 2})
    return "starting"


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"startingOffsets": "earliest"}, {"0": 2, "1": 0}),
        ({"startingOffsets": "LATEST"}, {"0": 10, "1": 3}),
        ({"startingOffsets": '{"starting": {"0": 5, "1": -1}}'}, {"0": 5, "1": 3}),
        ({"startingOffsets": {"starting": {"0": -2, "1": 1}}}, {"0": 2, "1": 1}),
        ({"startingTimestamp": 250, "startingOffsetsByTimestamp": '{"starting": {"0": 1, "1": 1}}'}, {"0": 2, "1": 2}),
        ({"startingOffsetsByTimestamp": '{"starting": {"0": 4500, "1": 100}}'}, {"0": 5, "1": 0}),
        ({"startingTimestamp": 5000, "startingOffsetsByTimestampStrategy": "latest"}, {"0": 5, "1": 3}),
    ],
)
def test_every_form_of_start_gives_its_places(
    topic: str, open_source: Callable[..., KafkaSource], options: dict[str, Any], places: dict[str, int]
) -> None:
    """Precedence: startingTimestamp, then ...ByTimestamp, then startingOffsets."""
    assert open_source(subscribe=topic, **options).initial_offset() == {topic: places}


def test_a_timestamp_newer_than_all_records_is_an_error_by_default(
    topic: str, open_source: Callable[..., KafkaSource]
) -> None:
    """The strategy must be asked for."""
    with pytest.raises(StreamError, match=r"no record is as new .* starting-1 \(asked for 5000\)") as caught:
        open_source(subscribe=topic, startingTimestamp=5000).initial_offset()
    assert caught.value.hint == "Set startingOffsetsByTimestampStrategy: latest to start at the end."


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({"startingOffsets": '{"starting": {"0": 5}}'}, "KAFKA_START_OFFSET_DOES_NOT_MATCH_ASSIGNED"),
        (
            {"startingOffsetsByTimestamp": '{"starting": {"0": 5, "1": 5, "2": 5}}'},
            "KAFKA_TIMESTAMP_OFFSET_DOES_NOT_MATCH_ASSIGNED",
        ),
    ],
)
def test_places_must_name_exactly_the_partitions_there_are(
    topic: str, open_source: Callable[..., KafkaSource], options: dict[str, Any], condition: str
) -> None:
    """Neither one less nor one more."""
    with pytest.raises(StreamError) as caught:
        open_source(subscribe=topic, **options).initial_offset()
    assert caught.value.condition == condition


def test_an_explicit_offset_that_is_gone_is_data_loss(topic: str, open_source: Callable[..., KafkaSource]) -> None:
    """The error says what there is."""
    options = {"subscribe": topic, "startingOffsets": '{"starting": {"0": 1, "1": 0}}'}
    with pytest.raises(StreamError, match=r"starting-0 should start at offset 1; there is \[2, 10\]") as caught:
        open_source(**options).initial_offset()
    assert (caught.value.code, caught.value.condition) == ("DATA_LOSS", "KAFKA_DATA_LOSS.START_OFFSET_RESET")
    tolerant = open_source(**options, failOnDataLoss=False)
    assert tolerant.initial_offset() == {topic: {"0": 2, "1": 0}}
    assert tolerant.losses.offsets == 1


def test_assign_reads_only_the_partitions_named(topic: str, open_source: Callable[..., KafkaSource]) -> None:
    """Spark's description names them."""
    source = open_source(assign={topic: [1]})
    assert source.initial_offset() == {topic: {"1": 0}}
    assert source.latest_offset({topic: {"1": 0}}, limited=True) == {topic: {"1": 3}}
    assert source.describe() == "KafkaV2[Assign[starting-1]]"


def test_a_partition_that_does_not_exist_is_named(topic: str, open_source: Callable[..., KafkaSource]) -> None:
    """An assignment is not a wish."""
    with pytest.raises(StreamError, match="there are no partitions starting-7"):
        open_source(assign={topic: [0, 7]}).initial_offset()


def test_a_topic_that_does_not_exist_is_named(open_source: Callable[..., KafkaSource]) -> None:
    """Nothing is created by asking."""
    with pytest.raises(StreamError, match="there is no topic nowhere-to-be-seen") as caught:
        open_source(subscribe="nowhere-to-be-seen").initial_offset()
    assert caught.value.code == "SOURCE_FAILED"


def test_a_pattern_takes_whole_names_also_of_topics_that_come_later(
    kafka: Kafka, open_source: Callable[..., KafkaSource], topic_name: Callable[[], str]
) -> None:
    """Internal topics never match."""
    name = topic_name()
    kafka.create_topic(f"{name}-a")
    kafka.create_topic(f"x{name}-a")
    source = open_source(subscribePattern=f"{name}-.*|__.*")
    assert source.initial_offset() == {f"{name}-a": {"0": 0}}
    kafka.create_topic(f"{name}-b")
    kafka.produce(f"{name}-b", ["late"])
    end = source.latest_offset({f"{name}-a": {"0": 0}}, limited=True)
    assert end == {f"{name}-a": {"0": 0}, f"{name}-b": {"0": 1}}
    assert source.read({f"{name}-a": {"0": 0}}, end)["value"].to_pylist() == [b"late"]
    assert source.describe() == f"KafkaV2[SubscribePattern[{name}-.*|__.*]]"


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "u",
                "sasl.password": "p",
            },
            "SASL PLAIN mechanism handshake failed",
            "AUTHENTICATION_FAILED",
        ),
        ({"security.protocol": "SSL"}, r"SSL .*closed by peer", "BROKER_UNAVAILABLE"),
    ],
    ids=["sasl", "tls"],
)
def test_what_the_connection_says_is_the_error(
    options: dict[str, str], said: str, code: str, open_source: Callable[..., KafkaSource]
) -> None:
    """Questions are only told that time is up; where credentials are refused, none is asked again in vain."""
    given = {f"kafka.{name}": value for name, value in options.items()}
    few = {"fetchOffset.numRetries": 1 if code == "BROKER_UNAVAILABLE" else 99, "kafka.socket.timeout.ms": "1000"}
    source = open_source(subscribe="any", **given, **few)
    with pytest.raises(StreamError, match=said) as caught:
        source.initial_offset()
    assert caught.value.code == code


def test_a_name_that_does_not_resolve_is_told(kafka: Kafka, open_source: Callable[..., KafkaSource]) -> None:
    """After the tries that the options allow."""
    del kafka
    few = {"fetchOffset.numRetries": 1, "kafka.socket.timeout.ms": "1000"}
    source = open_source(subscribe="any", **few, **{"kafka.bootstrap.servers": "no.such.host.invalid:9092"})
    with pytest.raises(StreamError, match=r"Failed to resolve 'no\.such\.host\.invalid:9092'") as caught:
        source.initial_offset()
    assert (caught.value.code, caught.value.exit_code) == ("BROKER_UNAVAILABLE", 69)
