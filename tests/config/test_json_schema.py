"""The JSON Schema accepts what `load` accepts and refuses what editors should mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headrace.config.json_schema import DIALECT, json_schema
from headrace.config.yaml_tree import parse_tree
from headrace.contract import Plugin, PluginKind, find_plugin

PIPELINE = """\
version: 1
name: activity
sources:
  events:
    format: pond
    options: {wire.servers: "localhost:9092", subscribe: events, startingOffsets: earliest}
    decode: {format: twig, schema: "Creation_Time BIGINT, gt STRING", on_error: dead_letter}
tables:
  users: {format: leaf, options: {path: data/users}, refresh: 5 minutes}
views:
  - name: activity
    sql: SELECT timestamp_micros(Creation_Time div 1000) AS event_time, gt, User FROM events
    watermark: {column: event_time, delay: 10 seconds}
  - name: once
    deduplicate: {input: activity, columns: [User, event_time], within_watermark: true}
queries:
  counts:
    sql: |
      SELECT window.start AS start, window.end AS end, gt, count(*) AS n
      FROM activity GROUP BY window(event_time, '10 seconds'), gt
    output_mode: update
    trigger: {processing_time: 1 second}
    sink: {format: pond, options: {wire.servers: "localhost:9092", topic: counts}, encode: {format: twig, key: gt}}
checkpoint: {location: ./checkpoints, durability: local}
"""


@pytest.fixture
def schema() -> dict[str, Any]:
    """The schema that knows the plugins of these tests."""
    named = [("pond", "source"), ("pond", "sink"), ("leaf", "table"), ("twig", "format")]
    plugins: list[Plugin] = [find_plugin(name, PluginKind(kind)) for name, kind in named]
    return json_schema(plugins)


def _faults(schema: dict[str, Any], text: str) -> list[str]:
    value = parse_tree(text, "p.yaml", Path()).root
    return [fault.message for fault in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def test_the_schema_is_a_schema(schema: dict[str, Any]) -> None:
    """Its dialect is draft 2020-12, and every key has a description."""
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert [key for key, value in schema["properties"].items() if "description" not in value] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("output_mode: update", "output_mode: update"),
        ("trigger: {processing_time: 1 second}", "trigger: available_now"),
        ("on_error: dead_letter", "on_error: null"),
        ("encode: {format: twig, key: gt}", "encode: twig"),
        ("refresh: 5 minutes", "refresh: never"),
        ("checkpoint:", "on_failure: stop_all\nsettings: {spark.sql.ansi.enabled: false}\nx-any: 1\ncheckpoint:"),
    ],
)
def test_the_schema_accepts_what_a_file_may_hold(schema: dict[str, Any], old: str, new: str) -> None:
    """The example of the design, and the short forms of its values."""
    assert _faults(schema, PIPELINE.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: activity\nsources", "nam: activity\nsources"),
        ("topic: counts", "tpoic: counts"),
        ("startingOffsets: earliest", "startingOffsets: first"),
        ("format: leaf", "format: lef"),
        ("output_mode: update", "output_mode: upsert"),
        ("trigger: {processing_time: 1 second}", "trigger: sometimes"),
    ],
)
def test_the_schema_refuses_what_a_file_may_not_hold(schema: dict[str, Any], old: str, new: str) -> None:
    """Options are known by format."""
    assert _faults(schema, PIPELINE.replace(old, new)) != []
