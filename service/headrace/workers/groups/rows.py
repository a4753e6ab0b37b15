"""Workers: rows of Arrow tables as Python code sees them: named tuples of plain values."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa


def row_maker(name: str, columns: Sequence[str]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return what makes named tuples of values; columns that are no Python names are called _0, _1 by their place."""
    named: Any = namedtuple  # its type is that of literal names
    made = named(name, list(columns), rename=True)
    make: Callable[[Sequence[Any]], tuple[Any, ...]] = made._make
    return make


def python_values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return a column's Python values; maps are dicts."""
    values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    return values


def python_rows(table: pa.Table | pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Return the rows as plain tuples of Python values; maps are dicts."""
    columns = [python_values(column) for column in table.columns]
    return zip(*columns, strict=True) if columns else iter([()] * table.num_rows)


def tables_by_size(rows: pa.Table, sizes: Sequence[int]) -> Iterator[pa.Table]:
    """Yield the next so many rows for each size, as tables."""
    whole, start = rows.combine_chunks(), 0
    for size in sizes:
        yield whole.slice(start, size)
        start += size


def iterators_by_size(rows: pa.Table, sizes: Sequence[int]) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Yield the next so many rows for each size, as iterators of named tuples."""
    make = row_maker("Row", rows.column_names)
    columns = [python_values(column) for column in rows.columns]
    start = 0
    for size in sizes:
        # Rows are made when they are asked for, so that they die young.
        yield map(make, zip(*(column[start : start + size] for column in columns), strict=True))
        start += size
