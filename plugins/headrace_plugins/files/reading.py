"""Plugins files: the content of one file as a table, per format.

Takes a path and the columns wanted, gives Arrow; what a file lacks is null. Malformed rows are null, left out or an
error by the option mode, as in Spark.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.contract import Decoder
from headrace.errors import StreamError
from headrace.types import StructType

BOM = b"\xef\xbb\xbf"


def parquet_schema(path: Path) -> pa.Schema:
    """Return the Arrow schema of a parquet file.

    Raises:
        StreamError: DATA_MALFORMED with the path.
    """
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise StreamError("DATA_MALFORMED", f"{path} is no parquet file: {error}") from error


def read_parquet(path: Path, schema: StructType) -> pa.Table:
    """Return the columns of a parquet file by name, case-insensitively; a column the file lacks is null.

    Raises:
        StreamError: DATA_MALFORMED with path and column.
    """
    there = {name.lower(): name for name in reversed(parquet_schema(path).names)}
    wanted = [there[name.lower()] for name in schema.names if name.lower() in there]
    try:
        with pq.ParquetFile(path) as file:
            rows = file.read(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        raise StreamError("DATA_MALFORMED", f"{path} cannot be read: {error}") from error
    columns = []
    for field in schema.arrow_schema():
        name = there.get(field.name.lower())
        try:
            column = rows.column(name).cast(field.type) if name else pa.nulls(rows.num_rows, field.type)
        except pa.ArrowException as error:
            message = f"{path}: the column {field.name} does not fit {field.type}: {error}"
            raise StreamError("DATA_MALFORMED", message) from error
        columns.append(column)
    return pa.table(columns, schema=schema.arrow_schema())


def read_lines(path: Path, decoder: Decoder, columns: Sequence[str], *, mode: str, header: bool) -> pa.Table:
    """Return the rows of a text file, one a line; blank lines are skipped, ``.gz`` files unpacked.

    Args:
        path: The file.
        decoder: Reads one line.
        columns: The columns wanted.
        mode: PERMISSIVE (a malformed row is all null), DROPMALFORMED or FAILFAST.
        header: The first line holds column names and is skipped.

    Raises:
        StreamError: DATA_MALFORMED with path and line in mode FAILFAST, IO_FAILED.
    """
    lines = _lines(path)
    numbers = [number for number, line in enumerate(lines, 1) if line.strip()]
    if header:
        numbers = numbers[1:]
    values = pa.chunked_array([pa.array([lines[number - 1] for number in numbers], pa.binary())])
    decoded = decoder.decode(values, columns)
    if not decoded.malformed or mode == "PERMISSIVE":
        return decoded.rows
    if mode == "FAILFAST":
        first = min(decoded.malformed)
        message = f"{path}, line {numbers[first]}: {decoded.malformed[first]}"
        hint = "Mode PERMISSIVE reads such rows as nulls, DROPMALFORMED leaves them out."
        raise StreamError("DATA_MALFORMED", message, hint=hint, condition="MALFORMED_RECORD_IN_PARSING")
    keep = np.ones(decoded.rows.num_rows, dtype=bool)
    keep[list(decoded.malformed)] = False
    return decoded.rows.filter(pa.array(keep))


def _lines(path: Path) -> list[bytes]:
    unpack: Callable[[bytes], bytes] = gzip.decompress if path.suffix == ".gz" else bytes
    try:
        content = unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise StreamError("IO_FAILED", f"{path} cannot be read: {error}") from error
    return content.removeprefix(BOM).splitlines()
