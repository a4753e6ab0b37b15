"""Room 7: a batch's rows by key, for code that is called once a key.

Takes rows in order of arrival; gives each key's bytes, its values and its rows, in order of first appearance.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_state import KeyCodec


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


class KeyedRows:
    """The rows of one batch by key.

    Args:
        rows: Under their visible names.
        keys: The key columns of the same rows.
        codec: Encodes them.
    """

    def __init__(self, rows: pa.Table, keys: pa.Table, codec: KeyCodec) -> None:
        encoded = codec.encode(keys)
        codes = pa.array(encoded, pa.large_binary()).dictionary_encode().indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        self.keys: list[bytes] = list(dict.fromkeys(encoded))
        sizes = np.bincount(codes, minlength=len(self.keys)) if encoded else np.zeros(0, np.int64)
        self._ends = np.cumsum(sizes)
        self._sizes = sizes
        self._rows = rows.take(pa.array(order)).combine_chunks()

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows of each key as a table."""
        for end, size in zip(self._ends, self._sizes, strict=True):
            yield self._rows.slice(end - size, size)

    def iterators(self) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Yield the rows of each key as named tuples."""
        make = row_maker("Row", self._rows.column_names)
        columns = [python_values(column) for column in self._rows.columns]
        for end, size in zip(self._ends.tolist(), self._sizes.tolist(), strict=True):
            # Rows are made when they are asked for, so that they die young.
            yield map(make, zip(*(column[end - size : end] for column in columns), strict=True))
