"""Static tables from parquet, json and csv files, and the text files the sink writes."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.contract import Marker, Plugin
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT
from headrace.types import BIGINT, DOUBLE, STRING, TIMESTAMP, StructType, struct
from headrace_plugins.files import sink as sinks
from headrace_plugins.files import table as tables
from headrace_plugins.files.table import FileTable

SCHEMA = struct(id=BIGINT, name=STRING)
PACKED = gzip.compress(b"1,a", mtime=0)  # a name of a test must not tell the time: workers compare theirs


def _table(plugin: Plugin, path: Path | str, schema: StructType | None = SCHEMA, **options: object) -> FileTable:
    built = plugin.build(parse_options(plugin.spec, {"path": str(path), **options}), schema)
    assert isinstance(built, FileTable)
    return built


def _rows(plugin: Plugin, path: Path | str, schema: StructType | None = SCHEMA, **options: object) -> list[Any]:
    return list(_table(plugin, path, schema, **options).load().to_pylist())


def _write_sink(plugin: Plugin, folder: Path, schema: StructType, *batches: pa.Table, **options: object) -> None:
    parsed = parse_options(plugin.spec, {"path": str(folder), **options})
    sink = plugin.build(parsed, replace(KIT_CONTEXT, schema=schema))
    sink.recover()
    for number, rows in enumerate(batches):
        sink.begin(Marker(KIT_CONTEXT.query_id, number, f"d{number}", 1))
        sink.write(rows)
        sink.commit(Marker(KIT_CONTEXT.query_id, number, f"d{number}", 1))
    sink.close()


def _content(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("part-*"))]


def test_json_files_are_what_to_json_writes(tmp_path: Path) -> None:
    """One object a line, null fields left out."""
    rows = pa.table({"id": [1, None], "name": ["a", None]})
    _write_sink(sinks.JSON, tmp_path, SCHEMA, rows)
    assert _content(tmp_path) == [b'{"id":1,"name":"a"}\n{}\n']


def test_csv_files_have_a_header_when_asked(tmp_path: Path) -> None:
    """Each file has its own."""
    rows = pa.table({"id": [1, 2], "name": ["a,b", None]})
    _write_sink(sinks.CSV, tmp_path / "with", SCHEMA, rows, header=True)
    _write_sink(sinks.CSV, tmp_path / "without", SCHEMA, rows)
    assert _content(tmp_path / "with") == [b'id,name\n1,"a,b"\n2,\n']
    assert _content(tmp_path / "without") == [b'1,"a,b"\n2,\n']


@pytest.mark.parametrize("name", ["JSON", "CSV", "PARQUET"])
def test_what_the_sink_wrote_reads_back_partitions_included(tmp_path: Path, name: str) -> None:
    """Only committed files count, in the order of their batches."""
    schema = struct(id=BIGINT, name=STRING, day=STRING)
    batches = [
        pa.table({"id": [1, 2], "name": ["a", "b"], "day": ["mon/day", None]}),
        pa.table({"id": [3], "name": [None], "day": ["x=y"]}, schema=schema.arrow_schema()),
    ]
    options = {"compression": "gzip"}
    _write_sink(getattr(sinks, name), tmp_path, schema, *batches, partitionBy="day", **options)
    (tmp_path / "part-9-orphan.json").write_text("garbage")
    assert _rows(getattr(tables, name), tmp_path, schema) == [
        {"id": 2, "name": "b", "day": None},
        {"id": 1, "name": "a", "day": "mon/day"},
        {"id": 3, "name": None, "day": "x=y"},
    ]


def test_a_folder_is_read_in_order_and_hidden_files_are_not(tmp_path: Path) -> None:
    """Names that begin with an underscore or a dot are hidden, at every level."""
    for name in ("b.json", "a.json", "sub/c.json", "_x.json", ".y.json", "_sub/z.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'{{"id": 1, "name": "{name}"}}\n\n')
    assert [row["name"] for row in _rows(tables.JSON, tmp_path)] == ["a.json", "b.json", "sub/c.json"]
    assert [row["name"] for row in _rows(tables.JSON, f"{tmp_path}/*.json")] == ["_x.json", "a.json", "b.json"]
    assert [row["name"] for row in _rows(tables.JSON, tmp_path / "b.json")] == ["b.json"]


def test_a_path_that_names_nothing_says_so(tmp_path: Path) -> None:
    """The error holds the path as written."""
    with pytest.raises(StreamError, match=r"nowhere.*names no file") as caught:
        _rows(tables.JSON, tmp_path / "nowhere")
    assert caught.value.code == "IO_FAILED"


def test_malformed_rows_follow_the_mode(tmp_path: Path) -> None:
    """FAILFAST names file and line; blank lines count as lines."""
    path = tmp_path / "u.json"
    path.write_text('{"id": 1, "name": "a"}\n\n{"id": "x"}\n{"id": 3}\n')
    assert [row["id"] for row in _rows(tables.JSON, path)] == [1, None, 3]
    assert [row["id"] for row in _rows(tables.JSON, path, mode="dropmalformed")] == [1, 3]
    with pytest.raises(StreamError, match=r"u\.json, line 3: does not fit id BIGINT") as caught:
        _rows(tables.JSON, path, mode="FAILFAST")
    assert caught.value.code == "DATA_MALFORMED"


def test_csv_goes_by_position_and_skips_its_header(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends are no part of the values."""
    path = tmp_path / "u.csv"
    path.write_bytes(b'\xef\xbb\xbfnumber;label\r\n1;"a;b"\r\n2;\r\n')
    assert _rows(tables.CSV, path, header=True, sep=";") == [{"id": 1, "name": "a;b"}, {"id": 2, "name": None}]


