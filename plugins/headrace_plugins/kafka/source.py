"""Plugins room: the Kafka source, with Spark's options, rows and offsets.

Takes parsed options and a `SourceContext`, gives a `Source`: assign() without a group, offsets from the checkpoint,
read_committed unless told otherwise, one thread that reads ahead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException

from headrace.contract import (
    JsonValue,
    Kind,
    Offset,
    Option,
    Options,
    Plugin,
    PluginKind,
    SourceContext,
    SourceLag,
    Spec,
)
from headrace.errors import StreamError, StreamErrors
from headrace.types import StructType
from headrace.values import US_PER_S
from headrace_plugins.kafka.client import (
    BOOTSTRAP,
    SOCKET_TIMEOUT_S,
    SOURCE_REJECTED,
    check_settings,
    consumer_settings,
    passthrough,
    shared_admin,
    user_settings,
)
from headrace_plugins.kafka.failures import Failure, classify, kafka_error, stream_error
from headrace_plugins.kafka.offsets import Partition, check_topic, count, from_json, to_json
from headrace_plugins.kafka.reading.planning import Losses, Planner, ReadLimits
from headrace_plugins.kafka.reading.read_ahead import ReadAhead
from headrace_plugins.kafka.reading.shelves import Budget
from headrace_plugins.kafka.reading.starting import Starting, parse_starting
from headrace_plugins.kafka.rows import SCHEMA, SCHEMA_WITH_HEADERS
from headrace_plugins.kafka.topics import Brokers, Patience, Subscription

_BATCH_ONLY = ("endingOffsets", "endingOffsetsByTimestamp", "endingTimestamp")
_ANSWER_S = 15.0
_FULL_CHUNK_ROWS = 1_024
_SUBSCRIPTIONS = ("assign", "subscribe", "subscribePattern")

SPEC = Spec(
    name="kafka",
    kind=PluginKind.SOURCE,
    summary="Reads topics of Apache Kafka, from offsets the checkpoint holds, read_committed.",
    options=(
        BOOTSTRAP,
        Option("assign", Kind.JSON, 'Partitions to read, {"topic": [0, 1]}; one of the three ways to name topics.'),
        Option("subscribe", Kind.STRING, "Topics to read, separated by commas."),
        Option("subscribePattern", Kind.STRING, "Topics to read, as a regular expression for whole names."),
        Option(
            "startingOffsets",
            Kind.STRING,
            'Where a new query starts: earliest, latest, or {"topic": {"0": 23, "1": -2}} with -2 earliest, -1 latest.',
            default="latest",
        ),
        Option(
            "startingTimestamp",
            Kind.INT,
            "Start at the first record this new, ms since 1970, in all partitions.",
            minimum=0,
        ),
        Option("startingOffsetsByTimestamp", Kind.JSON, 'The same by partition, {"topic": {"0": 1700000000000}}.'),
        Option(
            "startingOffsetsByTimestampStrategy",
            Kind.CHOICE,
            "What to do when no record is that new.",
            default="error",
            allowed=("error", "latest"),
        ),
        *(Option(name, Kind.STRING, "Refused: a stream has no end.") for name in _BATCH_ONLY),
        Option("failOnDataLoss", Kind.BOOL, "Stop when offsets still needed are gone, or warn.", default=True),
        Option("maxOffsetsPerTrigger", Kind.INT, "At most about this many offsets a batch.", minimum=1),
        Option("minOffsetsPerTrigger", Kind.INT, "Wait until this many offsets are there.", minimum=1),
        Option("maxTriggerDelay", Kind.DURATION, "Wait no longer than this for them.", default=15 * 60 * US_PER_S),
        Option("includeHeaders", Kind.BOOL, "Add the column headers.", default=False),
        Option("consumerGroup", Kind.STRING, "Group that gets the offsets, for lag tools; recovery ignores it."),
        Option("groupIdPrefix", Kind.STRING, "Prefix of the default consumerGroup.", default="headrace"),
        Option("minPartitions", Kind.INT, "Accepted and ignored: one process reads.", minimum=1),
        Option("maxRecordsPerPartition", Kind.INT, "Accepted and ignored: one process reads.", minimum=1),
        Option(
            "kafkaConsumer.pollTimeoutMs",
            Kind.INT,
            "Fail when nothing arrives for this long.",
            default=120_000,
            minimum=1,
        ),
        Option("fetchOffset.numRetries", Kind.INT, "Ask brokers for offsets this often again.", default=3, minimum=0),
        Option("fetchOffset.retryIntervalMs", Kind.INT, "Pause between the questions.", default=100, minimum=0),
    ),
    passthrough=(passthrough(SOURCE_REJECTED),),
    replayable=True,
)


class KafkaSource:
    """Rows of Kafka topics; see `headrace.contract.Source` for the laws."""

    def __init__(
        self, options: Options, context: SourceContext, subscription: Subscription, starting: Starting
    ) -> None:
        self._context = context
        self._subscription = subscription
        self._starting = starting
        self._user = user_settings(options)
        self._group = _group(options, context)
        self._timeout_s = options["kafkaConsumer.pollTimeoutMs"] / 1_000
        self._full_schema = SCHEMA_WITH_HEADERS if options["includeHeaders"] else SCHEMA
        self._columns: Sequence[str] = self._full_schema.names
        self.losses = Losses(fail=options["failOnDataLoss"])
        """How many offsets were skipped because they were gone."""
        self._brokers = Brokers(
            shared_admin(self._user),
            self._user.get("isolation.level", "read_committed"),
            _patience(options, self._user),
            context.clock,
        )
        self._limits = _limits(options)
        self._planner = Planner(self._brokers, subscription, self._limits, self.losses, context.clock)
        self._ahead: ReadAhead | None = None

    @property
    def schema(self) -> StructType:
        """Spark's columns, or those selected."""
        fields = {field.name: field for field in self._full_schema.fields}
        return StructType(tuple(fields[name] for name in self._columns))

    @property
    def peak_bytes(self) -> int:
        """The most memory that rows read ahead ever took."""
        return self._ahead.peak_bytes if self._ahead else 0

    def select(self, columns: Sequence[str]) -> None:
        """Give only these columns from now on, in this order."""
        self._columns = tuple(columns)
        self._close_ahead()

    def initial_offset(self) -> Offset:
        """Return where a new query starts."""
        return to_json(self._planner.first(self._starting))

    def latest_offset(self, start: Offset, *, limited: bool) -> Offset:
        """Return up to where the next batch may read; at most one round trip to the brokers."""
        begin = from_json(start)
        here = self._ahead.caught_up() if self._ahead and limited else None
        end = self._planner.next(begin, limited=limited, here=here)
        self._reader().follow({partition: begin.get(partition, 0) for partition in end})
        return to_json(end)

    def freeze(self) -> None:
        """Fix today's end."""
        self._planner.freeze()

    def read(self, start: Offset, end: Offset) -> pa.Table:
        """Return the rows in [start, end), by partition and offset."""
        begin, ends = from_json(start), from_json(end)
        reader = self._reader()
        reader.follow({partition: begin.get(partition, 0) for partition in ends})
        goals = {partition: last for partition, last in ends.items() if last > begin.get(partition, 0)}
        while failed := self._wait(reader, goals):
            for partition, error in failed.items():
                self._mend(reader, partition, goals[partition], error)
        chunks = reader.take(goals)
        rows = pa.Table.from_batches([chunk.rows for chunk in chunks], self.schema.arrow_schema())
        # A slow topic arrives a few records at a time; an operation costs as much for such a chunk as for a full one.
        return rows.combine_chunks() if len(rows) < len(chunks) * _FULL_CHUNK_ROWS else rows

    def commit(self, end: Offset) -> None:
        """Commit to the consumer group, for lag tools; a failure there is the group's, not ours."""
        self._reader().commit(from_json(end))

    def identity(self) -> JsonValue:
        """Return the topic ids."""
        return self._planner.identity()

    def check_identity(self, logged: JsonValue) -> None:
        """Raise SOURCE_CHANGED when a topic was deleted or recreated since the checkpoint was written."""
        self._planner.check_identity(logged)

    def offset_rows(self, start: Offset, end: Offset) -> int:
        """Return how many offsets lie in [start, end); transaction markers and aborted records count."""
        return count(from_json(start), from_json(end))

    def lag(self, end: Offset) -> SourceLag:
        """Return how far end is behind what planning last saw, and the open transactions' part of it."""
        done, ends = from_json(end), self._planner.ends
        behind = {str(p): max(0, last - done.get(p, 0)) for p, last in sorted(ends.items())}
        stable: dict[str, int] = {}
        for partition, last in sorted(ends.items()):
            high = self._ahead.high_watermark(partition) if self._ahead else 0
            stable[str(partition)] = max(0, high - last)
        return SourceLag(behind, stable, self.losses.offsets)

    def describe(self) -> str:
        """Return Spark's description."""
        return f"KafkaV2[{self._subscription}]"

    def close(self) -> None:
        """End the reading thread and the connections."""
        self._close_ahead()

    def _reader(self) -> ReadAhead:
        if self._ahead is None:
            budget = self._context.memory_budget_bytes
            settings = consumer_settings(self._user, self._group, budget)
            ahead = Budget(budget // 2, self._limits.most)
            self._ahead = ReadAhead(settings, ahead, f"headrace-kafka-{self._context.name}")
            self._ahead.start(self._columns)
        return self._ahead

    def _close_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _wait(self, reader: ReadAhead, goals: dict[Partition, int]) -> dict[Partition, KafkaError]:
        what = f"{self._subscription} could not be read"
        try:
            return reader.wait(goals, self._timeout_s)
        except KafkaException as raised:
            raise stream_error(kafka_error(raised), what, "SOURCE_FAILED") from raised
        except TimeoutError as raised:
            if reader.last_error is not None:
                raise stream_error(reader.last_error, what, "SOURCE_FAILED") from raised
            message = f"{what}: nothing arrived for {self._timeout_s:g} s"
            raise StreamError("SOURCE_FAILED", message, hint="kafkaConsumer.pollTimeoutMs sets how long.") from raised

    def _mend(self, reader: ReadAhead, partition: Partition, end: int, error: KafkaError) -> None:
        """Find out why a partition cannot be read on, and go on behind what is gone if that is allowed."""
        if classify(error) is Failure.AUTHENTICATION:
            raise stream_error(error, f"{partition} could not be read", "SOURCE_FAILED")
        position = reader.position(partition)
        first, last = self._brokers.earliest([partition]), self._brokers.latest([partition])
        if partition not in first or partition not in last:
            what = f"{partition} was deleted while [{position}, {end}) was to be read"
            self.losses.report("PARTITIONS_DELETED", what, end - position, "SOURCE_CHANGED")
            reader.skip(partition, end)
        elif position < first[partition]:
            to = min(first[partition], end)
            what = f"offsets [{position}, {to}) of {partition} are gone; the first there is {first[partition]}"
            self.losses.report("COULD_NOT_READ_OFFSET_RANGE", what, to - position)
            reader.skip(partition, to)
        elif end > last[partition]:
            what = f"{partition} ends at offset {last[partition]}; [{position}, {end}) was to be read"
            self.losses.report("PARTITION_OFFSET_CHANGED", what, end - position)
            reader.skip(partition, end)
        else:
            reader.skip(partition, position)


def _group(options: Options, context: SourceContext) -> str:
    named = {key.lower(): value for key, value in options.passed.items()}.get("kafka.group.id")
    return named or options["consumerGroup"] or f"{options['groupIdPrefix']}-{context.query_id}-{context.name}"


def _patience(options: Options, user: Mapping[str, str]) -> Patience:
    socket_s = int(user.get("socket.timeout.ms", SOCKET_TIMEOUT_S * 1_000)) / 1_000
    pause_s = options["fetchOffset.retryIntervalMs"] / 1_000
    return Patience(options["fetchOffset.numRetries"], pause_s, min(_ANSWER_S, socket_s))


def _limits(options: Options) -> ReadLimits:
    return ReadLimits(options["maxOffsetsPerTrigger"], options["minOffsetsPerTrigger"], options["maxTriggerDelay"])


def _subscription(options: Options) -> Subscription:
    given = [name for name in _SUBSCRIPTIONS if options[name] is not None]
    if len(given) != 1:
        seen = " and ".join(given) or "none of them"
        message = f"the options assign, subscribe and subscribePattern name the topics; seen: {seen}."
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint="Set exactly one, such as subscribe: events.")
    if options["subscribe"] is not None:
        topics = tuple(name.strip() for name in options["subscribe"].split(","))
        if not all(topics):
            raise _bad("subscribe", options["subscribe"], "topic names separated by commas")
        for name in topics:
            check_topic("subscribe", name)
        return Subscription(topics=tuple(dict.fromkeys(topics)))
    if options["subscribePattern"] is not None:
        return Subscription(pattern=_pattern(options["subscribePattern"]))
    return Subscription(partitions=_assigned(options["assign"]))


