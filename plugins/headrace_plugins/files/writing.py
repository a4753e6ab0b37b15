"""Plugins files: a table as the bytes of one file, per format.

Takes Arrow tables without the partition columns, gives whole files in memory. A timestamp in parquet is microseconds,
adjusted to UTC; json is what Spark's to_json writes, csv what its to_csv writes, one line a row.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.contract import Options
from headrace.errors import StreamError
from headrace.types import CALENDAR_INTERVAL, DAY_TIME_INTERVAL, NULL, YEAR_MONTH_INTERVAL, StructType
from headrace_plugins.files.storage import Bytes
from headrace_plugins.formats.csv import CsvEncoder, CsvLine, check_flat
from headrace_plugins.formats.json import JsonEncoder

_NOT_IN_PARQUET = (NULL, CALENDAR_INTERVAL, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)


@dataclass(frozen=True, slots=True)
class FileWriter:
    """How one format makes a file: its ending, the function, and what to free at the end."""

    ending: str
    encode: Callable[[pa.Table], Bytes]
    close: Callable[[], None]


def parquet_writer(options: Options, schema: StructType) -> FileWriter:
    """Return the writer of parquet files.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID for a column type parquet has no place for.
    """
    for field in schema.fields:
        if field.type in _NOT_IN_PARQUET:
            message = f"parquet cannot hold the column {field.name} of type {field.type.sql()}"
            condition = "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"
            raise StreamError("PLUGIN_OPTION_INVALID", message, condition=condition)
    named: str = options["compression"]
    compression = "none" if named == "uncompressed" else named

    def encode(rows: pa.Table) -> Bytes:
        target = pa.BufferOutputStream()
        pq.write_table(rows, target, compression=compression, version="2.6", coerce_timestamps="us")
        return memoryview(target.getvalue())

    return FileWriter("parquet", encode, lambda: None)


def json_writer(options: Options, schema: StructType) -> FileWriter:
    """Return the writer of files with one JSON object a line."""
    encoder = JsonEncoder(schema, options["timeZone"], nulls=not options["ignoreNullFields"])
    return _text_writer(options, "json", encoder.encode, b"", encoder.close)


def csv_writer(options: Options, schema: StructType) -> FileWriter:
    """Return the writer of CSV files, with a header line in each when asked for."""
    check_flat(schema)
    encoder = CsvEncoder(schema, CsvLine(options))
    header = (encoder.header() + "\n").encode() if options["header"] else b""
    return _text_writer(options, "csv", encoder.encode, header, encoder.close)


def _text_writer(
    options: Options, ending: str, lines: Callable[[pa.Table], pa.Array], header: bytes, close: Callable[[], None]
) -> FileWriter:
    zipped = options["compression"] == "gzip"

    def encode(rows: pa.Table) -> Bytes:
        content = header + _join_lines(lines(rows))
        return gzip.compress(content, mtime=0) if zipped else content

    return FileWriter(f"{ending}.gz" if zipped else ending, encode, close)


def _join_lines(lines: pa.Array) -> bytes:
    if not len(lines):
        return b""
    end, nothing = pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string())
    ended = pc.binary_join_element_wise(lines.cast(pa.large_string()), end, nothing)
    # The data buffer of a new string array is its values one behind the other: the file's content.
    content: bytes = ended.buffers()[2].to_pybytes()[: pc.sum(pc.binary_length(ended)).as_py()]
    return content
