"""Engine tests run real queries on memory sources and sinks, with real state on disk and a clock moved by hand."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.parts import SCHEMA, START_US, WINDOWED, MakePipeline, OpenQuery

from headrace.assembly.compile import compile_query
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.yaml_tree import YamlTree
from headrace.contract import installed_plugins
from headrace.engine.query import QueryLimits, QueryParts, open_parts

FLAKY = '''
"""A memory sink whose writes fail as often as the option says; otherwise the memory sink itself."""
from headrace.contract import Kind, Option, Plugin, PluginKind, Spec, Delivery
from headrace.errors import StreamError
from headrace_plugins.memory.sink import MemorySink

LEFT = {}


class FlakySink(MemorySink):
    """Fails the first writes of its name."""

    def __init__(self, options, context):
        super().__init__(options, context)
        self._key = options["name"]
        LEFT.setdefault(self._key, options["failures"])

    def write(self, rows):
        """Fail while failures are left."""
        if LEFT[self._key] > 0:
            LEFT[self._key] -= 1
            raise StreamError("SINK_FAILED", "the sink is not in the mood")
        return super().write(rows)


OPTIONS = (
    Option("name", Kind.STRING, "Table.", required=True),
    Option("queryName", Kind.STRING, "Unused."),
    Option("failures", Kind.INT, "How many writes fail.", default=1),
)
SPEC = Spec("flaky", PluginKind.SINK, "Fails sometimes.", OPTIONS, delivery=Delivery.EXACTLY_ONCE)
PLUGIN = Plugin(SPEC, FlakySink)
'''


@pytest.fixture(scope="session", autouse=True)
def flaky_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install a distribution with the sink `flaky`, found by its entry point."""
    site = tmp_path_factory.mktemp("flaky-site")
    (site / "flaky_plugin.py").write_text(FLAKY)
    facts = site / "flaky_plugin-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: flaky-plugin\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[headrace.plugins]\nsink.flaky = flaky_plugin:PLUGIN\n")
    sys.path.insert(0, str(site))
    installed_plugins.cache_clear()
    yield
    sys.path.remove(str(site))
    installed_plugins.cache_clear()


@pytest.fixture
def make_pipeline(tmp_path: Path) -> MakePipeline:
    """Builds a pipeline over the memory stream `clicks`; keyword arguments replace parts of the file."""
    name = uuid.uuid4().hex

    def make(**parts: Any) -> Pipeline:
        query = {
            "sql": parts.get("sql", WINDOWED),
            "output_mode": parts.get("output_mode", "update"),
            "sink": {"format": "memory", "options": {"name": name}},
        }
        raw = {
            "version": 1,
            "name": "test",
            "sources": parts.get(
                "sources",
                {
                    "clicks": {
                        "format": "memory",
                        "schema": SCHEMA,
                        "options": {"name": name},
                        "watermark": {"column": "ts", "delay": "0 seconds"},
                    }
                },
            ),
            "functions": parts.get("functions", {}),
            "tables": parts.get("tables", {}),
            "views": parts.get("views", []),
            "queries": parts.get("queries", {"q": query}),
            "checkpoint": {"location": str(tmp_path / "checkpoints"), "snapshot_every_batches": 2},
            "on_failure": parts.get("on_failure", "isolate"),
            "settings": parts.get("settings", {}),
        }
        return Pipeline.model_validate(raw).placed(tmp_path / "pipeline.yaml", YamlTree())

    return make


@pytest.fixture
def open_query(make_pipeline: MakePipeline, tmp_path: Path) -> Iterator[OpenQuery]:
    """Opens the query q of a pipeline on its checkpoint; everything opened is closed after the test."""
    opened: list[QueryParts] = []

    def open_one(pipeline: Pipeline | None = None, clock: ManualClock | None = None) -> QueryParts:
        compiled = compile_query(pipeline or make_pipeline(), "q")
        folder = tmp_path / "checkpoints" / "q"
        limits = QueryLimits(threads=1, memory_bytes=256 << 20)
        opened.append(open_parts(compiled, folder, clock or ManualClock(START_US), limits))
        return opened[-1]

    yield open_one
    for parts in opened:
        parts.close()
