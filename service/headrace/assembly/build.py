"""Fitting shop: the running parts of a compiled query, built from the pipeline file and the plugins.

Takes a `CompiledQuery`, the query id and a clock; gives inputs, tables, sink and dead letters; who opens them closes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from headrace.assembly.compile import CompiledQuery, placed
from headrace.assembly.rows import rows_to_table
from headrace.assembly.schemas import build_source, build_table, decode_schema, takes_option, with_zone
from headrace.clock import Clock, SystemClock
from headrace.config.pipeline import EncodeConfig, Pipeline
from headrace.config.plugin_options import built_options
from headrace.config.quantities import Refresh, RefreshKind
from headrace.config.shape.source import OnError, SourceConfig
from headrace.contract import Codec, Encoder, PluginKind, Sink, SinkContext, SourceContext, Table, find_plugin
from headrace.ddl import parse_schema
from headrace.errors import StreamError, StreamErrors, did_you_mean
from headrace.inputs.deadletters import DeadLetters
from headrace.inputs.stream import Decoding, OnMalformed, StreamInput
from headrace.inputs.tables import InlineTable, Refreshed, StaticTables
from headrace.types import BINARY, STRING, TIMESTAMP, ArrayType, StructType, struct
from headrace.values import US_PER_S

DEAD_LETTER_SCHEMA = struct(
    key=BINARY, value=BINARY, timestamp=TIMESTAMP, headers=ArrayType(struct(key=STRING, value=BINARY))
)


def build_inputs(compiled: CompiledQuery, query_id: str, clock: Clock) -> dict[str, Callable[[], StreamInput]]:
    """Return a builder for each source of the query."""
    wanted = {step.source: tuple(column.name for column in step.output) for step in compiled.steps.sources}
    return {
        name: partial(_input, compiled, name, wanted.get(name, ()), SourceContext(query_id, name, clock))
        for name in compiled.sources
    }


def _input(compiled: CompiledQuery, name: str, columns: tuple[str, ...], context: SourceContext) -> StreamInput:
    config = compiled.pipeline.sources[name]
    decoding = _decoding(compiled, name)
    more: dict[str, Any] = {}
    keeps = name in compiled.guarded.letters
    sends = keeps or (decoding is not None and decoding.on_error is OnMalformed.DEAD_LETTER)
    if sends and takes_option(find_plugin(config.format, PluginKind.SOURCE), "includeHeaders"):
        more["includeHeaders"] = "true"
    source = build_source(compiled.pipeline, name, context, more)
    return StreamInput(name, source, decoding, columns, keeps_records=keeps)


def _decoding(compiled: CompiledQuery, name: str) -> Decoding | None:
    config = compiled.pipeline.sources[name].decode
    if config is None:
        return None
    schema = decode_schema(compiled.pipeline, name)
    codec = _codec(compiled, config.format, config.options, schema)
    if codec.decoder is None:
        message = f"the format {config.format} cannot decode"
        raise StreamError("PLUGIN_OPTION_INVALID", message, at=compiled.pipeline.at("sources", name, "decode"))
    return Decoding(codec.decoder, schema, OnMalformed(config.on_error.value))


def check_parts(compiled: CompiledQuery) -> None:
    """Refuse a query whose decoders, tables, sink or dead letters cannot be built; nothing is connected or opened.

    Raises:
        StreamErrors: every option and column that does not fit, at its place in the file.
    """
    errors: list[StreamError] = []
    closing: list[Callable[[], None]] = []

    def sink() -> None:
        closing.append(build_sink(compiled, "", SystemClock()).close)

    def dead_letters() -> None:
        letters = build_dead_letters(compiled, "", SystemClock())
        closing.append(letters.close if letters else lambda: None)

    parts: list[tuple[tuple[str, ...], Callable[[], object]]] = [
        (("sources", name, "decode"), partial(_decoding, compiled, name)) for name in compiled.sources
    ]
    parts += [(("tables", name), partial(static_table, compiled.pipeline, name)) for name in compiled.tables]
    parts += [(("sources",), dead_letters), (("queries", compiled.name, "sink"), sink)]
    for keys, build in parts:
        try:
            with placed(compiled.pipeline, keys):
                build()
        except StreamErrors as found:
            errors += found.errors
    for close in closing:
        close()
    if errors:
        raise StreamErrors(errors)


def build_tables(compiled: CompiledQuery, clock: Clock) -> StaticTables:
    """Return the static tables of the query, not loaded."""
    tables = {}
    for name in compiled.tables:
        table = static_table(compiled.pipeline, name)
        refresh = compiled.pipeline.tables[name].refresh
        tables[name] = Refreshed(table, None if isinstance(table, InlineTable) else _good_for_s(refresh))
    return StaticTables(tables, clock)


def static_table(pipeline: Pipeline, name: str) -> Table | InlineTable:
    """Return a static table of the file, not loaded."""
    config = pipeline.tables[name]
    if config.rows is not None:
        return InlineTable(rows_to_table(config.rows, parse_schema(config.schema_ or "")))
    return build_table(pipeline, name)


def _good_for_s(refresh: Refresh) -> float | None:
    if refresh.kind is RefreshKind.NEVER:
        return None
    return 0.0 if refresh.kind is RefreshKind.EVERY_BATCH else refresh.interval_us / US_PER_S


def build_sink(compiled: CompiledQuery, query_id: str, clock: Clock) -> Sink:
    """Return the query's sink, unconnected.

    Raises:
        StreamError, StreamErrors: options or columns do not fit the sink.
    """
    config = compiled.config.sink
    options = with_zone(compiled.pipeline, PluginKind.SINK, config.format, config.options)
    if config.partition_by:
        options["partitionBy"] = ",".join(config.partition_by)
    encoder = key_encoder = None
    key: tuple[str, ...] = ()
    if config.encode is not None:
        encoder = _encoder(compiled, config.encode, compiled.output)
        key = config.encode.key
        if len(key) == 1:
            options["keyColumn"] = key[0]
        elif key:
            key_encoder = _encoder(compiled, config.encode, _part_of(compiled, key))
    plugin, parsed = built_options(PluginKind.SINK, config.format, options)
    context = SinkContext(
        query_id, compiled.name, compiled.output, compiled.output_mode, clock, encoder, key, key_encoder
    )
    sink: Sink = plugin.build(parsed, context)
    return sink


def _part_of(compiled: CompiledQuery, names: Sequence[str]) -> StructType:
    fields = {field.name: field for field in compiled.output.fields}
    unknown = [name for name in names if name not in fields]
    if unknown:
        message = f'the key column "{unknown[0]}" is not in the result.'
        at = compiled.pipeline.at("queries", compiled.name, "sink", "encode")
        raise StreamError("SQL_ANALYSIS", message, at=at, hint=did_you_mean(unknown[0], fields))
    return StructType(tuple(fields[name] for name in names))


def _encoder(compiled: CompiledQuery, config: EncodeConfig, schema: StructType) -> Encoder:
    codec = _codec(compiled, config.format, config.options, schema)
    if codec.encoder is None:
        message = f"the format {config.format} cannot encode"
        raise StreamError("PLUGIN_OPTION_INVALID", message)
    return codec.encoder


def _codec(compiled: CompiledQuery, name: str, options: Mapping[str, Any], schema: StructType) -> Codec:
    """Both directions of a format, in the session's time zone unless its options name another."""
    zoned = with_zone(compiled.pipeline, PluginKind.FORMAT, name, options)
    plugin, parsed = built_options(PluginKind.FORMAT, name, zoned)
    codec: Codec = plugin.build(parsed, schema)
    return codec


