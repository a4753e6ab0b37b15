"""The sink's transactions on a real broker: markers, owners, timeouts, restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, IsolationLevel, Producer, TopicPartition
from tests.kafka.proxy import END_TXN, Proxy

from headrace.clock import SystemClock
from headrace.contract import Marker, SinkContext
from headrace.errors import IndoubtError, StreamError, SupersededError
from headrace.options import parse_options
from headrace.testing.kafka import BrokerSettings, Kafka, start_kafka
from headrace.testing.kafka.ports import HOST, free_ports
from headrace.testing.sink_kit import KIT_CONTEXT, KIT_SCHEMA, check_sink
from headrace.types import STRING, struct
from headrace_plugins.kafka.sink import SPEC, KafkaSink, build

pytestmark = pytest.mark.kafka

SCHEMA = struct(value=STRING)
OpenSink = Callable[..., KafkaSink]
NewTopic = Callable[..., str]


def rows(*values: str) -> pa.Table:
    """Return a batch."""
    return pa.table({"value": list(values)})


def marker(topic: str, batch: int, owner: int = 1) -> Marker:
    """Return the marker of a batch."""
    return Marker(topic, batch, f"delta-{batch}", owner)


def write(sink: KafkaSink, batch: Marker, *values: str) -> None:
    """Begin and write the batch of a marker, without its end."""
    sink.begin(batch)
    sink.write(rows(*values))


def port_of(kafka: Kafka) -> int:
    """Return the port the broker listens on."""
    return int(kafka.bootstrap.partition(":")[2])


def seen(kafka: Kafka, topic: str) -> list[bytes | None]:
    """Return the values that a read_committed reader sees."""
    return [record.value for record in kafka.read_committed(topic)]


def test_every_law_of_a_sink_holds(kafka: Kafka, new_topic: NewTopic) -> None:
    """The shipped conformance kit, with crashes between all steps and two owners."""
    topic = new_topic(partitions=2)
    written = {"kafka.bootstrap.servers": kafka.bootstrap, "topic": topic, "transactionalIdPrefix": topic}

    def read_visible() -> list[str]:
        return [(record.value or b"").decode() for record in kafka.read_committed(topic)]

    assert KIT_CONTEXT.schema == KIT_SCHEMA
    check_sink(lambda: build(parse_options(SPEC, written), KIT_CONTEXT), read_visible)


def test_output_and_marker_become_visible_together(kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """Before the commit a reader sees nothing; after it a new owner finds the marker."""
    topic = new_topic()
    sink = open_sink(SCHEMA, topic, topic=topic)
    assert sink.recover() is None
    write(sink, marker(topic, 0), "a", "b")
    assert seen(kafka, topic) == []
    sink.commit(marker(topic, 0))
    assert open_sink(SCHEMA, topic, topic=topic).recover() == marker(topic, 0)
    assert seen(kafka, topic) == [b"a", b"b"]


def test_an_aborted_batch_leaves_rows_nobody_sees_and_the_marker_as_it_was(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """The batch can be written anew by the same sink."""
    topic = new_topic()
    sink = open_sink(SCHEMA, topic, topic=topic)
    sink.recover()
    write(sink, marker(topic, 0), "a")
    sink.commit(marker(topic, 0))
    write(sink, marker(topic, 1), "dropped")
    sink.abort()
    sink.abort()
    write(sink, marker(topic, 1), "b")
    sink.commit(marker(topic, 1))
    assert open_sink(SCHEMA, topic, topic=topic).recover() == marker(topic, 1)
    assert seen(kafka, topic) == [b"a", b"b"]
    sent = [r.value for r in kafka.read(topic, IsolationLevel.READ_UNCOMMITTED)]
    assert sent in ([b"a", b"b"], [b"a", b"dropped", b"b"])  # sent before the abort, or not yet


def test_a_claim_changes_the_owner_and_nothing_else(kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """It may also be repeated, to keep the marker alive while the query is idle."""
    topic = new_topic()
    first = open_sink(SCHEMA, topic, topic=topic)
    first.recover()
    write(first, marker(topic, 4), "a")
    first.commit(marker(topic, 4))
    second = open_sink(SCHEMA, topic, topic=topic)
    assert second.recover() == marker(topic, 4)
    second.claim(marker(topic, 4, owner=2))
    second.claim(marker(topic, 4, owner=2))
    assert open_sink(SCHEMA, topic, topic=topic).recover() == marker(topic, 4, owner=2)
    assert seen(kafka, topic) == [b"a"]


@pytest.mark.parametrize("step", ["begin", "write", "commit"])
def test_the_first_of_two_owners_is_superseded_wherever_it_is(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink, step: str
) -> None:
    """It learns so at its next step, and nothing of it becomes visible."""
    topic = new_topic()
    first, second = open_sink(SCHEMA, topic, topic=topic), open_sink(SCHEMA, topic, topic=topic)
    first.recover()
    first.claim(marker(topic, -1, owner=1))
    if step != "begin":
        first.begin(marker(topic, 0))
    if step == "commit":
        first.write(rows("ghost"))
    second.recover()
    second.claim(marker(topic, -1, owner=2))
    write(second, marker(topic, 0, owner=2), "real")
    second.commit(marker(topic, 0, owner=2))

    def go_on() -> None:
        if step == "begin":
            first.begin(marker(topic, 0))
        if step != "commit":
            first.write(rows("ghost"))
        first.commit(marker(topic, 0, owner=1))

    with pytest.raises(SupersededError, match="another instance has taken over this query"):
        go_on()
    write(second, marker(topic, 1, owner=2), "more")
    second.commit(marker(topic, 1, owner=2))
    assert seen(kafka, topic) == [b"real", b"more"]


@pytest.mark.slow
def test_a_rival_that_has_not_claimed_yet_is_waited_for(kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """Fenced while young with our own number in the marker: look again until the rival's number is there."""
    topic = new_topic()
    first, second = open_sink(SCHEMA, topic, topic=topic), open_sink(SCHEMA, topic, topic=topic)
    first.recover()
    first.claim(marker(topic, -1, owner=1))
    write(first, marker(topic, 0), "ghost")
    second.recover()
    timer = threading.Timer(1.0, second.claim, [marker(topic, -1, owner=2)])
    timer.start()
    with pytest.raises(SupersededError, match="owner 2"):
        first.commit(marker(topic, 0, owner=1))
    timer.join()
    assert seen(kafka, topic) == []


