"""Benchmarks: device events in bulk, and what a plain count of them gives.

Takes a number of events; gives JSON texts of about 210 bytes with the fields of `headrace.demo.events`, written to a
topic, and their count by ten-second window and activity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from confluent_kafka import Producer

from headrace.demo.events import ACTIVITIES, JITTER_NS, MODELS, START_NS, USERS

SCHEMA = (
    "Arrival_Time BIGINT, Creation_Time BIGINT, Device STRING, Index BIGINT, Model STRING, User STRING, gt STRING, "
    "x DOUBLE, y DOUBLE, z DOUBLE"
)
"""The events' fields as Spark DDL."""

WINDOW_S = 10
PARTITIONS = 4
_PER_SECOND = 1000
_AT_ONCE = 100_000

Counts = Mapping[tuple[int, str], int]
"""Number of events by window start (seconds since the Unix epoch) and activity."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A topic full of events, and the right answer."""

    bootstrap: str
    topic: str
    events: int
    counts: Counts


def load_topic(bootstrap: str, topic: str, count: int) -> Workload:
    """Write events to an existing topic, evenly over its partitions, and return them with their counts."""
    counts: dict[tuple[int, str], int] = {}

    def counted() -> Iterator[list[str]]:
        for texts, some in _slices(count):
            for key, number in some.items():
                counts[key] = counts.get(key, 0) + number
            yield texts

    write_evenly(bootstrap, topic, counted())
    return Workload(bootstrap, topic, count, counts)


def write_evenly(bootstrap: str, topic: str, slices: Iterable[Sequence[str]]) -> None:
    """Write texts to an existing topic, evenly over its partitions, and wait until all are stored."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "batch.size": 1_000_000, "log_level": 0})
    for texts in slices:
        for index, text in enumerate(texts):
            while True:
                try:
                    producer.produce(topic, text, partition=index % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.poll(0)
    if producer.flush(60):
        message = f"not every row of topic {topic} was stored"
        raise RuntimeError(message)
    producer.close()


def _slices(count: int) -> Iterator[tuple[list[str], Counts]]:
    connection = duckdb.connect()
    try:
        for begin in range(0, count, _AT_ONCE):
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE slice AS {_statement(begin, min(count, begin + _AT_ONCE))}"
            )
            texts = connection.sql("SELECT text FROM slice").to_arrow_table().column(0).to_pylist()
            window = f"created // {WINDOW_S * 1_000_000_000} * {WINDOW_S}"
            rows = connection.sql(f"SELECT {window} AS start, gt, count(*) FROM slice GROUP BY ALL").fetchall()
            yield texts, {(start, gt): number for start, gt, number in rows}
    finally:
        connection.close()


def _statement(begin: int, end: int) -> str:
    step_ns = 1_000_000_000 // _PER_SECOND
    fields = f"""i, {START_NS} + i * {step_ns} - (hash(i) % {JITTER_NS})::BIGINT AS created,
        {_choice("model", MODELS)}, {_choice("usr", USERS)}, {_choice("gt", ACTIVITIES)},
        {_number("x")}, {_number("y")}, {_number("z")}"""
    return f"""SELECT created, gt, format(
        '{{{{"Arrival_Time":{{}},"Creation_Time":{{}},"Device":"{{}}_1","Index":{{}},"Model":"{{}}","User":"{{}}",'
        || '"gt":"{{}}","x":{{:.15f}},"y":{{:.15f}},"z":{{:.15f}}}}}}',
        created // 1000000 + 21, created, model, i, model, usr, gt, x, y, z) AS text
        FROM (SELECT {fields} FROM range({begin}, {end}) AS numbers(i))"""


def _choice(name: str, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"([{listed}])[(1 + hash(i, '{name}') % {len(values)})::BIGINT] AS {name}"


def _number(name: str) -> str:
    return f"(hash(i, '{name}') % 2000000000)::DOUBLE / 1e8 - 10 AS {name}"
