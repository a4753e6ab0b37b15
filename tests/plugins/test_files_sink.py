"""The file sink: the kit, owners, manifests, partitions and what the files hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.plugins.delivered import batch_rows, deliver, marker_of, values_in, visible_files

from headrace.clock import ManualClock
from headrace.contract import Plugin, SinkContext
from headrace.errors import StreamError, SupersededError
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT, KIT_SCHEMA, check_sink
from headrace.types import BIGINT, STRING, TIMESTAMP, Field, StructType, struct
from headrace_plugins.files import sink as sinks
from headrace_plugins.files.manifest import KEPT_MANIFESTS, ManifestLog
from headrace_plugins.files.sink import FileSink
from headrace_plugins.files.storage import Bytes, Files, LocalFiles

MINUTE_US = 60_000_000


class QuickFiles(LocalFiles):
    """The local file system without waiting for the disk, for tests of many batches."""

    def write(self, path: Path, content: Bytes) -> None:
        """Create a file."""
        with path.open("xb") as file:
            file.write(content)

    def sync_folder(self, path: Path) -> None:
        """Do nothing."""


def _sink(folder: Path, files: Files | None = None, plugin: Plugin = sinks.PARQUET, **options: object) -> FileSink:
    schema = options.pop("schema", KIT_SCHEMA)
    clock = options.pop("clock", ManualClock())
    assert isinstance(schema, StructType)
    assert isinstance(clock, ManualClock)
    parsed = parse_options(plugin.spec, {"path": str(folder), **options})
    built = plugin.build(parsed, replace(KIT_CONTEXT, schema=schema, clock=clock), files)
    assert isinstance(built, FileSink)
    return built


def test_the_sink_keeps_the_laws_of_the_contract(tmp_path: Path) -> None:
    """The whole battery passes, exactly once."""
    check_sink(lambda: _sink(tmp_path), lambda: values_in(tmp_path))


def test_the_owner_is_checked_before_the_put(tmp_path: Path) -> None:
    """A foreign later owner in owner.json stops the commit."""
    sink = _sink(tmp_path)
    sink.recover()
    deliver(sink, 0)
    ManifestLog(tmp_path, LocalFiles()).set_owner(marker_of(0, 5))
    sink.begin(marker_of(1))
    sink.write(batch_rows(1))
    with pytest.raises(SupersededError, match="owner 5"):
        sink.commit(marker_of(1))
    with pytest.raises(SupersededError, match="owner 5"):
        sink.claim(marker_of(0, 4))
    assert values_in(tmp_path) == ["0-0", "0-1"]


def test_a_batch_decided_with_another_delta_supersedes(tmp_path: Path) -> None:
    """The same batch with the same delta changes nothing; with another, somebody else decided it."""
    sink = _sink(tmp_path)
    sink.recover()
    deliver(sink, 0)
    deliver(sink, 0)
    assert values_in(tmp_path) == ["0-0", "0-1"]
    sink.begin(marker_of(0))
    sink.write(batch_rows(7))
    with pytest.raises(SupersededError, match="batch 0 is in"):
        sink.commit(replace(marker_of(0), delta="another"))
    sink.abort()
    assert values_in(tmp_path) == ["0-0", "0-1"]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("_tmp/notes.txt", "/_tmp holds notes.txt, which no file sink has put there, and would be swept."),
        ("_spark_metadata/0", " is the output of a stream of Spark, whose readers would not see other files."),
    ],
)
def test_a_folder_in_which_others_would_lose_something_is_refused(tmp_path: Path, foreign: str, said: str) -> None:
    """Before anything in it is touched."""
    path = tmp_path / foreign
    path.parent.mkdir()
    path.write_text("theirs")
    with pytest.raises(StreamError) as caught:
        _sink(tmp_path).recover()
    assert (caught.value.code, caught.value.message) == ("CHECKPOINT_DISAGREES", f"{tmp_path}{said}")
    assert [found.relative_to(tmp_path).as_posix() for found in tmp_path.rglob("*") if found.is_file()] == [foreign]


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    """As in Spark, a folder need not be empty; what manifests do not name is not ours."""
    (tmp_path / "readme.txt").write_text("theirs")
    sink = _sink(tmp_path)
    sink.recover()
    deliver(sink, 0)
    assert (tmp_path / "readme.txt").read_text() == "theirs"
    assert len(visible_files(tmp_path)) == 2


def test_a_folder_of_another_query_is_refused(tmp_path: Path) -> None:
    """Spark would silently skip batches here; we say whose folder it is."""
    sink = _sink(tmp_path)
    sink.recover()
    deliver(sink, 0)
    options = parse_options(sinks.PARQUET.spec, {"path": str(tmp_path)})
    other = sinks.PARQUET.build(options, replace(KIT_CONTEXT, query_id="other"))
    with pytest.raises(StreamError, match=f"output of query {KIT_CONTEXT.query_id}") as caught:
        other.recover()
    assert caught.value.code == "CHECKPOINT_DISAGREES"


def test_the_manifest_names_files_rows_bytes_and_marker(tmp_path: Path) -> None:
    """A reader of another language finds everything in ``_commits/<batch>.json``."""
    clock = ManualClock(1_000)
    sink = _sink(tmp_path, clock=clock, maxRecordsPerFile=2)
    sink.recover()
    deliver(sink, 3, batch_rows(3, 5))
    raw = json.loads((tmp_path / "_commits" / "3.json").read_text())
    assert raw["marker"] == json.loads(marker_of(3).to_json())
    assert [file["rows"] for file in raw["files"]] == [2, 2, 1]
    assert sorted(file["path"] for file in raw["files"]) == visible_files(tmp_path)
    assert all(name.startswith("part-3-") and name.endswith(".parquet") for name in visible_files(tmp_path))
    assert [file["bytes"] for file in raw["files"]] == [(tmp_path / f["path"]).stat().st_size for f in raw["files"]]
    assert {file["committed_us"] for file in raw["files"]} == {1_000}


@pytest.mark.parametrize(("retention", "kept"), [(None, 100), ("30 minutes", 50)])
def test_manifests_stay_bounded_and_forget_by_retention(tmp_path: Path, retention: str | None, kept: int) -> None:
    """A hundred batches, a minute apart: few manifests; those folded keep the files of the last half hour."""
    clock = ManualClock()
    sink = _sink(tmp_path, QuickFiles(), clock=clock, retention=retention or "1000 days")
    sink.recover()
    for batch in range(100):
        deliver(sink, batch)
        clock.advance(MINUTE_US)
    log = ManifestLog(tmp_path, LocalFiles())
    committed = [file.path.split("-")[1] for file in log.committed()]
    assert committed == [str(batch) for batch in range(100)][-len(committed) :]
    assert len(committed) == 100 if retention is None else len(committed) <= kept + KEPT_MANIFESTS
    assert len(list((tmp_path / "_commits").iterdir())) <= 2 * KEPT_MANIFESTS + 1
    assert _sink(tmp_path).recover() == marker_of(99)


def test_partition_values_become_folders_and_cannot_leave_them(tmp_path: Path) -> None:
    """Whatever a record holds, its file lies one level below the output folder."""
    nasty = ["../../etc", "/abs", "a/b", "..", ".", "nul\x00byte", "", None, "a=b%", "ü", "x\ny"]
    rows = pa.table([nasty, [str(n) for n in range(len(nasty))]], schema=KIT_SCHEMA.arrow_schema())
    sink = _sink(tmp_path / "out", partitionBy="key")
    sink.recover()
    deliver(sink, 0, rows)
    folders = {name.rsplit("/", 1)[0] for name in visible_files(tmp_path / "out")}
    assert folders == {
        "key=..%2F..%2Fetc",
        "key=%2Fabs",
        "key=a%2Fb",
        "key=..",
        "key=.",
        "key=nul%00byte",
        "key=__HIVE_DEFAULT_PARTITION__",
        "key=a%3Db%25",
        "key=ü",
        "key=x%0Ay",
    }
    assert values_in(tmp_path / "out") == sorted(str(n) for n in range(len(nasty)))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    one = next((tmp_path / "out" / "key=ü").iterdir())
    assert pq.ParquetFile(one).schema_arrow.names == ["value"]


def test_partitions_by_two_columns_nest_in_the_order_named(tmp_path: Path) -> None:
    """Numbers and timestamps have the text of Spark's cast, encoded for a path."""
    schema = struct(n=BIGINT, t=TIMESTAMP, value=STRING)
    times = [datetime(2020, 1, 2, 3, 4, 5, us, UTC) for us in (0, 500_000)]
    rows = pa.table([[1, 2], times, ["a", "b"]], schema=schema.arrow_schema())
    sink = _sink(tmp_path, schema=schema, partitionBy="t, n")
    sink.recover()
    deliver(sink, 0, rows)
    assert [name.rsplit("/", 1)[0] for name in visible_files(tmp_path)] == [
        "t=2020-01-02 03%3A04%3A05.5/n=2",
        "t=2020-01-02 03%3A04%3A05/n=1",
    ]


