"""Plugins formats: bytes that should be UTF-8, as texts.

Takes a column of bytes, gives a column of strings in which a value that is no UTF-8 is null and listed with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from headrace.contract import Decoded

Texts = tuple[pa.ChunkedArray, Mapping[int, str]]
"""Strings, one per value, and the row numbers that are no UTF-8 with their reasons."""


def read_texts(values: pa.ChunkedArray) -> Texts:
    """Return the values as strings; the usual case, all valid, is one cast without a copy."""
    if pa.types.is_string(values.type):
        return values, {}
    try:
        return values.cast(pa.string()), {}
    except pa.ArrowInvalid:
        return _read_one_by_one(values)


def _read_one_by_one(values: pa.ChunkedArray) -> Texts:
    texts: list[str | None] = []
    reasons: dict[int, str] = {}
    for number, value in enumerate(values.to_pylist()):
        try:
            texts.append(None if value is None else value.decode("utf-8"))
        except UnicodeDecodeError as error:
            texts.append(None)
            reasons[number] = f"not UTF-8: byte 0x{value[error.start]:02x} at position {error.start}"
    return pa.chunked_array([texts], pa.string()), reasons


def without_rows(rows: pa.Table, malformed: Mapping[int, str]) -> Decoded:
    """Return the rows with the malformed ones all null."""
    if not malformed or not rows.column_names:
        return Decoded(rows, malformed)
    gone = np.zeros(rows.num_rows, dtype=bool)
    gone[list(malformed)] = True
    keep = pa.array(np.arange(rows.num_rows), mask=gone)
    return Decoded(rows.take(keep), dict(sorted(malformed.items())))
