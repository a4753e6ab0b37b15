"""Topics that change under a query: grown, deleted, recreated, cut off; and limits that depend on time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from headrace.clock import ManualClock
from headrace.contract import JsonValue, SourceContext
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.kafka import Kafka, Record, start_kafka
from headrace_plugins.kafka.source import SPEC, KafkaSource, build

pytestmark = pytest.mark.kafka

OpenSource = Callable[..., KafkaSource]
NewTopic = Callable[..., str]


@pytest.fixture
def three(kafka: Kafka, new_topic: NewTopic) -> str:
    """Spark's test topic: 101, 11 and 1 rows in three partitions."""
    topic = new_topic(partitions=3)
    for partition, (first, last) in enumerate([(100, 200), (10, 20), (1, 1)]):
        kafka.produce(topic, [Record(b"%d" % n, partition=partition) for n in range(first, last + 1)])
    return topic


def values(source: KafkaSource, start: object, end: object) -> list[int]:
    """Return the numbers read in a range, sorted."""
    return sorted(int(value) for value in source.read(start, end)["value"].to_pylist())  # type: ignore[arg-type]


def planned_and_checked(source: KafkaSource, start: JsonValue) -> JsonValue:
    """Return the end of a batch as the engine uses it: what it is planned from is looked at again before its commit."""
    end: JsonValue = source.latest_offset(start, limited=True)
    source.check_identity(source.identity())
    return end


def start_of(topic: str, partitions: int = 3) -> dict[str, dict[str, int]]:
    """Return the first place of a topic."""
    return {topic: {str(partition): 0 for partition in range(partitions)}}


def test_max_offsets_are_shared_out_as_in_spark(three: str, open_source: OpenSource) -> None:
    """Spark's case: {1, 10, 100-107}, {11, 108-116}, {12, 117-125}; trigger once reads all."""
    source = open_source(subscribe=three, maxOffsetsPerTrigger=10)
    place, batches = start_of(three), []
    for _ in range(3):
        end = source.latest_offset(place, limited=True)
        batches.append(values(source, place, end))
        place = {three: dict(end[three])}
    assert batches == [[1, 10, *range(100, 108)], [11, *range(108, 117)], [12, *range(117, 126)]]
    end = source.latest_offset(place, limited=False)
    assert values(source, place, end) == [*range(13, 21), *range(126, 201)]