def test_gzip_files_are_unpacked(tmp_path: Path) -> None:
    """By their ending."""
    (tmp_path / "u.csv.gz").write_bytes(gzip.compress(b"1,a\n"))
    assert _rows(tables.CSV, tmp_path) == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize("damage", [b"", b"1,a", PACKED[:-9], PACKED[:10] + b"\xff" * 20])
def test_a_gzip_file_that_is_none_is_named(tmp_path: Path, damage: bytes) -> None:
    """Empty, plain, cut off, and garbage behind a good head; only the empty one has no rows."""
    path = tmp_path / "u.csv.gz"
    path.write_bytes(damage)
    if not damage:
        assert _rows(tables.CSV, tmp_path) == []
        return
    with pytest.raises(StreamError, match=r"u\.csv\.gz cannot be read: ") as caught:
        _rows(tables.CSV, tmp_path)
    assert caught.value.code == "IO_FAILED"


@pytest.mark.parametrize("plugin", [tables.JSON, tables.CSV])
def test_text_files_need_a_schema(tmp_path: Path, plugin: Plugin) -> None:
    """Nothing is inferred; the option schema serves as well."""
    with pytest.raises(StreamError, match="inferSchema is not supported"):
        _table(plugin, tmp_path, None, inferSchema=True)
    options = parse_options(plugin.spec, {"path": str(tmp_path), "schema": "id BIGINT, name STRING"})
    assert plugin.build(options, None).schema == SCHEMA


def test_parquet_brings_its_schema(tmp_path: Path) -> None:
    """Timestamps in any unit become microseconds; folders become columns of text."""
    folder = tmp_path / "day=1"
    folder.mkdir()
    rows = pa.table({"id": [1], "t": pa.array([1_500], pa.timestamp("ms", "UTC"))})
    pq.write_table(rows, folder / "a.parquet")
    table = _table(tables.PARQUET, tmp_path, None)
    assert table.schema == struct(id=BIGINT, t=TIMESTAMP, day=STRING)
    assert table.load().schema.equals(table.schema.arrow_schema())
    assert table.load().column("t").cast(pa.int64()).to_pylist() == [1_500_000]


def test_parquet_columns_go_by_name_and_a_missing_one_is_null(tmp_path: Path) -> None:
    """Case does not matter, order does not matter, surplus columns are left out."""
    pq.write_table(pa.table({"Name": ["a"], "more": [1], "ID": pa.array([7], pa.int32())}), tmp_path / "a.parquet")
    schema = struct(id=BIGINT, name=STRING, x=DOUBLE)
    assert _rows(tables.PARQUET, tmp_path, schema) == [{"id": 7, "name": "a", "x": None}]


def test_a_parquet_column_of_another_type_names_file_and_column(tmp_path: Path) -> None:
    """A text is no BIGINT."""
    pq.write_table(pa.table({"id": ["seven"], "name": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(StreamError, match=r"a\.parquet: the column id does not fit int64") as caught:
        _rows(tables.PARQUET, tmp_path)
    assert caught.value.code == "DATA_MALFORMED"


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    """Half a file, or another format."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(StreamError, match=r"a\.parquet is no parquet file"):
        _rows(tables.PARQUET, tmp_path)


def test_folder_values_take_the_type_of_their_column(tmp_path: Path) -> None:
    """A value that does not fit names its file."""
    for day in ("1", "x"):
        (tmp_path / f"day={day}").mkdir()
        (tmp_path / f"day={day}" / "a.csv").write_text("5\n")
    schema = struct(id=BIGINT, day=BIGINT)
    assert _rows(tables.CSV, tmp_path / "day=1", struct(id=BIGINT)) == [{"id": 5}]
    with pytest.raises(StreamError, match=r"folder value 'x' of day is no BIGINT"):
        _rows(tables.CSV, tmp_path, schema)
