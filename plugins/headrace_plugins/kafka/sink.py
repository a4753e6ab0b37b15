"""Plugins room: the Kafka sink, with Spark's columns and options, exactly once by default.

Takes parsed options and a `SinkContext`, gives a `Sink` that writes a batch's rows through an outbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException

from headrace.contract import (
    Delivery,
    Kind,
    Marker,
    Option,
    Options,
    Plugin,
    PluginKind,
    SinkContext,
    Spec,
)
from headrace.errors import Retry, StreamError, StreamErrors
from headrace.types import BINARY, INT, STRING, TIMESTAMP, ArrayType, AtomicType, DataType, StructType
from headrace_plugins.kafka.client import (
    BOOTSTRAP,
    SINK_REJECTED,
    check_settings,
    passthrough,
    shared_admin,
    user_settings,
)
from headrace_plugins.kafka.failures import kafka_error
from headrace_plugins.kafka.offsets import check_topic
from headrace_plugins.kafka.outbox import PlainOutbox
from headrace_plugins.kafka.rows import HEADERS
from headrace_plugins.kafka.topics import Brokers, Patience, Subscription
from headrace_plugins.kafka.transaction import Place, TransactionalOutbox

_CONDITION = "_LEGACY_ERROR_TEMP_3080"
_TEXT = (STRING, BINARY)
_ROWS_AT_ONCE = 8_192
_FULL_S = 0.05
_ANSWER_S = 10.0
_ANY_PARTITION = -1

SPEC = Spec(
    name="kafka",
    kind=PluginKind.SINK,
    summary="Writes rows as records of Apache Kafka, in one transaction a batch.",
    options=(
        BOOTSTRAP,
        Option("topic", Kind.STRING, "Topic of all records; overrides a column topic."),
        Option("topics", Kind.STRING, "Topics that a column topic may name, separated by commas."),
        Option(
            "delivery",
            Kind.CHOICE,
            "exactly_once writes in transactions; at_least_once may repeat records after a crash.",
            default=Delivery.EXACTLY_ONCE.value,
            allowed=tuple(delivery.value for delivery in Delivery),
        ),
        Option("includeHeaders", Kind.BOOL, "Accepted as in Spark; a column headers is always written.", default=False),
        Option("keyColumn", Kind.STRING, "Column whose value becomes the key; the default is a column key, if any."),
        Option("timestampColumn", Kind.STRING, "Column that becomes the record's timestamp, in whole milliseconds."),
        Option("transactionalIdPrefix", Kind.STRING, "transactional.id is <this>-<query id>.", default="headrace"),
        Option("markerGroup", Kind.STRING, "Consumer group that holds the marker; default <transactional.id>.marker."),
    ),
    passthrough=(passthrough(SINK_REJECTED),),
    delivery=Delivery.EXACTLY_ONCE,
)


@dataclass(frozen=True, slots=True)
class Binding:
    """Which column becomes which part of a record; None where a record has no such part."""

    value: str | None  # None: the encoder makes it from all columns
    key: str | None
    headers: str | None
    partition: str | None
    timestamp: str | None
    topic_column: str | None
    topic: str | None
    allowed: tuple[str, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that records may go to, as far as that is known."""
        return (self.topic,) if self.topic else self.allowed

    @property
    def first_topic(self) -> str | None:
        """The topic that carries the marker."""
        return next(iter(self.topics), None)


def bind_columns(options: Options, schema: StructType, *, encoded: bool) -> Binding:
    """Return which column is what.

    Args:
        options: topic, topics, keyColumn and delivery are looked at.
        schema: Of the rows to write.
        encoded: An encoder makes the value; then only keyColumn and topic have a meaning among the columns.

    Raises:
        StreamErrors: every column that is missing or of a wrong type, every option that does not fit.
    """
    types = {field.name: field.type for field in schema.fields}
    found: list[StreamError] = []

    def take(name: str, allowed: tuple[DataType, ...], *, required: str = "") -> str | None:
        kind = types.get(name)
        if kind is None and required:
            found.append(_wrong_column(f"the column {name!r} is missing; seen: {', '.join(types)}", required))
        elif kind is not None and not any(_fits(kind, other) for other in allowed):
            names = " or ".join(other.sql() for other in allowed)
            found.append(_wrong_column(f"the column {name!r} is {kind.sql()}; allowed: {names}", "Cast it."))
            return None
        return name if kind is not None else None

    topic = options["topic"]
    value = None if encoded else take("value", _TEXT, required="Name a column value, or set encode.")
    binding = Binding(
        value=value,
        key=_key_column(options, types, found, encoded=encoded)
        if options["keyColumn"] or encoded
        else take("key", _TEXT),
        headers=None if encoded else take("headers", (HEADERS,)),
        partition=None if encoded else take("partition", (INT,)),
        timestamp=take(options["timestampColumn"], (TIMESTAMP,), required="Correct the name.")
        if options["timestampColumn"]
        else None,
        topic_column=None if topic else take("topic", (STRING,), required="Set the option topic."),
        topic=topic,
        allowed=tuple(name.strip() for name in (options["topics"] or "").split(",") if name.strip()),
    )
    if binding.topic_column and not binding.allowed and options["delivery"] == Delivery.EXACTLY_ONCE.value:
        message = "exactly_once with a column topic needs to know the topics beforehand"
        hint = "Set topics: a,b to the topics the column may name, or delivery: at_least_once."
        found.append(StreamError("PLUGIN_OPTION_INVALID", message, hint=hint))
    if found:
        raise StreamErrors(found)
    return binding