def test_min_offsets_wait_for_rows_or_for_the_delay(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """Spark's case, min 15 and delay 5 s: 16 at once; 6 more wait; 18 run; fewer run after 5 s."""
    topic, clock = new_topic(), ManualClock(10_000_000)
    source = open_source(clock, subscribe=topic, minOffsetsPerTrigger=15, maxTriggerDelay="5s")
    place = start_of(topic, 1)

    def after(rows: int) -> int:
        nonlocal place
        kafka.produce(topic, ["x"] * rows)
        end = source.latest_offset(place, limited=True)
        read: int = source.read(place, end).num_rows
        place = {topic: dict(end[topic])}
        return read

    assert [after(16), after(6), after(12), after(3)] == [16, 0, 18, 0]
    clock.advance(4_999_999)
    assert after(1) == 0
    clock.advance(1)
    assert after(0) == 4


def test_min_and_max_offsets_work_together(three: str, open_source: OpenSource) -> None:
    """The first batch runs and is limited; shares as Spark computes them."""
    source = open_source(subscribe=three, minOffsetsPerTrigger=15, maxOffsetsPerTrigger=20)
    end = source.latest_offset(start_of(three), limited=True)
    assert values(source, start_of(three), end) == [1, 10, *range(100, 117)]


def test_a_frozen_source_reads_what_was_there_in_limited_batches(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Spark's case: 15 rows, max 5, three batches; rows added meanwhile wait for the next run."""
    topic = new_topic()
    kafka.produce(topic, [str(n) for n in range(15)])
    source = open_source(subscribe=topic, maxOffsetsPerTrigger=5, minOffsetsPerTrigger=5)
    source.freeze()
    kafka.produce(topic, ["99"])
    place, batches = start_of(topic, 1), []
    while (end := source.latest_offset(place, limited=True)) != place:
        batches.append(values(source, place, end))
        place = {topic: dict(end[topic])}
    assert batches == [[*range(5)], [*range(5, 10)], [*range(10, 15)]]


def test_partitions_added_while_running_are_read_from_their_first_offset(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Rows written before anybody noticed the partition are not missed."""
    topic = new_topic()
    kafka.produce(topic, ["0"])
    source = open_source(subscribe=topic)
    first = source.latest_offset(start_of(topic, 1), limited=True)
    assert values(source, start_of(topic, 1), first) == [0]
    kafka.add_partitions(topic, 3)
    kafka.produce(topic, [Record(b"1", partition=1), Record(b"2", partition=2), Record(b"3", partition=2)])
    second = source.latest_offset(first, limited=True)
    assert second == {topic: {"0": 1, "1": 1, "2": 2}}
    assert source.offset_rows(first, second) == 3
    assert values(source, first, second) == [1, 2, 3]


def test_an_added_partition_whose_first_rows_are_gone_is_data_loss(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """The lost range is named; tolerated, the rest is read and the loss counted."""
    topic = new_topic()
    strict, tolerant = open_source(subscribe=topic), open_source(subscribe=topic, failOnDataLoss=False)
    kafka.add_partitions(topic, 2)
    kafka.produce(topic, [Record(b"%d" % n, partition=1) for n in range(5)])
    kafka.delete_records(topic, {1: 2})
    with pytest.raises(StreamError, match=rf"partition {topic}-1 starts at offset 2; \[0, 2\) is gone") as caught:
        strict.latest_offset(start_of(topic, 1), limited=True)
    assert caught.value.condition == "KAFKA_DATA_LOSS.ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO"
    end = tolerant.latest_offset(start_of(topic, 1), limited=True)
    assert values(tolerant, start_of(topic, 1), end) == [2, 3, 4]


def test_records_deleted_before_they_were_read_stop_the_query_with_the_lost_range(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """As retention does it."""
    topic = new_topic()
    kafka.produce(topic, [str(n) for n in range(10)])
    kafka.delete_records(topic, {0: 6})
    source = open_source(subscribe=topic)
    with pytest.raises(StreamError) as caught:
        source.read({topic: {"0": 2}}, {topic: {"0": 10}})
    assert (caught.value.code, caught.value.condition, caught.value.message) == (
        "DATA_LOSS",
        "KAFKA_DATA_LOSS.COULD_NOT_READ_OFFSET_RANGE",
        f"offsets [2, 6) of {topic}-0 are gone; the first there is 6.",
    )
    assert "failOnDataLoss: false" in str(caught.value.hint)


def test_records_deleted_are_skipped_and_counted_when_loss_is_allowed(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Also when the whole range is gone."""
    topic = new_topic()
    kafka.produce(topic, [str(n) for n in range(10)])
    kafka.delete_records(topic, {0: 6})
    source = open_source(subscribe=topic, failOnDataLoss=False)
    assert values(source, {topic: {"0": 2}}, {topic: {"0": 10}}) == [6, 7, 8, 9]
    assert source.losses.offsets == 4
    assert values(source, {topic: {"0": 1}}, {topic: {"0": 5}}) == []
    assert source.losses.offsets == 8
    assert values(source, {topic: {"0": 5}}, {topic: {"0": 8}}) == [6, 7]
    assert source.losses.offsets == 9


def test_a_deleted_topic_stops_the_query_or_is_left_out(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Between two batches; the other topic goes on when loss is allowed."""
    gone, kept = new_topic(), new_topic()
    kafka.produce(gone, ["1"])
    kafka.produce(kept, ["2"])
    both, clock = {"subscribe": f"{gone},{kept}"}, ManualClock(10_000_000)
    strict, tolerant = open_source(**both), open_source(clock, **both, failOnDataLoss=False)
    start = {**start_of(gone, 1), **start_of(kept, 1)}
    for source in (strict, tolerant):
        assert values(source, start, source.latest_offset(start, limited=True)) == [1, 2]
    end = tolerant.latest_offset(start, limited=True)
    kafka.delete_topic(gone)
    with pytest.raises(StreamError) as caught:
        planned_and_checked(strict, end)
    assert (caught.value.code, caught.value.condition) == ("SOURCE_CHANGED", "KAFKA_DATA_LOSS.PARTITIONS_DELETED")
    kafka.produce(kept, ["3"])
    clock.advance(1_000_000)
    after = tolerant.latest_offset(end, limited=True)
    assert after == {kept: {"0": 2}}
    assert values(tolerant, end, after) == [3]


def test_a_run_that_ends_reads_a_topic_that_came_back(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """With available_now, where loss is allowed: gone in one run, there again in a later one, from its first record.

    Also after a log that still names the id it had, with no place in it.
    """
    topic = new_topic()
    kafka.produce(topic, ["1"])
    tolerant = {"subscribe": topic, "failOnDataLoss": False}
    first = open_source(**tolerant)
    end = first.latest_offset(start_of(topic, 1), limited=True)
    old = first.identity()
    kafka.delete_topic(topic)
    second = open_source(**tolerant)
    second.check_identity(old)
    second.freeze()
    assert second.latest_offset(end, limited=True) == {}
    assert second.identity() == {}
    kafka.create_topic(topic)
    kafka.produce(topic, ["2"])
    known: list[JsonValue] = [{}, old]
    for logged in known:
        third = open_source(**tolerant)
        third.check_identity(logged)
        third.freeze()
        after = third.latest_offset({}, limited=True)
        assert after == end
        assert values(third, {}, after) == [2]
        assert third.identity() not in ({}, old)


def test_a_recreated_topic_is_noticed_by_its_id_even_when_offsets_fit(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """The new topic has more rows than were read of the old one; offsets alone would tell nothing."""
    topic = new_topic()
    kafka.produce(topic, ["1"])
    clock = ManualClock(10_000_000)
    strict, tolerant = open_source(subscribe=topic), open_source(clock, subscribe=topic, failOnDataLoss=False)
    logged = strict.identity()
    end = {topic: {"0": 1}}
    for source in (strict, tolerant):
        assert source.latest_offset(start_of(topic, 1), limited=True) == end
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    kafka.produce(topic, ["7", "8", "9"])
    clock.advance(1_000_000)
    with pytest.raises(StreamError, match="deleted and created anew") as caught:
        planned_and_checked(strict, end)
    assert caught.value.code == "SOURCE_CHANGED"
    restarted = open_source(subscribe=topic)
    with pytest.raises(StreamError, match="deleted and created anew"):
        restarted.check_identity(logged)
    without = tolerant.latest_offset(end, limited=True)
    assert without == {}
    again = tolerant.latest_offset(without, limited=True)
    assert values(tolerant, without, again) == [7, 8, 9]


def test_the_identity_of_an_unchanged_topic_is_accepted(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Rows and partitions may come; the id stays."""
    topic = new_topic()
    logged = open_source(subscribe=topic).identity()
    assert list(logged) == [topic]
    kafka.add_partitions(topic, 2)
    open_source(subscribe=topic).check_identity(logged)


def test_a_broker_that_is_not_there_is_named_as_the_cause(open_source: OpenSource) -> None:
    """After the tries the options allow."""
    source = open_source(
        subscribe="t",
        **{"kafka.bootstrap.servers": "127.0.0.1:1", "fetchOffset.numRetries": 0, "kafka.socket.timeout.ms": 1000},
    )
    with pytest.raises(StreamError) as caught:
        source.initial_offset()
    assert (caught.value.code, caught.value.exit_code) == ("BROKER_UNAVAILABLE", 69)


@pytest.mark.slow
def test_a_source_outlives_a_frozen_and_a_restarted_broker() -> None:
    """Reads go on where they stopped; nothing is lost or read twice."""
    with start_kafka(managed=True) as own:
        own.create_topic("t")
        own.produce("t", ["0", "1"])
        written = {"kafka.bootstrap.servers": own.bootstrap, "subscribe": "t", "fetchOffset.numRetries": 50}
        with closing(build(parse_options(SPEC, written), SourceContext("q", "s"))) as source:
            one = source.latest_offset(start_of("t", 1), limited=True)
            assert values(source, start_of("t", 1), one) == [0, 1]
            own.restart()
            own.produce("t", ["2"])
            two = source.latest_offset(one, limited=True)
            assert values(source, one, two) == [2]
            own.produce("t", ["3"])
            three = source.latest_offset(two, limited=True)
            own.pause()
            timer = threading.Timer(1.0, own.resume)
            timer.start()
            assert values(source, two, three) == [3]
            timer.join()
