"""Ground floor: what a plugin promises; sources, sinks, static tables and formats are written against this file alone.

A plugin is a `Plugin` found by the entry point group ``headrace.plugins``: a `Spec` (from which option parsing,
defaults, JSON Schema and the reference page follow) and a function that builds the running part from parsed options.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import pyarrow as pa

from headrace.clock import Clock, SystemClock
from headrace.errors import StreamError, did_you_mean
from headrace.types import StructType

ENTRY_POINTS = "headrace.plugins"

JsonValue = Any  # what json.loads gives


class PluginKind(Enum):
    """What a plugin builds."""

    SOURCE = "source"
    SINK = "sink"
    TABLE = "table"
    FORMAT = "format"


class Delivery(Enum):
    """What a sink can promise for the rows of a batch, through any crash."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class Kind(Enum):
    """The type of an option's value; texts are accepted for every kind, as Spark's options are texts."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DURATION = "duration"  # parsed to microseconds; a bare number is milliseconds, as Spark's options have it
    SIZE = "size"  # parsed to bytes
    JSON = "json"  # parsed with json.loads unless it is a mapping or list already
    CHOICE = "choice"  # one of `allowed`, case-insensitive, given back as written in `allowed`


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a plugin; names are Spark's and case-insensitive."""

    name: str
    kind: Kind
    doc: str
    default: Any = None
    required: bool = False
    secret: bool = False
    allowed: tuple[str, ...] = ()
    minimum: int | None = None


@dataclass(frozen=True, slots=True)
class Passthrough:
    """Options under a prefix that go to an underlying client as they are, such as ``kafka.*``."""

    prefix: str
    doc: str
    rejected: Mapping[str, str] = field(default_factory=dict)  # full key, lower case -> why
    secret: tuple[str, ...] = ()  # full keys, lower case, whose values are masked


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything a page, a schema or a linter needs to know of a plugin."""

    name: str
    kind: PluginKind
    summary: str
    options: tuple[Option, ...] = ()
    passthrough: tuple[Passthrough, ...] = ()
    delivery: Delivery | None = None
    replayable: bool | None = None
    stable: bool = True
    exclusive: str | None = None  # of a sink: the option whose value no other sink may have, such as its folder


class Options:
    """Parsed options of one plugin: defaults filled in, values typed, looked up case-insensitively."""

    def __init__(self, values: Mapping[str, Any], passed: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}
        self.passed: Mapping[str, str] = dict(passed)
        """Options under a passthrough prefix, full keys as written."""

    def __getitem__(self, name: str) -> Any:
        return self._values[name.lower()]

    def without_prefix(self, prefix: str) -> dict[str, str]:
        """Return the passed options under a prefix, the prefix taken off."""
        low = prefix.lower()
        return {key[len(prefix) :]: value for key, value in self.passed.items() if key.lower().startswith(low)}


Offset = Mapping[str, JsonValue]
"""A place in a source, as JSON: the next thing to read. Kafka: ``{"topic": {"0": 23}}``."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may know of its query."""

    query_id: str
    name: str
    clock: Clock = field(default_factory=SystemClock)
    memory_budget_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class SourceLag:
    """How far a source is behind its end, in records; partition names are ``topic-partition``."""

    behind: Mapping[str, int] = field(default_factory=dict)
    stable_behind: Mapping[str, int] = field(default_factory=dict)  # high watermark minus last stable offset
    lost: int = 0  # offsets that were gone before they were read, since the source was opened


class Source(Protocol):
    """A replayable input. One thread calls it; it may own threads, which close() ends.

    Laws: read(a, b) gives the same rows every time, also in another process; read(a, b) then read(b, c) gives what
    read(a, c) gives; latest_offset never goes back behind its start.
    """

    @property
    def schema(self) -> StructType:
        """The columns of what read() gives."""
        ...

    def select(self, columns: Sequence[str]) -> None:
        """Give only these columns from now on, in this order; called at most once, before the first read."""
        ...

    def initial_offset(self) -> Offset:
        """Return where a new query starts. Called once in a checkpoint's life, never after a restart."""
        ...

    def latest_offset(self, start: Offset, *, limited: bool) -> Offset:
        """Return up to where the next batch may read; equal to start when there is nothing new.

        Args:
            start: Where the batch starts.
            limited: Honour the read limits (maxOffsetsPerTrigger, ...); False for trigger once.
        """
        ...

    def freeze(self) -> None:
        """Fix today's end: latest_offset never passes it afterwards. Called once, for trigger available_now."""
        ...

    def read(self, start: Offset, end: Offset) -> pa.Table:
        """Return the rows in [start, end), columns as in schema.

        Raises:
            StreamError: DATA_LOSS when part of the range is gone, SOURCE_FAILED when it cannot be reached.
        """
        ...

    def commit(self, end: Offset) -> None:
        """Tell the outside, for information, that all before end is done; recovery never reads it."""
        ...

    def identity(self) -> JsonValue:
        """Return what must stay the same between runs, such as topic ids; kept in the offset log."""
        ...

    def check_identity(self, logged: JsonValue) -> None:
        """Raise SOURCE_CHANGED when the source is not the one that is known by what identity() gave.

        Called at the start with what the checkpoint knows, and before each commit with what the batch was planned from.
        """
        ...

    def offset_rows(self, start: Offset, end: Offset) -> int:
        """Return how many offsets lie in [start, end), an upper bound of the rows."""
        ...

    def lag(self, end: Offset) -> SourceLag:
        """Return how far end is behind the newest data, from what was last seen; asks nobody."""
        ...

    def describe(self) -> str:
        """Return Spark's description, such as ``KafkaV2[Subscribe[events]]``."""
        ...

    def close(self) -> None:
        """End threads and connections; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Marker:
    """What a sink commits together with a batch: which batch of which query, with which state delta, by which owner."""

    query_id: str
    batch_id: int
    delta: str
    owner: int

    def to_json(self) -> str:
        """Return the text form, version 1."""
        facts = {"query_id": self.query_id, "batch": self.batch_id, "delta": self.delta, "owner": self.owner}
        return json.dumps({"v": 1, **facts})

    @staticmethod
    def from_json(text: str) -> Marker:
        """Return the marker a text holds.

        Raises:
            StreamError: CHECKPOINT_CORRUPT when the text is no marker of version 1.
        """
        try:
            raw = json.loads(text)
            if raw["v"] != 1:
                msg = f"marker version {raw['v']} is newer than this release reads (1)"
                raise StreamError("CHECKPOINT_CORRUPT", msg)
            return Marker(raw["query_id"], raw["batch"], raw["delta"], raw["owner"])
        except (ValueError, KeyError, TypeError) as error:
            raise StreamError("CHECKPOINT_CORRUPT", f"the sink's marker cannot be read: {text!r}") from error


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink may know of its query. `query_id` is stable for the checkpoint's life."""

    query_id: str
    name: str
    schema: StructType
    output_mode: str
    clock: Clock = field(default_factory=SystemClock)
    encoder: Encoder | None = None
    key_columns: tuple[str, ...] = ()
    """Columns that make the key of a record, where the sink has keys; several are encoded by `key_encoder`."""
    key_encoder: Encoder | None = None