def _fits(kind: DataType, allowed: DataType) -> bool:
    if isinstance(allowed, ArrayType) and isinstance(kind, ArrayType):
        fields = kind.element.fields if isinstance(kind.element, StructType) else ()
        wanted = allowed.element.fields if isinstance(allowed.element, StructType) else ()
        return [field.type for field in fields] == [field.type for field in wanted]
    return kind == allowed


def _key_column(options: Options, types: dict[str, DataType], found: list[StreamError], *, encoded: bool) -> str | None:
    name = options["keyColumn"]
    if name is None and encoded:
        return None
    kind = types.get(name)
    if kind is None:
        found.append(
            _wrong_column(f"the key column {name!r} is missing; seen: {', '.join(types)}", "Correct the name.")
        )
    elif not isinstance(kind, AtomicType):
        found.append(_wrong_column(f"the key column {name!r} is {kind.sql()}", "Allowed: types with a text form."))
    return str(name)


def _wrong_column(message: str, hint: str) -> StreamError:
    return StreamError("SQL_ANALYSIS", f"kafka sink: {message}", hint=hint, condition=_CONDITION)


class KafkaSink:
    """Records of Kafka topics; see `headrace.contract.Sink` for the order of calls."""

    def __init__(self, options: Options, context: SinkContext, binding: Binding) -> None:
        self._binding = binding
        self._encoder = context.encoder
        self._key_columns, self._key_encoder = context.key_columns, context.key_encoder
        self._delivery = Delivery(options["delivery"])
        self._user = user = user_settings(options)
        self._clock = context.clock
        if self._delivery is Delivery.EXACTLY_ONCE:
            transactional_id = f"{options['transactionalIdPrefix']}-{context.query_id}"
            group = options["markerGroup"] or f"{transactional_id}.marker"
            place = Place(transactional_id, group, str(binding.first_topic))
            self._outbox: PlainOutbox = TransactionalOutbox(user, place, binding.topics, context.clock)
        else:
            self._outbox = PlainOutbox(user, binding.topics, context.clock)

    @property
    def delivery(self) -> Delivery:
        """What the option says."""
        return self._delivery

    def ask(self) -> None:
        """Look whether the brokers answer and the topics are there.

        Raises:
            StreamError: SINK_FAILED, BROKER_UNAVAILABLE, AUTHENTICATION_FAILED.
        """
        patience = Patience(retries=1, pause_s=0.1, answer_s=_ANSWER_S)
        brokers = Brokers(shared_admin(self._user), "read_committed", patience, self._clock)
        topics = self._binding.topics
        there = brokers.describe(Subscription(topics=topics)).ids if topics else {}
        missing = [name for name in topics if name not in there]
        if missing:
            message = f"there is no topic {', '.join(missing)} to write to."
            hint = "Create it, or correct the name; brokers that create topics themselves will create it."
            raise StreamError("SINK_FAILED", message, hint=hint)

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence earlier owners and return the last committed marker."""
        return self._outbox.recover(owner)

    def claim(self, marker: Marker) -> None:
        """Record a new owner, or refresh the marker while the query is idle."""
        self._outbox.claim(marker)

    def begin(self, marker: Marker) -> None:
        """Begin the batch's transaction; the marker is on its way into it while rows are written."""
        self._outbox.begin(marker)

    def write(self, rows: pa.Table) -> int:
        """Produce all rows, invisible until commit, which waits until each is stored."""
        self._check_topics(rows)
        topic = self._binding.topic
        for batch in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
            values = self._values(batch)
            keys = self._keys(batch)
            topics = self._column(batch, None if topic else self._binding.topic_column)
            headers = self._headers(batch)
            partitions = self._partitions(batch)
            stamps = self._timestamps(batch)
            if topic is not None and headers is None and partitions is None and stamps is None:
                self._produce_plain(topic, values, keys)
            else:
                names = [topic] * len(values) if topic is not None else [name.decode() for name in topics]
                self._produce_full(names, values, keys, _Rest(headers, partitions, stamps))
            self._outbox.serve(0)
        return int(rows.num_rows)

    def commit(self, marker: Marker) -> None:
        """Make the batch and its marker visible at once."""
        self._outbox.commit(marker)

    def abort(self) -> None:
        """Drop the batch."""
        self._outbox.abort()

    def describe(self) -> str:
        """Return Spark's name of the sink."""
        return "KafkaTable"

    def close(self) -> None:
        """End the connections."""
        self._outbox.close()

    def _check_topics(self, rows: pa.Table) -> None:
        name = self._binding.topic_column
        if name is None:
            return
        seen = pc.unique(rows[name]).to_pylist()
        if None in seen:
            message, hint = f"a row has a null in the column {name}", "Filter such rows or set the option topic."
            raise StreamError(
                "SINK_FAILED", message, hint=hint, condition="KAFKA_NULL_TOPIC_IN_DATA", retry=Retry.NEVER
            )
        foreign = sorted(set(seen) - set(self._binding.allowed)) if self._binding.allowed else []
        if foreign:
            message = f"rows name the topics {', '.join(foreign)}; allowed: {', '.join(self._binding.allowed)}"
            raise StreamError("SINK_FAILED", message, hint="Add them to the option topics.", retry=Retry.NEVER)

    def _values(self, batch: pa.RecordBatch) -> list[bytes | None]:
        if self._encoder is None:
            return self._column(batch, self._binding.value)
        values = self._encoder.encode(pa.Table.from_batches([batch]))
        encoded: list[bytes | None] = values.cast(pa.binary()).to_pylist()
        return encoded

    def _keys(self, batch: pa.RecordBatch) -> list[Any]:
        if self._key_encoder is None:
            return self._column(batch, self._binding.key)
        parts = pa.Table.from_batches([batch]).select(list(self._key_columns))
        encoded: list[Any] = self._key_encoder.encode(parts).cast(pa.binary()).to_pylist()
        return encoded

    def _column(self, batch: pa.RecordBatch, name: str | None) -> list[Any]:
        """Return a column as bytes; all None when there is no such column."""
        if name is None:
            return [None] * batch.num_rows
        column = batch.column(batch.schema.get_field_index(name))
        if not pa.types.is_string(column.type) and not pa.types.is_binary(column.type):
            column = column.cast(pa.string())
        found: list[Any] = column.cast(pa.binary()).to_pylist()
        return found

    def _headers(self, batch: pa.RecordBatch) -> list[Any] | None:
        name = self._binding.headers
        if name is None:
            return None
        rows = batch.column(batch.schema.get_field_index(name)).to_pylist()
        return [[tuple(pair.values()) for pair in pairs] if pairs else None for pairs in rows]

    def _partitions(self, batch: pa.RecordBatch) -> list[int] | None:
        name = self._binding.partition
        if name is None:
            return None
        column = batch.column(batch.schema.get_field_index(name))
        found: list[int] = pc.fill_null(column, _ANY_PARTITION).to_pylist()
        return found

    def _produce_plain(self, topic: str, values: Sequence[Any], keys: Sequence[Any]) -> None:
        # The client has no call for a whole batch that is faster than this loop.
        produce = self._outbox.producer.produce
        for value, key in zip(values, keys, strict=True):
            try:
                produce(topic, value, key)
            except BufferError:
                self._produce_when_free(topic, value, key, {})
            except KafkaException as raised:
                self._outbox.refuse(kafka_error(raised), topic, len(value or b""))

    def _timestamps(self, batch: pa.RecordBatch) -> list[int] | None:
        name = self._binding.timestamp
        if name is None:
            return None
        column = batch.column(batch.schema.get_field_index(name))
        found: list[int] = pc.fill_null(column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()), 0).to_pylist()
        return found

    def _produce_full(self, topics: Sequence[str], values: Sequence[Any], keys: Sequence[Any], rest: _Rest) -> None:
        every = zip(topics, values, keys, rest.rows(len(values)), strict=True)
        for topic, value, key, more in every:
            try:
                self._produce_when_free(topic, value, key, more)
            except KafkaException as raised:
                where = f"{topic}-{more['partition']}" if "partition" in more else topic
                self._outbox.refuse(kafka_error(raised), where, len(value or b""))

    def _produce_when_free(self, topic: str, value: Any, key: Any, more: Mapping[str, Any]) -> None:
        while True:
            try:
                self._outbox.producer.produce(topic, value, key, **more)
            except BufferError:
                self._outbox.serve(_FULL_S)
            else:
                return


@dataclass(frozen=True, slots=True)
class _Rest:
    """What records have beside key and value, by row; None where the rows have no such column. Timestamps are ms."""

    headers: Sequence[Any] | None
    partitions: Sequence[int] | None
    timestamps: Sequence[int] | None

    def rows(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield what to hand to the producer beside key and value; a timestamp of 0 lets the producer choose."""
        named = {"headers": self.headers, "partition": self.partitions, "timestamp": self.timestamps}
        present = {name: column for name, column in named.items() if column is not None}
        for i in range(count):
            row = {name: column[i] for name, column in present.items()}
            yield {name: value for name, value in row.items() if value is not None}


def build(options: Options, context: SinkContext) -> KafkaSink:
    """Return the sink; asks no broker yet.

    Raises:
        StreamErrors: every column or option that does not fit.
    """
    check_settings(user_settings(options))
    for option, names in (("topic", [options["topic"]]), ("topics", (options["topics"] or "").split(","))):
        for name in names:
            if name and name.strip():
                check_topic(option, name.strip())
    return KafkaSink(options, context, bind_columns(options, context.schema, encoded=context.encoder is not None))


PLUGIN = Plugin(SPEC, build)
"""Format name kafka, writeStream."""
