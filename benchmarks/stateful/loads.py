"""Benchmarks: topics that make a query remember much, the query, and its right answer.

Takes sizes; gives JSON rows {k, v, t} in one topic or two, written to a broker. Keys come in no order. A query's result
is thinned out behind the state, so that what is measured is the state and not the sink.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.events import PARTITIONS, write_evenly
from headrace.testing.kafka import Kafka

SCHEMA = "k BIGINT, v BIGINT, t BIGINT"
"""The rows' fields as Spark DDL; t is µs since the Unix epoch."""

_PRIME = 7_368_787
_START_US = 1_600_000_000_000_000
_AT_ONCE = 200_000
_REPEATED = 4
"""One key in so many is counted twice."""

_COUNT = """\
SELECT k, count(*) AS n, max(v) AS newest FROM events
GROUP BY k HAVING count(*) = 2 AND max(v) % 1000 = 0"""
_JOIN = """\
SELECT l.k AS k, l.v AS a, r.v AS b FROM lefts l JOIN rights r
ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + INTERVAL 1 HOUR WHERE (l.v + r.v) % 100 = 0"""


@dataclass(frozen=True, slots=True)
class StateLoad:
    """A loaded broker and a query over it.

    Attributes:
        name: What the table calls it.
        topics: Topic by name of the view that the query reads.
        sql: The query, for every system the same.
        mode: Output mode.
        delay: Watermark delay of each view on its column ts, None without a watermark.
        rows: Rows in all topics.
        keys: The k of each row of the result, each once.
    """

    name: str
    topics: Mapping[str, str]
    sql: str
    mode: str
    delay: str | None
    rows: int
    keys: frozenset[int]

    def batches(self, batch_rows: int) -> int:
        """Return how many batches the query takes when each reads so many rows of every topic."""
        return -(-self.rows // (batch_rows * len(self.topics)))


def load_count(kafka: Kafka, keys: int) -> StateLoad:
    """Write rows with so many distinct keys, and a quarter of them again behind."""
    rows = keys + keys // _REPEATED
    _write(kafka, f"count-{keys}", np.arange(rows) % keys, keys, "k")
    twice = _scattered(np.arange(keys // _REPEATED), keys)
    expected = frozenset(twice[twice % 1000 == 0].tolist())
    return StateLoad(f"count, {keys:,} keys", {"events": f"count-{keys}"}, _COUNT, "update", None, rows, expected)


def load_join(kafka: Kafka, rows: int) -> StateLoad:
    """Write so many rows a side, each with one partner; half of the left ones come first, half of the right ones."""
    left = np.arange(rows)
    right = (left + rows // 2) % rows
    _write(kafka, f"left-{rows}", left, rows, "k")
    _write(kafka, f"right-{rows}", right, rows, "j")
    keys = _scattered(left, rows)
    expected = frozenset(keys[(keys + left) % 100 == 0].tolist())
    topics = {"lefts": f"left-{rows}", "rights": f"right-{rows}"}
    return StateLoad(f"join, {rows:,} rows a side", topics, _JOIN, "append", "1 hour", 2 * rows, expected)


def _scattered(numbers: npt.NDArray[np.int64], modulus: int) -> npt.NDArray[np.int64]:
    """Return the numbers below modulus in another order."""
    return numbers * _PRIME % modulus


def _write(kafka: Kafka, topic: str, numbers: npt.NDArray[np.int64], modulus: int, value: str) -> None:
    """Write a row a number: k is it scattered, t a millisecond for each, v is k or the number j."""
    kafka.create_topic(topic, partitions=PARTITIONS)
    write_evenly(kafka.bootstrap, topic, _texts(numbers, modulus, value))


def _texts(numbers: npt.NDArray[np.int64], modulus: int, value: str) -> Iterator[list[str]]:
    connection = duckdb.connect()
    try:
        for begin in range(0, len(numbers), _AT_ONCE):
            some = numbers[begin : begin + _AT_ONCE]
            connection.register("numbers", pa.table({"j": some, "k": _scattered(some, modulus)}))
            text = f"""format('{{{{"k":{{}},"v":{{}},"t":{{}}}}}}', k, {value}, {_START_US} + j * 1000)"""
            yield connection.sql(f"SELECT {text} AS text FROM numbers").to_arrow_table().column(0).to_pylist()
    finally:
        connection.close()