def build_dead_letters(compiled: CompiledQuery, query_id: str, clock: Clock) -> DeadLetters | None:
    """Return the dead-letter topics of the query's sources, None when no source has one."""
    sinks = {}
    for name in compiled.sources:
        decode = compiled.pipeline.sources[name].decode
        if (decode is not None and decode.on_error is OnError.DEAD_LETTER) or name in compiled.guarded.letters:
            with placed(compiled.pipeline, ("sources", name)):
                sinks[name] = _dead_letter_sink(compiled, name, query_id, clock)
    return DeadLetters(sinks, query_id) if sinks else None


def _dead_letter_sink(compiled: CompiledQuery, name: str, query_id: str, clock: Clock) -> Sink:
    config = compiled.pipeline.sources[name]
    target = config.letters
    if target is None:
        message = f'source "{name}" sends malformed records to dead letters, but names no topic'
        raise StreamError(
            "CONFIG_MISSING_KEY",
            message,
            at=compiled.pipeline.at("sources", name, "decode"),
            hint="Add dead_letter: {topic: NAME}.",
        )
    ours = {"topic": target.topic, "timestampColumn": "timestamp"}
    plugin, options = built_options(
        PluginKind.SINK,
        "kafka",
        {**producer_options(config), **target.options, **ours},
    )
    own_id = f"{query_id}-dead-letters-{name}"
    sink: Sink = plugin.build(
        options, SinkContext(own_id, f"{compiled.name}.{name}", DEAD_LETTER_SCHEMA, "append", clock)
    )
    return sink


_OF_CONSUMERS = (
    *("allow.auto.create.", "check.crcs", "enable.partition.eof", "fetch.", "group.", "heartbeat.", "isolation.level"),
    *("max.partition.fetch.", "max.poll.", "partition.assignment.", "queued.", "session."),
)
"""How the names of settings begin that only a consumer has (librdkafka's CONFIGURATION page)."""


def producer_options(config: SourceConfig) -> dict[str, Any]:
    """Return a source's ``kafka.*`` options that a producer takes too; it warns of others at every start."""
    return {
        key: value
        for key, value in config.options.items()
        if key.lower().startswith("kafka.") and not key.lower().removeprefix("kafka.").startswith(_OF_CONSUMERS)
    }