def test_an_owner_that_recovers_does_not_wait_for_its_own_open_transaction(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """Its new marker is with the broker already and not committed; only the transaction's timeout would settle it."""
    topic = new_topic()
    sink = open_sink(SCHEMA, topic, topic=topic)
    sink.recover()
    sink.claim(marker(topic, -1, owner=1))
    name = f"headrace-{topic}"
    pending = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name})
    group = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"{name}.marker"})
    pending.init_transactions(30)
    pending.begin_transaction()
    place = TopicPartition(topic, 0, 1, marker(topic, 0, owner=1).to_json())
    pending.send_offsets_to_transaction([place], group.consumer_group_metadata(), 30)
    group.close()
    clock = SystemClock()
    started_s = clock.monotonic_s()
    assert sink.recover(1) == marker(topic, -1, owner=1)
    assert clock.monotonic_s() - started_s < 15
    write(sink, marker(topic, 0), "a")
    sink.commit(marker(topic, 0, owner=1))
    assert seen(kafka, topic) == [b"a"]


@pytest.mark.slow
def test_a_transaction_open_for_too_long_is_in_doubt_and_recovery_goes_on(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """The broker says fenced, as for a rival; owner and age tell the difference."""
    topic = new_topic()
    sink = open_sink(SCHEMA, topic, topic=topic, **{"kafka.transaction.timeout.ms": "1000"})
    sink.recover()
    sink.claim(marker(topic, -1))
    write(sink, marker(topic, 0), "late")
    # The open transaction pins the last stable offset; the coordinator's abort frees it.
    clock, deadline = SystemClock(), SystemClock().monotonic_s() + 20
    while kafka.end_offsets(topic) == {0: 0}:
        assert clock.monotonic_s() < deadline, "the coordinator never gave up on the transaction"
        clock.wait(threading.Event(), 0.1)
    with pytest.raises(IndoubtError, match="the broker allows 1 s"):
        sink.commit(marker(topic, 0))
    assert sink.recover() == marker(topic, -1)
    write(sink, marker(topic, 0), "again")
    sink.commit(marker(topic, 0))
    assert seen(kafka, topic) == [b"again"]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_missing_topic_is_an_error_that_names_it(delivery: str, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """At the start, of brokers that do not create topics by themselves; any of those a column may name."""
    schema = struct(value=STRING, topic=STRING)
    sink = open_sink(schema, "nowhere", topics=f"{new_topic()},nowhere-at-all", delivery=delivery)
    with pytest.raises(StreamError) as caught:
        sink.recover()
    assert str(caught.value) == (
        "[SINK_FAILED] there is no topic nowhere-at-all to write to. Create it, or correct the name."
    )


def test_a_topic_that_goes_while_rows_are_written_is_named(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """The batch fails, and the next start says that the topic is missing."""
    topic = new_topic()
    sink = open_sink(SCHEMA, topic, topic=topic, **{"kafka.message.timeout.ms": "2000"})
    sink.recover()
    kafka.delete_topic(topic)
    write(sink, marker(topic, 0), "a")
    with pytest.raises(StreamError, match=topic):
        sink.commit(marker(topic, 0))
    sink.abort()
    with pytest.raises(StreamError, match=f"there is no topic {topic} to write to"):
        sink.recover()


@pytest.mark.slow
def test_marker_and_rows_survive_the_broker_and_a_frozen_one_leaves_doubt() -> None:
    """After a kill the marker is read back; a commit into a frozen broker is in doubt, and the marker decides."""
    with start_kafka(managed=True) as own:
        own.create_topic("t")
        written = {
            "kafka.bootstrap.servers": own.bootstrap,
            "topic": "t",
            "kafka.socket.timeout.ms": "1500",
            "kafka.transaction.timeout.ms": "10000",
        }
        sink = build(parse_options(SPEC, written), SinkContext("q", "k", SCHEMA, "append"))
        sink.recover()
        sink.claim(marker("q", -1))
        write(sink, marker("q", 0), "a")
        sink.commit(marker("q", 0))
        own.kill()
        own.restart()
        assert sink.recover() == marker("q", 0)
        sink.claim(marker("q", 0, owner=2))
        write(sink, marker("q", 1, owner=2), "b")
        own.pause()
        timer = threading.Timer(4.0, own.resume)
        timer.start()
        outcome = "committed"
        try:
            sink.commit(marker("q", 1, owner=2))
        except IndoubtError:
            outcome = "in doubt"
        timer.join()
        found = sink.recover()
        assert found in {marker("q", 0, owner=2), marker("q", 1, owner=2)}
        assert outcome == "in doubt" or found == marker("q", 1, owner=2)
        if found != marker("q", 1, owner=2):
            write(sink, marker("q", 1, owner=2), "b")
            sink.commit(marker("q", 1, owner=2))
        assert seen(own, "t") == [b"a", b"b"]
        sink.close()


@pytest.mark.slow
def test_a_commit_whose_answer_was_lost_happened_once() -> None:
    """The connection breaks after the broker got the transaction's end; the client sends it again."""
    front, _ = free_ports()
    advertised = {"advertised.listeners": f"BROKER://{HOST}:{front}"}
    with start_kafka(BrokerSettings(advertised), managed=True) as own, Proxy(front, port_of(own)) as proxy:
        own.create_topic("t")
        written = {"kafka.bootstrap.servers": f"{HOST}:{front}", "topic": "t"}
        sink = build(parse_options(SPEC, written), SinkContext("q", "k", SCHEMA, "append"))
        sink.recover()
        sink.claim(marker("q", -1))
        write(sink, marker("q", 0), "a")
        proxy.cut_after(END_TXN)
        sink.commit(marker("q", 0))
        write(sink, marker("q", 1), "b")
        sink.commit(marker("q", 1))
        assert proxy.cuts == 1
        assert seen(own, "t") == [b"a", b"b"]
        assert sink.recover() == marker("q", 1)
        sink.close()
