"""What a Kafka source reads: rows, ranges, transactions, memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer, IsolationLevel, Producer, TopicPartition

from headrace.clock import ManualClock
from headrace.contract import SourceContext, SourceLag
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.kafka import Kafka, Record, start_kafka
from headrace.testing.source_kit import check_source
from headrace.types import BIGINT, BINARY, INT, STRING, TIMESTAMP, ArrayType, struct
from headrace_plugins.kafka.source import SPEC, KafkaSource, build

pytestmark = pytest.mark.kafka

OpenSource = Callable[..., KafkaSource]
NewTopic = Callable[..., str]


def eventually(claim: Callable[[], bool]) -> None:
    """Wait until the claim holds, within a deadline."""
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "the awaited did not happen"
        threading.Event().wait(0.02)


@contextmanager
def transactions(kafka: Kafka, name: str) -> Iterator[Callable[[str, list[bytes], str], None]]:
    """Gives a function that produces values to partition 0 and then commits, aborts or leaves the transaction open."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name, "log_level": 0})
    producer.init_transactions()
    state = {"open": False}

    def run(topic: str, values: list[bytes], then: str) -> None:
        if not state["open"]:
            producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        producer.flush()
        state["open"] = then == "open"
        if then == "commit":
            producer.commit_transaction()
        elif then == "abort":
            producer.abort_transaction()
        if then != "open":
            # The marker is written a moment after the transaction's end is decided.
            eventually(lambda: kafka.end_offsets(topic) == kafka.end_offsets(topic, IsolationLevel.READ_UNCOMMITTED))

    yield run
    producer.close()


def test_every_law_of_a_source_holds(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """The shipped conformance kit, over three partitions."""
    topic = new_topic(partitions=3)
    count = iter(range(1_000_000))

    def feed(rows: int) -> None:
        kafka.produce(topic, [f"{next(count)}" for _ in range(rows)])

    check_source(lambda: open_source(subscribe=topic), feed)


def test_a_row_has_sparks_columns_and_types(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """Null and empty stay different; headers are null when there are none."""
    topic = new_topic()
    kafka.produce(topic, [Record(b"v", b"k", (("h", b"1"), ("h", None)), 0, 1_500), Record(None, None, (), 0, 2_000)])
    source = open_source(subscribe=topic, includeHeaders=True)
    assert source.schema == struct(
        key=BINARY,
        value=BINARY,
        topic=STRING,
        partition=INT,
        offset=BIGINT,
        timestamp=TIMESTAMP,
        timestampType=INT,
        headers=ArrayType(struct(key=STRING, value=BINARY)),
    )
    rows = source.read({topic: {"0": 0}}, {topic: {"0": 2}})
    assert rows.schema == source.schema.arrow_schema()
    assert rows.to_pylist() == [
        {
            "key": b"k",
            "value": b"v",
            "topic": topic,
            "partition": 0,
            "offset": 0,
            "timestamp": datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC),
            "timestampType": 0,
            "headers": [{"key": "h", "value": b"1"}, {"key": "h", "value": None}],
        },
        {
            "key": None,
            "value": None,
            "topic": topic,
            "partition": 0,
            "offset": 1,
            "timestamp": datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC),
            "timestampType": 0,
            "headers": None,
        },
    ]