def test_a_value_too_long_for_a_folder_fails_before_the_decision(tmp_path: Path) -> None:
    """After the decision the rename could never succeed."""
    sink = _sink(tmp_path, partitionBy="key")
    sink.recover()
    rows = pa.table([["x" * 300], ["v"]], schema=KIT_SCHEMA.arrow_schema())
    with pytest.raises(StreamError, match="300 characters, too long"):
        deliver(sink, 0, rows)


@pytest.mark.parametrize("mode", ["update", "complete"])
def test_other_modes_than_append_are_refused(tmp_path: Path, mode: str) -> None:
    """Files cannot be updated in place; Spark's condition is kept."""
    options = parse_options(sinks.JSON.spec, {"path": str(tmp_path)})
    with pytest.raises(StreamError) as caught:
        sinks.JSON.build(options, replace(KIT_CONTEXT, output_mode=mode))
    assert caught.value.condition == "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE"


def test_wrong_partition_columns_are_refused(tmp_path: Path) -> None:
    """An unknown name comes with a suggestion; a column must be left for the files."""
    with pytest.raises(StreamError, match=r'Did you mean "value"\?'):
        _sink(tmp_path, partitionBy="valu")
    with pytest.raises(StreamError, match="at least one must be left"):
        _sink(tmp_path, partitionBy="key,value")


