"""Plugins files: the parquet, json and csv sinks.

Takes batches, gives files in a folder, exactly once: a batch's manifest, put into ``_commits`` if absent, is the
decision, and it holds the marker. Append mode only, as Spark's file sink.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.contract import (
    Delivery,
    Kind,
    Marker,
    Option,
    Options,
    Plugin,
    PluginKind,
    SinkContext,
    Spec,
)
from headrace.errors import StreamError
from headrace.types import StructType
from headrace_plugins.files.commit import FolderCommits
from headrace_plugins.files.manifest import DataFile
from headrace_plugins.files.partitions import check_partition_columns, split_by_folder
from headrace_plugins.files.storage import Files, LocalFiles, folder_of, is_there
from headrace_plugins.files.writing import FileWriter, csv_writer, json_writer, parquet_writer
from headrace_plugins.formats.csv import CSV_OPTIONS
from headrace_plugins.formats.json import IGNORE_NULLS
from headrace_plugins.formats.text_sql import TIME_ZONE

SHARED_OPTIONS = (
    Option("path", Kind.STRING, "The folder; made when it is not there.", required=True),
    Option("partitionBy", Kind.STRING, "Columns, with commas between, that become folders column=value."),
    Option("retention", Kind.DURATION, "Age at which files leave the manifests; never by default.", minimum=0),
    Option("maxRecordsPerFile", Kind.INT, "Rows of one file at most; no limit by default.", minimum=1),
)
"""What every file sink takes."""

WriterBuilder = Callable[[Options, StructType], FileWriter]


class FileSink:
    """Appends files to a folder. Exactly once on a local or mounted POSIX folder.

    Args:
        options: Of the format's Spec; built in code, partitionBy may be a list.
        context: The query.
        make_writer: Builds the format's writer for the columns that go into the files.
        files: The file system.
    """

    def __init__(
        self, options: Options, context: SinkContext, make_writer: WriterBuilder, files: Files | None = None
    ) -> None:
        if context.output_mode != "append":
            message = f"the file sink takes output mode append; seen: {context.output_mode}"
            condition = "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE"
            raise StreamError("STREAMING_UNSUPPORTED", message, condition=condition)
        _check_names(context.schema)
        self._folder = Path(folder_of(options["path"]))
        self._partition_by = _names(options["partitionBy"])
        check_partition_columns(self._partition_by, context.schema)
        kept = tuple(field for field in context.schema.fields if field.name not in self._partition_by)
        self._writer = make_writer(options, StructType(kept))
        self._max_rows: int | None = options["maxRecordsPerFile"]
        self._commits = FolderCommits(
            self._folder,
            files or LocalFiles(),
            context.query_id,
            clock=context.clock,
            retention_us=options["retention"],
        )
        self._batch: int | None = None
        self._staged: list[DataFile] = []

    @property
    def delivery(self) -> Delivery:
        """Exactly once."""
        return Delivery.EXACTLY_ONCE

    def ask(self) -> None:
        """Look whether the folder is there or could be made, and be written to.

        Raises:
            StreamError: IO_FAILED.
        """
        nearest = next(path for path in (self._folder, *self._folder.parents) if is_there(path))
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            message = f"the folder {self._folder} cannot be written: {nearest} is no folder this user may write to."
            raise StreamError("IO_FAILED", message)

    def recover(self, owner: int = 0) -> Marker | None:
        """Fence earlier owners, finish the last committed batch, sweep what was not, and return the last marker."""
        self._batch, self._staged = None, []
        return self._commits.recover(owner)

    def claim(self, marker: Marker) -> None:
        """Record the owner in ``_commits/owner.json``."""
        self._commits.claim(marker)

    def begin(self, marker: Marker) -> None:
        """Start a batch; what is left of an aborted one is removed."""
        self.abort()
        self._batch = marker.batch_id

    def write(self, rows: pa.Table) -> int:
        """Write the files of the batch, hidden and on the disk when this returns.

        Raises:
            StreamError: DISK_FULL, IO_FAILED.
            SupersededError: a later owner fenced this one.
        """
        for folder, part in split_by_folder(rows, self._partition_by):
            step = self._max_rows or max(1, part.num_rows)
            for first in range(0, part.num_rows, step):
                piece = part.slice(first, step)
                name = f"part-{self._batch}-{uuid.uuid4().hex}.{self._writer.ending}"
                self._staged.append(self._commits.stage(self._writer.encode(piece), folder, name, piece.num_rows))
        return int(rows.num_rows)

    def commit(self, marker: Marker) -> None:
        """Put the manifest, the decision, then rename the files into place.

        Raises:
            SupersededError: a later owner exists.
            IndoubtError: the batch is decided and recover() must finish it.
            StreamError: DISK_FULL or IO_FAILED; nothing is visible.
        """
        if self._batch is None or self._batch != marker.batch_id:
            raise StreamError("INTERNAL", f"commit of batch {marker.batch_id} after begin of {self._batch}")
        # From here on the files may belong to a decided batch: abort and close must leave them to recover().
        staged, self._batch, self._staged = self._staged, None, []
        self._commits.commit(marker, staged)

    def abort(self) -> None:
        """Remove the staged files of the batch."""
        self._commits.drop(self._staged)
        self._batch, self._staged = None, []

    def describe(self) -> str:
        """Return Spark's description."""
        return f"FileSink[{self._folder}]"

    def close(self) -> None:
        """Remove the staged files and free the writer; may be called twice."""
        self.abort()
        self._writer.close()


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(name.strip() for name in parts if name.strip())


def _check_names(schema: StructType) -> None:
    """Refuse two columns of one name, as files cannot hold them. Source: Spark COLUMN_ALREADY_EXISTS."""
    seen: set[str] = set()
    for name in schema.names:
        if name.lower() in seen:
            message = f'the result has two columns called "{name}", which a file cannot hold.'
            hint = "Give one of them another name with AS."
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="COLUMN_ALREADY_EXISTS")
        seen.add(name.lower())


def _plugin(name: str, make_writer: WriterBuilder, options: tuple[Option, ...]) -> Plugin:
    def build(options: Options, context: SinkContext, files: Files | None = None) -> FileSink:
        """Return the sink; `files` stands in for the file system in tests."""
        return FileSink(options, context, make_writer, files)

    summary = f"Appends {name} files to a folder, exactly once by a manifest for each batch."
    promised = Delivery.EXACTLY_ONCE
    spec = Spec(name, PluginKind.SINK, summary, (*SHARED_OPTIONS, *options), delivery=promised, exclusive="path")
    return Plugin(spec, build)


_TEXT_COMPRESSION = Option(
    "compression", Kind.CHOICE, "How files are packed.", "none", allowed=("none", "uncompressed", "gzip")
)
_PARQUET_COMPRESSION = Option(
    "compression",
    Kind.CHOICE,
    "How column chunks are packed.",
    "snappy",
    allowed=("none", "uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"),
)

PARQUET = _plugin("parquet", parquet_writer, (_PARQUET_COMPRESSION,))
JSON = _plugin("json", json_writer, (_TEXT_COMPRESSION, IGNORE_NULLS, TIME_ZONE))
CSV = _plugin(
    "csv",
    csv_writer,
    (Option("header", Kind.BOOL, "Begin each file with column names.", default=False), _TEXT_COMPRESSION, *CSV_OPTIONS),
)