def test_log_append_time_is_type_one(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """The broker's clock, said so in the row."""
    topic = new_topic(config={"message.timestamp.type": "LogAppendTime"})
    kafka.produce(topic, ["x"])
    rows = open_source(subscribe=topic).read({topic: {"0": 0}}, {topic: {"0": 1}})
    assert rows["timestampType"].to_pylist() == [1]


def test_only_selected_columns_come_in_the_order_asked(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Even none at all, for a count."""
    topic = new_topic()
    kafka.produce(topic, ["a", "b"])
    bounds = ({topic: {"0": 0}}, {topic: {"0": 2}})
    two = open_source(subscribe=topic)
    two.select(["offset", "value"])
    assert two.read(*bounds).to_pylist() == [{"offset": 0, "value": b"a"}, {"offset": 1, "value": b"b"}]
    none = open_source(subscribe=topic)
    none.select([])
    assert (none.read(*bounds).num_rows, none.schema) == (2, struct())


def test_the_same_range_gives_the_same_rows_again_and_elsewhere(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Replay after a crash, in this process and in another; also when more was read ahead."""
    topic = new_topic(partitions=4)
    kafka.produce(topic, [Record(b"%d" % n, partition=n % 4) for n in range(4_000)])
    a, b, c = ({topic: {str(p): n for p in range(4)}} for n in (100, 400, 1_000))
    source = open_source(subscribe=topic)
    first = source.read(a, b)
    assert first["value"].to_pylist() == [b"%d" % (n * 4 + p) for p in range(4) for n in range(100, 400)]
    later = source.read(b, c)
    assert source.read(a, b).equals(first)
    assert open_source(subscribe=topic).read(a, b).equals(first)
    assert open_source(subscribe=topic).read(b, c).equals(later)


def test_a_range_that_ends_in_transaction_markers_is_read_to_its_end(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """The last offsets of the range are markers and aborted records, which no message tells of."""
    topic = new_topic()
    with transactions(kafka, topic) as run:
        run(topic, [b"a", b"b"], "commit")
        run(topic, [b"lost"] * 5, "abort")
    source = open_source(subscribe=topic)
    end = source.latest_offset({topic: {"0": 0}}, limited=True)
    assert end == {topic: {"0": 9}}  # a b marker, five aborted, marker
    assert source.read({topic: {"0": 0}}, end)["value"].to_pylist() == [b"a", b"b"]
    assert source.read({topic: {"0": 2}}, end).num_rows == 0
    assert source.read({topic: {"0": 2}}, {topic: {"0": 5}}).num_rows == 0


def test_limited_batches_over_transactions_are_those_of_spark(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Max 3: five uncommitted give nothing; committed they give {0,1,2}, {3,4}; five aborted give two empty batches."""
    topic = new_topic()
    source = open_source(subscribe=topic, maxOffsetsPerTrigger=3)
    place: dict[str, dict[str, int]] = {topic: {"0": 0}}
    batches: list[list[bytes]] = []

    def run_batches() -> None:
        nonlocal place
        while (end := source.latest_offset(place, limited=True)) != place:
            batches.append(source.read(place, end)["value"].to_pylist())
            place = {name: dict(numbers) for name, numbers in end.items()}

    with transactions(kafka, topic) as run:
        run(topic, [b"%d" % n for n in range(5)], "open")
        run_batches()
        assert batches == []
        run(topic, [], "commit")
        run_batches()
        assert batches == [[b"0", b"1", b"2"], [b"3", b"4"]]
        run(topic, [b"lost"] * 5, "abort")
        run_batches()
    assert batches == [[b"0", b"1", b"2"], [b"3", b"4"], [], []]


def test_an_open_transaction_shows_as_lag_of_the_stable_offset(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Reads stop at the last stable offset without a sound; the lag tells."""
    topic = new_topic()
    kafka.produce(topic, ["a", "b", "c"])
    source = open_source(subscribe=topic)
    with transactions(kafka, topic) as run:
        run(topic, [b"x"] * 4, "open")
        end = source.latest_offset({topic: {"0": 0}}, limited=True)
        assert end == {topic: {"0": 3}}
        assert source.read({topic: {"0": 0}}, end).num_rows == 3
        expected = SourceLag({f"{topic}-0": 2}, {f"{topic}-0": 4})
        eventually(lambda: source.lag({topic: {"0": 1}}) == expected)
        run(topic, [], "abort")


def test_read_uncommitted_is_the_users_to_choose(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """With kafka.isolation.level, as in Spark."""
    topic = new_topic()
    source = open_source(subscribe=topic, **{"kafka.isolation.level": "read_uncommitted"})
    with transactions(kafka, topic) as run:
        run(topic, [b"open"], "open")
        end = source.latest_offset({topic: {"0": 0}}, limited=True)
        assert source.read({topic: {"0": 0}}, end)["value"].to_pylist() == [b"open"]
        run(topic, [], "abort")


def test_compacted_offsets_leave_holes_and_ranges_still_split_exactly(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Rows around transaction markers: positions, not counts, decide."""
    topic = new_topic()
    with transactions(kafka, topic) as run:
        for n in range(5):
            run(topic, [b"%d" % n], "commit")
    source = open_source(subscribe=topic)
    whole = source.read({topic: {"0": 0}}, {topic: {"0": 10}})
    assert whole["offset"].to_pylist() == [0, 2, 4, 6, 8]
    for cut in range(11):
        left = source.read({topic: {"0": 0}}, {topic: {"0": cut}})["value"].to_pylist()
        right = source.read({topic: {"0": cut}}, {topic: {"0": 10}})["value"].to_pylist()
        assert left + right == [b"0", b"1", b"2", b"3", b"4"]


def test_reading_ahead_keeps_within_the_memory_budget(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """40 MB lie ready, 8 MB may be used: the thread stops to consume, and nothing is missing in the end."""
    topic = new_topic(partitions=2)
    kafka.produce(topic, [Record(b"x" * 10_000, partition=n % 2) for n in range(4_000)])
    budget = 8 << 20
    source = open_source(subscribe=topic, memory_budget_bytes=budget)
    rows, place = 0, 0
    for end in range(100, 2_001, 100):
        rows += source.read({topic: {"0": place, "1": place}}, {topic: {"0": end, "1": end}}).num_rows
        place = end
    assert rows == 4_000
    # Half of the budget is for rows; one drain of the client's queue, a sixteenth of it, may come on top.
    assert 0 < source.peak_bytes <= budget


def test_no_more_than_one_limited_batch_is_read_ahead(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """4,000 rows of 10 kB lie ready, a batch takes 200: the rest stays with the brokers until it is wanted."""
    topic = new_topic(partitions=2)
    kafka.produce(topic, [Record(b"x" * 10_000, partition=n % 2) for n in range(4_000)])
    source = open_source(subscribe=topic, memory_budget_bytes=64 << 20, maxOffsetsPerTrigger=200)
    place, rows = source.initial_offset(), 0
    while (end := source.latest_offset(place, limited=True)) != place:
        rows, place = rows + source.read(place, end).num_rows, end
    assert rows == 4_000
    # One batch, and one drain of the client's queue, a sixteenth of the memory, on top of it.
    assert 0 < source.peak_bytes < 12 << 20


def test_a_partition_nobody_waits_for_does_not_fill_the_memory(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """A batch wants 20 MB of one partition while 20 MB of the other lie ready: those stay where they are."""
    topic = new_topic(partitions=2)
    kafka.produce(topic, [Record(b"x" * 10_000, partition=n % 2) for n in range(4_000)])
    budget = 4 << 20
    source = open_source(subscribe=topic, memory_budget_bytes=budget)
    wanted = source.read({topic: {"0": 0, "1": 0}}, {topic: {"0": 0, "1": 2_000}})
    assert wanted.num_rows == 2_000
    assert source.peak_bytes < wanted.nbytes + 2 * budget
    rest = source.read({topic: {"0": 0, "1": 2_000}}, {topic: {"0": 2_000, "1": 2_000}})
    assert rest.num_rows == 2_000


def test_offsets_are_committed_to_a_group_for_lag_tools(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """The default group names query and source."""
    topic = new_topic()
    kafka.produce(topic, ["a", "b"])
    source = open_source(subscribe=topic)
    source.read({topic: {"0": 0}}, {topic: {"0": 2}})
    source.commit({topic: {"0": 2}})
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "headrace-q-s", "log_level": 0})
    eventually(lambda: bool(consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 2))
    consumer.close()


def test_offsets_are_committed_while_the_next_batch_lies_ready(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """Nothing more is read then; a wish that had to wait for that would show a lag that is not there."""
    topic = new_topic()
    kafka.produce(topic, [Record(b"x")] * 5)
    source = open_source(subscribe=topic, maxOffsetsPerTrigger=2)
    source.read({topic: {"0": 0}}, {topic: {"0": 2}})
    source.commit({topic: {"0": 2}})
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "headrace-q-s", "log_level": 0})
    eventually(lambda: bool(consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 2))
    consumer.close()


def test_closing_right_after_a_commit_still_commits(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """A run that ends leaves its lag at zero; the group may be chosen."""
    topic = new_topic()
    kafka.produce(topic, ["a", "b"])
    source = open_source(subscribe=topic, consumerGroup=f"mine-{topic}")
    source.read({topic: {"0": 0}}, {topic: {"0": 2}})
    source.commit({topic: {"0": 2}})
    source.close()
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"mine-{topic}", "log_level": 0})
    assert consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 2
    consumer.close()


def test_closing_ends_the_thread(kafka: Kafka, new_topic: NewTopic, open_source: OpenSource) -> None:
    """The thread has the source's name."""
    topic = new_topic()
    source = open_source(subscribe=topic)
    source.latest_offset({topic: {"0": 0}}, limited=True)
    assert "headrace-kafka-s" in {thread.name for thread in threading.enumerate()}
    source.close()
    source.close()
    assert "headrace-kafka-s" not in {thread.name for thread in threading.enumerate()}


def test_new_rows_are_planned_and_read_within_milliseconds(
    kafka: Kafka, new_topic: NewTopic, open_source: OpenSource
) -> None:
    """The median of 20 rounds of one record, from stored to read."""
    topic = new_topic()
    source = open_source(subscribe=topic)
    place = source.latest_offset({topic: {"0": 0}}, limited=True)
    took: list[float] = []
    for _ in range(20):
        kafka.produce(topic, ["x"])
        since = time.perf_counter()
        end = source.latest_offset(place, limited=True)
        assert source.read(place, end).num_rows == 1
        took.append(time.perf_counter() - since)
        place = end
    assert sorted(took)[10] < 0.05


@pytest.mark.slow
def test_what_is_here_makes_a_batch_while_the_last_answer_is_young() -> None:
    """A broker that says nothing any more is not missed for a second; then it is asked again."""
    clock = ManualClock(10_000_000)
    written = {
        "kafka.bootstrap.servers": "",
        "subscribe": "t",
        "startingOffsets": "earliest",
        "fetchOffset.numRetries": "0",
        "kafka.socket.timeout.ms": "1000",
    }
    with start_kafka(managed=True) as own:
        own.create_topic("t")
        source = build(
            parse_options(SPEC, written | {"kafka.bootstrap.servers": own.bootstrap}),
            SourceContext("q", "s", clock, 16 << 20),
        )
        try:
            start = source.latest_offset(source.initial_offset(), limited=True)
            own.produce("t", ["a"])
            eventually(lambda: source.peak_bytes > 0)
            own.pause()

            end = source.latest_offset(start, limited=True)
            clock.advance(1_000_000)
            with pytest.raises(StreamError) as unanswered:
                source.latest_offset(start, limited=True)

            assert end == {"t": {"0": 1}}
            assert source.read(start, end)["value"].to_pylist() == [b"a"]
            assert unanswered.value.code == "BROKER_UNAVAILABLE"
        finally:
            own.resume()
            source.close()
