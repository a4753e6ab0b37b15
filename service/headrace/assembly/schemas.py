"""Fitting shop: what SQL sees of a source or table, found without reading any data.

Takes a pipeline and a name; gives a schema; a plugin is built for it and closed, which opens no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.config.pipeline import Pipeline
from headrace.config.plugin_options import built_options
from headrace.contract import Plugin, PluginKind, Source, SourceContext, Table, find_plugin
from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.inputs.stream import RECORD, visible_schema
from headrace.sql.settings import SqlSettings, time_zone
from headrace.types import StructType


def source_schema(pipeline: Pipeline, name: str) -> StructType:
    """Return the columns of a source as SQL sees them.

    Raises:
        StreamError, StreamErrors: options or DDL are not right.
    """
    config = pipeline.sources[name]
    raw = record_schema(pipeline, name)
    decoded = None
    if config.decode is not None:
        if "value" not in raw.names:
            message = f'source "{name}" has no column value to decode; its columns: {", ".join(raw.names)}.'
            raise StreamError("CONFIG_INVALID_VALUE", message, hint="Remove decode.")
        decoded = decode_schema(pipeline, name)
        if any(column.lower() == RECORD for column in decoded.names):
            what = "which is the struct of the source's own columns"
            message = f'the schema of source "{name}" has a column {RECORD}, {what}.'
            raise StreamError(
                "CONFIG_INVALID_VALUE", message, hint="Leave it out, or read it by from_json, without decode."
            )
    return visible_schema(raw, decoded)


def record_schema(pipeline: Pipeline, name: str) -> StructType:
    """Return the columns of a source before anything is decoded."""
    source = build_source(pipeline, name, SourceContext(query_id="", name=name))
    try:
        return source.schema
    finally:
        source.close()


def decode_schema(pipeline: Pipeline, name: str) -> StructType:
    """Return the columns a source's values are decoded to; `value STRING` where the format needs no schema."""
    decode = pipeline.sources[name].decode
    return parse_schema(decode.schema_ if decode is not None and decode.schema_ else "value STRING")


def build_source(pipeline: Pipeline, name: str, context: SourceContext, more: dict[str, Any] | None = None) -> Source:
    """Return a source, unconnected; `more` are options the file leaves to us."""
    config = pipeline.sources[name]
    options = {**config.options, **(more or {})}
    plugin, parsed = built_options(PluginKind.SOURCE, config.format, _with_schema(options, config.schema_))
    source: Source = plugin.build(parsed, context)
    return source


def table_schema(pipeline: Pipeline, name: str) -> StructType:
    """Return the columns of a static table."""
    config = pipeline.tables[name]
    if config.rows is not None:
        return parse_schema(config.schema_ or "")
    return build_table(pipeline, name).schema


def build_table(pipeline: Pipeline, name: str) -> Table:
    """Return a static table of a format, not loaded."""
    config = pipeline.tables[name]
    options = with_zone(pipeline, PluginKind.TABLE, config.format or "", config.options)
    plugin, parsed = built_options(PluginKind.TABLE, config.format or "", options)
    table: Table = plugin.build(parsed, parse_schema(config.schema_) if config.schema_ else None)
    return table


def _with_schema(options: dict[str, Any], schema: str | None) -> dict[str, Any]:
    return options if schema is None else {**options, "schema": schema}


def with_zone(pipeline: Pipeline, kind: PluginKind, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plugin's options with the session's time zone, unless it takes none or they name another.

    Raises:
        StreamError: PLUGIN_UNKNOWN; CONFIG_INVALID_VALUE, what they name is no time zone.
    """
    if not takes_option(find_plugin(name, kind), "timeZone"):
        return dict(options)
    zone = {"timeZone": SqlSettings.of(pipeline.settings).time_zone}
    for key, value in options.items():
        if key.lower() == "timezone" and value is not None:
            zone = {key: time_zone(str(value), 'the option "timeZone"')}
    return {**options, **zone}


def takes_option(plugin: Plugin, name: str) -> bool:
    """Return True when a plugin's SPEC has an option of this name."""
    return any(option.name.lower() == name.lower() for option in plugin.spec.options)
