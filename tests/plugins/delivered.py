"""What the tests of the file sink deliver, and what stands in its folder afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.contract import Marker
from headrace.testing.sink_kit import KIT_CONTEXT, KIT_SCHEMA
from headrace_plugins.files.sink import FileSink


def batch_rows(batch: int, count: int = 2) -> pa.Table:
    """Rows of a batch, each value once in all batches."""
    values = [f"{batch}-{n}" for n in range(count)]
    return pa.table([[f"k{n % 2}" for n in range(count)], values], schema=KIT_SCHEMA.arrow_schema())


def marker_of(batch: int, owner: int = 1) -> Marker:
    """The marker that a batch is committed with."""
    return Marker(KIT_CONTEXT.query_id, batch, f"delta-{batch}-{owner}", owner)


def deliver(sink: FileSink, batch: int, rows: pa.Table | None = None, owner: int = 1) -> None:
    """Hand over a batch, from its begin to its commit."""
    sink.begin(marker_of(batch, owner))
    sink.write(batch_rows(batch) if rows is None else rows)
    sink.commit(marker_of(batch, owner))


def visible_files(folder: Path) -> list[str]:
    """The names of all files below the folder that readers see."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in {"_tmp", "_commits"}
    )


def values_in(folder: Path) -> list[Any]:
    """The values in all of them."""
    tables = [pq.ParquetFile(folder / name).read() for name in visible_files(folder)]
    return sorted(value for table in tables for value in table.column("value").to_pylist())
