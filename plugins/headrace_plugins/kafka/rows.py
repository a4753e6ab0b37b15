"""Plugins room: messages of the Kafka client to Arrow columns with Spark's names and types.

Takes the messages of one partition in order, gives a `Chunk`: the columns asked for and the offsets they cover. The
only place that looks into messages, so that another way to drain the client can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from headrace.types import BIGINT, BINARY, INT, STRING, TIMESTAMP, ArrayType, Field, StructType, struct
from headrace.values import US_PER_MS
from headrace_plugins.kafka.offsets import Partition

HEADERS = ArrayType(struct(key=STRING, value=BINARY))
"""The type of the column headers, also in the sink."""

SCHEMA = struct(
    key=BINARY, value=BINARY, topic=STRING, partition=INT, offset=BIGINT, timestamp=TIMESTAMP, timestampType=INT
)
"""Spark's row, without headers."""

SCHEMA_WITH_HEADERS = StructType((*SCHEMA.fields, Field("headers", HEADERS)))

_FARTHEST_MS = (2**63 - 1) // US_PER_MS
_NO_TIMESTAMP_TYPE = -1
_SPARK_TIMESTAMP_TYPES = {TIMESTAMP_CREATE_TIME: 0, TIMESTAMP_LOG_APPEND_TIME: 1}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one partition with ascending offsets.

    `offsets` is None when the rows have every offset from `first`; compaction and transactions leave holes.
    """

    partition: Partition
    first: int
    last: int
    rows: pa.RecordBatch
    length: int
    offsets: np.ndarray | None

    @property
    def nbytes(self) -> int:
        """Memory of the columns, in bytes."""
        size: int = self.rows.nbytes
        return size

    def split(self, at: int) -> tuple[Chunk | None, Chunk | None]:
        """Return the rows before an offset and the rest; None stands for no rows."""
        if self.last < at:
            return self, None
        if self.first >= at:
            return None, self
        before = at - self.first if self.offsets is None else int(np.searchsorted(self.offsets, at))
        return self._part(0, before), self._part(before, self.length)

    def _part(self, begin: int, end: int) -> Chunk:
        offsets = None if self.offsets is None else self.offsets[begin:end]
        first = self.first + begin if offsets is None else int(offsets[0])
        last = self.first + end - 1 if offsets is None else int(offsets[-1])
        return Chunk(self.partition, first, last, self.rows.slice(begin, end - begin), end - begin, offsets)


_FIELDS = {field.name: pa.field(field.name, field.type.arrow()) for field in SCHEMA_WITH_HEADERS.fields}


def to_chunk(partition: Partition, messages: Sequence[Message], columns: Sequence[str]) -> Chunk:
    """Return the messages of one partition, none of them an error, as Arrow columns in the order asked for."""
    first, last = messages[0].offset() or 0, messages[-1].offset() or 0
    dense = last - first + 1 == len(messages)
    offsets = None if dense else np.array([message.offset() for message in messages], dtype=np.int64)
    arrays = [_COLUMNS[name](partition, messages) for name in columns]
    rows = pa.StructArray.from_arrays(arrays, fields=[_FIELDS[name] for name in columns])
    batch = pa.RecordBatch.from_struct_array(rows) if columns else _without_columns(len(messages))
    return Chunk(partition, first, last, batch, len(messages), offsets)


def _without_columns(length: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.array([{}] * length, pa.struct([])))


def _keys(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    return pa.array([message.key() for message in messages], pa.binary())


def _values(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    return pa.array([message.value() for message in messages], pa.binary())


def _topics(partition: Partition, messages: Sequence[Message]) -> pa.Array:
    return pa.repeat(pa.scalar(partition.topic, pa.string()), len(messages))


def _partitions(partition: Partition, messages: Sequence[Message]) -> pa.Array:
    return pa.repeat(pa.scalar(partition.number, pa.int32()), len(messages))


def _offsets(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    return pa.array([message.offset() for message in messages], pa.int64())


def _timestamps(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    millis = np.array([message.timestamp()[1] for message in messages], dtype=np.int64)
    # A producer may write any number; the product of one that is far out of range would wrap around.
    return pa.array(np.clip(millis, -_FARTHEST_MS, _FARTHEST_MS) * US_PER_MS).cast(pa.timestamp("us", tz="UTC"))


def _timestamp_types(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    kinds = [_SPARK_TIMESTAMP_TYPES.get(message.timestamp()[0], _NO_TIMESTAMP_TYPE) for message in messages]
    return pa.array(kinds, pa.int32())


def _headers(_partition: Partition, messages: Sequence[Message]) -> pa.Array:
    all_pairs: list[Any] = [message.headers() for message in messages]
    pairs = [[{"key": key, "value": value} for key, value in some] if some else None for some in all_pairs]
    return pa.array(pairs, HEADERS.arrow())


_COLUMNS: Mapping[str, Callable[[Partition, Sequence[Message]], pa.Array]] = {
    "key": _keys,
    "value": _values,
    "topic": _topics,
    "partition": _partitions,
    "offset": _offsets,
    "timestamp": _timestamps,
    "timestampType": _timestamp_types,
    "headers": _headers,
}


def by_partition(messages: Sequence[Message], topics: Collection[str]) -> list[tuple[Partition, Sequence[Message]]]:
    """Return runs of messages of one partition, in the order they came.

    Args:
        messages: None of them an error.
        topics: All topics they may be of; when it is one, no message is asked for its topic.
    """
    if not messages:
        return []
    numbers = np.array([message.partition() for message in messages], dtype=np.int32)
    changes = numbers[1:] != numbers[:-1]
    if len(topics) > 1:
        names = np.array([message.topic() for message in messages], dtype=object)
        changes |= names[1:] != names[:-1]
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(messages)]
    return [
        (Partition(str(messages[begin].topic()), int(numbers[begin])), messages[begin:end])
        for begin, end in pairwise(bounds)
    ]
