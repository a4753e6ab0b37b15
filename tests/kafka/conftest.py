"""Opens Kafka sources and sinks with the session's broker, and closes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from headrace.clock import Clock, SystemClock
from headrace.contract import SinkContext, SourceContext
from headrace.options import parse_options
from headrace.testing.kafka import Kafka
from headrace.types import StructType
from headrace_plugins.kafka import sink, source
from headrace_plugins.kafka.sink import KafkaSink
from headrace_plugins.kafka.source import KafkaSource

OpenSource = Callable[..., KafkaSource]
OpenSink = Callable[..., KafkaSink]


@pytest.fixture
def open_source(kafka: Kafka) -> Iterator[OpenSource]:
    """Builds sources on the session's broker, from a clock, a memory budget and options."""
    with ExitStack() as opened:

        def build(clock: Clock | None = None, memory_budget_bytes: int = 16 << 20, **options: Any) -> KafkaSource:
            written = {"kafka.bootstrap.servers": kafka.bootstrap, "startingOffsets": "earliest", **options}
            context = SourceContext("q", "s", clock or SystemClock(), memory_budget_bytes)
            built = source.build(parse_options(source.SPEC, written), context)
            opened.callback(built.close)
            return built

        yield build


@pytest.fixture
def open_sink(kafka: Kafka) -> Iterator[OpenSink]:
    """Builds sinks on the session's broker; a query id of the test's own keeps their transactions apart."""
    with ExitStack() as opened:

        def build(schema: StructType, query_id: str, encoder: Any = None, **options: Any) -> KafkaSink:
            written = {"kafka.bootstrap.servers": kafka.bootstrap, **options}
            context = SinkContext(query_id, "k", schema, "append", SystemClock(), encoder)
            built = sink.build(parse_options(sink.SPEC, written), context)
            opened.callback(built.close)
            return built

        yield build
