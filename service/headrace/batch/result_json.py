"""Batch SQL: rows as JSON values: numbers and booleans as such, everything else that is no list or object as text.

Takes Arrow columns and their Spark types; gives Python values that json.dumps writes. Decimals, dates, times and
intervals are the texts the spark-sql shell prints, binary is base64, NaN and infinities are texts.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from headrace.batch.result_text import floating_text, texts_of
from headrace.types import (
    BINARY,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    ArrayType,
    DataType,
    MapType,
    StructType,
)


def rows_of(rows: pa.Table, kinds: Sequence[DataType], zone: str) -> list[list[Any]]:
    """Return one list a row, columns by position."""
    columns = [values_of(rows.column(i).combine_chunks(), kind, zone) for i, kind in enumerate(kinds)]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(rows))]


def values_of(column: pa.Array, kind: DataType, zone: str) -> list[Any]:
    """Return the JSON value of each value, None for NULL."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(kind, StructType):
        return _objects(column, kind, zone)
    if isinstance(kind, ArrayType | MapType):
        return _lists(column, kind, zone)
    if kind in (*INTEGRAL, BOOLEAN):
        return list(column.to_pylist())
    if kind in (DOUBLE, FLOAT):
        return [v if v is None or math.isfinite(v) else floating_text(v) for v in column.to_pylist()]
    if kind == BINARY:
        return [None if v is None else base64.b64encode(v).decode() for v in column.to_pylist()]
    return list(texts_of(column, kind, zone))


def _objects(column: pa.StructArray, kind: StructType, zone: str) -> list[Any]:
    parts = [values_of(part, f.type, zone) for f, part in zip(kind.fields, column.flatten(), strict=True)]
    rows = zip(*parts, strict=True) if parts else (() for _ in range(len(column)))
    valid = column.is_valid().to_pylist()
    return [dict(zip(kind.names, row, strict=True)) if ok else None for row, ok in zip(rows, valid, strict=True)]


def _lists(column: pa.Array, kind: ArrayType | MapType, zone: str) -> list[Any]:
    if pa.types.is_null(column.type):
        return [None] * len(column)
    ends, valid = column.offsets.to_pylist(), column.is_valid().to_pylist()
    spans = [slice(ends[i], ends[i + 1]) if ok else None for i, ok in enumerate(valid)]
    if isinstance(kind, ArrayType):
        items = values_of(column.values, kind.element, zone)
        return [None if span is None else items[span] for span in spans]
    keys, values = texts_of(column.keys, kind.key, zone), values_of(column.items, kind.value, zone)
    pairs = list(zip(keys, values, strict=True))
    return [None if span is None else dict(pairs[span]) for span in spans]
