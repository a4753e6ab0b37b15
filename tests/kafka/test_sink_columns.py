"""Which columns become which part of a record, and what a reader of the topic then sees."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from headrace.contract import Marker
from headrace.errors import Retry, StreamError, StreamErrors
from headrace.testing.kafka import Kafka, Record
from headrace.types import BIGINT, BINARY, INT, STRING, ArrayType, StructType, struct
from headrace_plugins.kafka.sink import KafkaSink

pytestmark = pytest.mark.kafka

HEADERS = ArrayType(struct(key=STRING, value=BINARY))
OpenSink = Callable[..., KafkaSink]
NewTopic = Callable[..., str]


class LineEncoder:
    """Joins all columns of a row with commas."""

    def encode(self, rows: pa.Table) -> pa.Array:
        """Return one text per row."""
        return pa.array([",".join(str(value) for value in row.values()) for row in rows.to_pylist()], pa.string())


def deliver(sink: KafkaSink, query_id: str, rows: pa.Table) -> int:
    """Write one batch as the engine does."""
    sink.recover()
    marker = Marker(query_id, 0, "d", 1)
    sink.begin(marker)
    count = sink.write(rows)
    sink.commit(marker)
    return count


def stored(kafka: Kafka, topic: str) -> list[tuple[object, ...]]:
    """Return key, value, headers and partition of what a reader sees."""
    return [(r.key, r.value, r.headers, r.partition) for r in kafka.read_committed(topic)]


def refusals(open_sink: OpenSink, schema: StructType, **options: object) -> list[tuple[str, str | None]]:
    """Return messages and conditions of what is wrong with columns and options."""
    with pytest.raises(StreamErrors) as caught:
        open_sink(schema, "q", **options)
    return [(error.message, error.condition) for error in caught.value.errors]


def test_every_column_lands_in_its_part_of_the_record(kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """Text and bytes, headers with nulls, a chosen partition, and columns without a meaning are left out."""
    topic = new_topic(partitions=3)
    schema = struct(key=STRING, value=BINARY, headers=HEADERS, partition=INT, extra=BIGINT)
    rows = pa.Table.from_pylist(
        [
            {
                "key": "k",
                "value": b"v",
                "headers": [{"key": "h", "value": b"1"}, {"key": "n", "value": None}],
                "partition": 2,
                "extra": 1,
            },
            {"key": None, "value": None, "headers": None, "partition": 1, "extra": None},
            {"key": "", "value": b"", "headers": [], "partition": 0, "extra": 2},
        ],
        schema.arrow_schema(),
    )
    assert deliver(open_sink(schema, topic, topic=topic), topic, rows) == 3
    assert stored(kafka, topic) == [
        (b"", b"", (), 0),
        (None, None, (), 1),
        (b"k", b"v", (("h", b"1"), ("n", None)), 2),
    ]


def test_rows_of_one_key_stay_together_where_java_would_put_them(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """The murmur2 partitioner of the Java client: key 'a' of 3 partitions is 0, 'b' 1, 'c' 0, as its tests say."""
    topic = new_topic(partitions=3)
    schema = struct(key=STRING, value=STRING)
    rows = pa.table({"key": ["a", "b", "c", "d"] * 2, "value": ["x"] * 8})
    deliver(open_sink(schema, topic, topic=topic), topic, rows)
    places = {(r.key, r.partition) for r in kafka.read_committed(topic)}
    assert places == {(key.encode(), java_partition(key.encode(), 3)) for key in ("a", "b", "c", "d")}


def java_partition(key: bytes, partitions: int) -> int:
    """Return the partition that Java's default partitioner gives a key: positive murmur2 modulo partitions."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(key)) & mask
    whole = len(key) - len(key) % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if key[whole:]:
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return ((h ^ (h >> 15)) & 0x7FFFFFFF) % partitions