class Sink(Protocol):
    """An output with a place for a marker, or without (then at-least-once).

    Calls, in order: recover, claim, then per batch begin, write once, commit or abort; close at the end. After
    IndoubtError from commit the engine calls recover and claim again. Nothing a reader may see exists before commit.
    """

    @property
    def delivery(self) -> Delivery:
        """What this sink promises with its present options."""
        ...

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence earlier owners, finish or undo what they left, and return the last committed marker of this query.

        None when none was ever committed, and always for a sink that keeps no marker.

        Args:
            owner: The number under which this process last owned the query; 0 when it never did.

        Raises:
            SupersededError: a later owner has claimed the query since; nobody was fenced.
        """
        ...

    def claim(self, marker: Marker) -> None:
        """Record the new owner under an already committed batch, visibly to `recover` of any later owner."""
        ...

    def begin(self, marker: Marker) -> None:
        """Start the batch that commit will be given this marker for; nothing of an unfinished earlier one remains."""
        ...

    def write(self, rows: pa.Table) -> int:
        """Hand over all rows of the batch, still invisible, and return how many; what fails later fails commit."""
        ...

    def commit(self, marker: Marker) -> None:
        """Store what is still on its way, then make the batch and its marker visible at once.

        Raises:
            StreamError: a row was refused; nothing became visible.
            SupersededError: a later owner exists; nothing became visible.
            IndoubtError: nobody knows; recover() will tell.
        """
        ...

    def abort(self) -> None:
        """Drop the batch that was begun; may be called when none was."""
        ...

    def describe(self) -> str:
        """Return Spark's description of the sink."""
        ...

    def close(self) -> None:
        """End threads and connections; may be called twice."""
        ...


class Table(Protocol):
    """A static relation: the same rows until loaded anew."""

    @property
    def schema(self) -> StructType:
        """The columns of what load() gives."""
        ...

    def load(self) -> pa.Table:
        """Read everything now.

        Raises:
            StreamError: IO_FAILED with the path, DATA_MALFORMED with file and row.
        """
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a decoder: one per input value, in order; a malformed one is all null and has a reason."""

    rows: pa.Table
    malformed: Mapping[int, str]  # row number -> reason


class Decoder(Protocol):
    """Bytes to columns."""

    def decode(self, values: pa.ChunkedArray, columns: Sequence[str]) -> Decoded:
        """Return only the columns asked for, in that order; a null value gives null columns and is not malformed."""
        ...


class Encoder(Protocol):
    """Columns to bytes."""

    def encode(self, rows: pa.Table) -> pa.Array:
        """Return one string or binary value per row; never null."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """Both directions of a format for one schema; a direction the format lacks is None."""

    decoder: Decoder | None
    encoder: Encoder | None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A spec and the function that builds the running part; `build` takes what its kind needs.

    SOURCE ``build(options, SourceContext) -> Source``; SINK ``build(options, SinkContext) -> Sink``;
    TABLE ``build(options, schema: StructType | None) -> Table``;
    FORMAT ``build(options, schema: StructType) -> Codec``.
    """

    spec: Spec
    build: Callable[..., Any]


def find_plugin(name: str, kind: PluginKind) -> Plugin:
    """Return the plugin of a format name, or refuse with the names there are.

    Raises:
        StreamError: PLUGIN_UNKNOWN.
    """
    plugins, prefix = installed_plugins(), f"{kind.value}."
    if prefix + name.lower() not in plugins:
        names = [key.removeprefix(prefix) for key in plugins if key.startswith(prefix)]
        message = f'no {kind.value} plugin is called "{name}"'
        raise StreamError("PLUGIN_UNKNOWN", message, hint=did_you_mean(name.lower(), names))
    plugin: Plugin = plugins[prefix + name.lower()].load()
    return plugin


def all_plugins() -> list[Plugin]:
    """Return every installed plugin, by kind and name."""
    return [entry.load() for _, entry in sorted(installed_plugins().items())]


@cache  # a look opens a file of every package there is, and a start asks thirty times
def installed_plugins() -> Mapping[str, EntryPoint]:
    """Return the entry points by kind and name, such as ``sink.kafka``, as they are at the first call."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