def test_parquet_timestamps_are_utc_microseconds(tmp_path: Path) -> None:
    """Other engines read the same instant."""
    schema = struct(value=TIMESTAMP)
    moment = datetime(2020, 1, 2, 3, 4, 5, 678_901, UTC)
    sink = _sink(tmp_path, schema=schema, compression="zstd")
    sink.recover()
    deliver(sink, 0, pa.table([[moment]], schema=schema.arrow_schema()))
    file = pq.ParquetFile(tmp_path / visible_files(tmp_path)[0])
    logical = json.loads(file.schema.column(0).logical_type.to_json())
    assert (logical["isAdjustedToUTC"], logical["timeUnit"]) == (True, "microseconds")
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.read().to_pylist() == [{"value": moment}]


def test_a_torn_manifest_is_named(tmp_path: Path) -> None:
    """The error says which file; nothing is guessed."""
    sink = _sink(tmp_path)
    sink.recover()
    deliver(sink, 0)
    (tmp_path / "_commits" / "0.json").write_text('{"v": 1, "mark')
    with pytest.raises(StreamError, match=r"0\.json is not a manifest") as caught:
        _sink(tmp_path).recover()
    assert caught.value.code == "CHECKPOINT_CORRUPT"


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """A file cannot hold them; Spark refuses with the same condition."""
    schema = StructType((Field("a", STRING), Field("A", STRING)))
    with pytest.raises(StreamError) as caught:
        sinks.PARQUET.build(
            parse_options(sinks.PARQUET.spec, {"path": str(tmp_path)}), SinkContext("q", "q", schema, "append")
        )
    assert caught.value.condition == "COLUMN_ALREADY_EXISTS"


def test_asking_looks_for_a_folder_and_makes_none(tmp_path: Path) -> None:
    """One that could be made is good; one below a file is not."""
    _sink(tmp_path / "a" / "b").ask()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StreamError, match="is no folder this user may write to") as caught:
        _sink(tmp_path / "file" / "out").ask()
    assert caught.value.code == "IO_FAILED"