def test_a_topic_column_sends_rows_where_it_says(kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink) -> None:
    """Within the list of allowed topics; one transaction over both."""
    a, b = new_topic(), new_topic()
    schema = struct(topic=STRING, value=STRING)
    sink = open_sink(schema, a, topics=f"{a}, {b}")
    deliver(sink, a, pa.table({"topic": [a, b, a], "value": ["1", "2", "3"]}))
    assert [r.value for r in kafka.read_committed(a)] == [b"1", b"3"]
    assert [r.value for r in kafka.read_committed(b)] == [b"2"]


def test_a_foreign_or_null_topic_in_the_rows_fails_for_good(new_topic: NewTopic, open_sink: OpenSink) -> None:
    """Data must not choose topics nobody allowed."""
    topic = new_topic()
    sink = open_sink(struct(topic=STRING, value=STRING), topic, topics=topic)
    sink.recover()
    sink.begin(Marker(topic, 0, "d", 1))
    with pytest.raises(StreamError, match=rf"rows name the topics secret; allowed: {topic}") as caught:
        sink.write(pa.table({"topic": ["secret"], "value": ["1"]}))
    assert caught.value.retry is Retry.NEVER
    with pytest.raises(StreamError) as caught:
        sink.write(pa.table({"topic": pa.array([None], pa.string()), "value": ["1"]}))
    assert caught.value.condition == "KAFKA_NULL_TOPIC_IN_DATA"