def _pattern(written: str) -> str:
    try:
        re.compile(written)
    except re.error as error:
        raise _bad("subscribePattern", written, f"a regular expression ({error})") from error
    if not written.strip():
        raise _bad("subscribePattern", written, "a regular expression that is not blank")
    return written


def _assigned(written: Any) -> tuple[Partition, ...]:
    try:
        found = tuple(sorted(Partition(topic, int(n)) for topic, numbers in written.items() for n in numbers))
    except (AttributeError, TypeError, ValueError) as error:
        raise _bad("assign", json.dumps(written), 'such as {"topic": [0, 1]}') from error
    if not found:
        raise _bad("assign", json.dumps(written), "at least one partition")
    for partition in found:
        check_topic("assign", partition.topic)
    return found


def _bad(option: str, value: Any, allowed: str) -> StreamError:
    return StreamError("PLUGIN_OPTION_INVALID", f'the option "{option}" has the value {value!r}; allowed: {allowed}')


def _findings(options: Options) -> list[StreamError]:
    found = [
        StreamError("PLUGIN_OPTION_INVALID", f'the option "{name}" is for batch reads; a stream has no end')
        for name in _BATCH_ONLY
        if options[name] is not None
    ]
    least, most = options["minOffsetsPerTrigger"], options["maxOffsetsPerTrigger"]
    if least is not None and most is not None and least > most:
        message = (
            f'the option "minOffsetsPerTrigger" has the value {least}; allowed: up to {most}, maxOffsetsPerTrigger'
        )
        found.append(StreamError("PLUGIN_OPTION_INVALID", message))
    return found


def build(options: Options, context: SourceContext) -> KafkaSource:
    """Return the source; asks no broker yet.

    Raises:
        StreamErrors: every option that is not allowed.
    """
    findings = _findings(options)
    parsed: list[Any] = []
    for parse in (_subscription, parse_starting, lambda o: check_settings(user_settings(o))):
        try:
            parsed.append(parse(options))
        except StreamError as error:
            findings.append(error)
    if findings:
        raise StreamErrors(findings)
    return KafkaSource(options, context, parsed[0], parsed[1])


PLUGIN = Plugin(SPEC, build)
"""Format name kafka, readStream."""
