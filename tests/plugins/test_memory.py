"""The memory source and sink: the kits, and rows that outlive a query within the process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from headrace.contract import Marker, Options, SourceContext
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT, KIT_SCHEMA, check_sink
from headrace.testing.source_kit import check_source
from headrace.types import BIGINT, STRING, struct
from headrace_plugins.memory import (
    SINK,
    SOURCE,
    MemorySink,
    MemorySource,
    clear_streams,
    clear_tables,
    memory_stream,
    memory_table,
)

SCHEMA = struct(k=STRING, v=BIGINT)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    clear_streams()
    clear_tables()


def _source() -> MemorySource:
    source = SOURCE.build(Options({"name": "clicks", "schema": SCHEMA}, {}), SourceContext("q", "clicks"))
    assert isinstance(source, MemorySource)
    return source


def _sink(mode: str = "append", **options: object) -> MemorySink:
    context = replace(KIT_CONTEXT, output_mode=mode)
    sink = SINK.build(parse_options(SINK.spec, options), context)
    assert isinstance(sink, MemorySink)
    return sink


def _marker(batch: int) -> Marker:
    return Marker(KIT_CONTEXT.query_id, batch, f"delta-{batch}", 1)


def _rows(*values: str) -> pa.Table:
    return pa.table([[None] * len(values), list(values)], schema=KIT_SCHEMA.arrow_schema())


def _deliver(sink: MemorySink, batch: int, rows: pa.Table) -> None:
    sink.begin(_marker(batch))
    sink.write(rows)
    sink.commit(_marker(batch))


def test_the_source_keeps_the_laws_of_the_contract() -> None:
    """The whole battery passes; each instance stands for a restarted query."""

    def feed(count: int) -> None:
        for n in range(count):
            memory_stream("clicks").add([{"k": "x", "v": n}])

    check_source(_source, feed)


def test_each_add_is_one_step_whatever_its_shape() -> None:
    """Mappings and tables take the types of the schema; absent columns are null."""
    source = _source()
    assert source.add([{"k": "a", "v": 1}, {"v": 2}]) == 1
    assert source.add(pa.table({"v": pa.array([3], pa.int32()), "other": ["z"]})) == 2
    start = source.initial_offset()
    end = source.latest_offset(start, limited=True)
    assert end == {"offset": 2}
    assert source.read(start, end).to_pylist() == [{"k": "a", "v": 1}, {"k": None, "v": 2}, {"k": None, "v": 3}]
    assert source.lag(start).behind == {"clicks": 3}


def test_the_schema_may_be_ddl() -> None:
    """The option reads as Spark DDL."""
    options = parse_options(SOURCE.spec, {"schema": "k STRING, v BIGINT"})
    assert SOURCE.build(options, SourceContext("q", "s")).schema == SCHEMA


def test_rows_that_do_not_fit_are_refused_with_the_schema() -> None:
    """A text is no BIGINT."""
    source = _source()
    source.add([{"v": "seven"}])
    with pytest.raises(StreamError, match="do not fit STRUCT<k: STRING, v: BIGINT>") as caught:
        source.read({"offset": 0}, {"offset": 1})
    assert caught.value.code == "DATA_MALFORMED"


def test_steps_of_an_earlier_process_are_data_loss() -> None:
    """An offset past the end means that the process which held the rows is gone."""
    with pytest.raises(StreamError, match="holds 0") as caught:
        _source().read({"offset": 0}, {"offset": 4})
    assert caught.value.code == "DATA_LOSS"


def test_the_sink_keeps_the_laws_of_the_contract() -> None:
    """The whole battery passes, exactly once."""

    def visible() -> list[Any]:
        rows = memory_table("kit").rows()
        return rows.column("value").to_pylist() if rows.num_rows else []

    check_sink(_sink, visible)


def test_complete_mode_shows_the_last_batch_only() -> None:
    """Each batch holds the whole result."""
    sink = _sink("complete", queryName="t")
    sink.recover()
    _deliver(sink, 0, _rows("a", "b"))
    _deliver(sink, 1, _rows("c"))
    assert memory_table("t").rows().to_pylist() == [{"key": None, "value": "c"}]


def test_a_batch_given_again_is_shown_once() -> None:
    """A batch id that is there already changes nothing."""
    sink = _sink(queryName="t")
    sink.recover()
    _deliver(sink, 0, _rows("a"))
    _deliver(sink, 0, _rows("again"))
    assert {n: t.to_pylist() for n, t in memory_table("t").batches().items()} == {0: [{"key": None, "value": "a"}]}


def test_a_new_query_of_the_same_name_starts_empty() -> None:
    """Rows belong to the query id, the name to its last query."""
    sink = _sink(queryName="t")
    sink.recover()
    _deliver(sink, 0, _rows("old"))
    other = SINK.build(parse_options(SINK.spec, {"name": "t"}), replace(KIT_CONTEXT, query_id="other"))
    assert other.recover() is None
    assert memory_table("t").rows().to_pylist() == []