def test_an_encoder_makes_the_value_and_a_named_column_the_key(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """The key column stays in the value; numbers become text."""
    topic = new_topic()
    schema = struct(gt=STRING, n=BIGINT)
    rows = pa.table({"gt": ["walk", None], "n": [1, 2]})
    deliver(open_sink(schema, topic, LineEncoder(), topic=topic, keyColumn="gt"), topic, rows)
    assert stored(kafka, topic) == [(b"walk", b"walk,1", (), 0), (None, b"None,2", (), 0)]
    numbers = new_topic()
    deliver(open_sink(schema, numbers, LineEncoder(), topic=numbers, keyColumn="n"), numbers, rows)
    assert [r.key for r in kafka.read_committed(numbers)] == [b"1", b"2"]


def test_at_least_once_needs_no_list_of_topics_and_keeps_no_marker(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """As Spark's own sink."""
    topic = new_topic()
    sink = open_sink(struct(topic=STRING, value=STRING), topic, delivery="at_least_once")
    assert deliver(sink, topic, pa.table({"topic": [topic], "value": ["1"]})) == 1
    assert (sink.delivery.value, sink.recover()) == ("at_least_once", None)
    assert kafka.read_committed(topic)[0].value == b"1"


def test_more_rows_than_the_clients_queue_are_written_in_order(
    kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """A full queue makes the sink wait, not fail."""
    topic = new_topic()
    sink = open_sink(struct(value=STRING), topic, topic=topic, **{"kafka.queue.buffering.max.messages": "1000"})
    values = [str(n) for n in range(20_000)]
    assert deliver(sink, topic, pa.table({"value": values})) == 20_000
    assert [(r.value or b"").decode() for r in kafka.read_committed(topic)] == values


def test_a_record_too_large_names_its_size_and_is_not_tried_again(new_topic: NewTopic, open_sink: OpenSink) -> None:
    """By our own client and by the broker."""
    small = new_topic(config={"max.message.bytes": "1000"})
    for topic, size in ((new_topic(), 2_000_000), (small, 5_000)):
        sink = open_sink(struct(value=STRING), topic, topic=topic)
        sink.recover()
        sink.begin(Marker(topic, 0, "d", 1))
        with pytest.raises(StreamError, match=f"a record of {size} bytes for topic {topic} was refused") as caught:
            _deliver(sink, pa.table({"value": ["x" * size]}))
        assert (caught.value.code, caught.value.retry) == ("SINK_FAILED", Retry.NEVER)
        sink.abort()


def _deliver(sink: KafkaSink, table: pa.Table) -> None:
    sink.write(table)
    sink.commit(Marker("q", 0, "", 1))


@pytest.mark.parametrize(
    ("schema", "options", "found"),
    [
        (struct(n=BIGINT), {"topic": "t"}, [("kafka sink: the column 'value' is missing; seen: n", True)]),
        (
            struct(value=BIGINT, key=INT, headers=STRING, partition=STRING),
            {"topic": "t"},
            [
                ("kafka sink: the column 'value' is BIGINT; allowed: STRING or BINARY", True),
                ("kafka sink: the column 'key' is INT; allowed: STRING or BINARY", True),
                (
                    "kafka sink: the column 'headers' is STRING; allowed: ARRAY<STRUCT<key: STRING, value: BINARY>>",
                    True,
                ),
                ("kafka sink: the column 'partition' is STRING; allowed: INT", True),
            ],
        ),
        (
            struct(value=STRING),
            {},
            [("kafka sink: the column 'topic' is missing; seen: value", True)],
        ),
        (
            struct(value=STRING, topic=STRING),
            {},
            [("exactly_once with a column topic needs to know the topics beforehand", False)],
        ),
        (
            struct(value=STRING),
            {"topic": "t", "keyColumn": "who"},
            [("kafka sink: the key column 'who' is missing; seen: value", True)],
        ),
    ],
)
def test_columns_that_do_not_fit_are_refused_at_once(
    open_sink: OpenSink, schema: StructType, options: dict[str, str], found: list[tuple[str, bool]]
) -> None:
    """Before anything runs, all findings together, with Spark's condition."""
    conditions = {True: "_LEGACY_ERROR_TEMP_3080", False: None}
    assert refusals(open_sink, schema, **options) == [(message, conditions[spark]) for message, spark in found]


def test_records_of_the_kit_are_plain_records(kafka: Kafka, new_topic: NewTopic) -> None:
    """Timestamps given are kept, so that tests can set event times."""
    topic = new_topic()
    assert kafka.produce(topic, [Record(b"x", timestamp_ms=7)]) == [Record(b"x", None, (), 0, 7, 0)]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_the_record_that_is_too_large_is_told_of_and_not_its_neighbours(
    delivery: str, kafka: Kafka, new_topic: NewTopic, open_sink: OpenSink
) -> None:
    """Brokers refuse all that came in one request; nothing of the batch is to be seen, and it is not tried again."""
    topic = new_topic(config={"max.message.bytes": "1000"})
    sink = open_sink(struct(value=STRING), topic, topic=topic, delivery=delivery, **{"kafka.linger.ms": "200"})
    sink.recover()
    sink.begin(Marker(topic, 0, "d", 1))
    sink.write(pa.table({"value": ["small", "x" * 5_000, "tail"]}))
    with pytest.raises(StreamError, match=f"a record of 5000 bytes for topic {topic} was refused") as caught:
        sink.commit(Marker(topic, 0, "d", 1))
    sink.abort()
    assert caught.value.retry is Retry.NEVER
    assert kafka.read_committed(topic) == []


def test_asking_names_the_topics_that_are_not_there_and_fences_nobody(new_topic: NewTopic, open_sink: OpenSink) -> None:
    """An instance that runs goes on."""
    topic = new_topic()
    running = open_sink(struct(value=STRING), topic, topic=topic)
    running.recover()
    running.begin(Marker(topic, 0, "d", 1))
    open_sink(struct(value=STRING), topic, topic=topic).ask()
    running.write(pa.table({"value": ["a"]}))
    running.commit(Marker(topic, 0, "d", 1))
    named = open_sink(struct(value=STRING, topic=STRING), topic, topics=f"{topic},nowhere-a,nowhere-b")
    with pytest.raises(StreamError) as caught:
        named.ask()
    assert (caught.value.code, caught.value.message) == (
        "SINK_FAILED",
        "there is no topic nowhere-a, nowhere-b to write to.",
    )
