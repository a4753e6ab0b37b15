"""Rows by key: each key once with all its rows, in parts of whole keys."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from headrace.operators.groups.keyed import KeyedRows
from headrace_state import KeyCodec

CODEC = KeyCodec(pa.schema([("c1", pa.int64())]))


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 12))
def test_parts_hold_whole_keys_in_order_of_appearance(keys: list[int], at_once: int) -> None:
    """Rows of a key stay in order; a part is larger than asked only when one key is."""
    column = pa.table({"c1": pa.array(keys, pa.int64())})
    rows = pa.table({"k": column["c1"], "n": pa.array(range(len(keys)), pa.int64())})
    found: list[tuple[int, list[int]]] = []
    for part in KeyedRows(rows, column, CODEC).parts(at_once):
        assert len(part.rows) <= at_once or len(part.keys) == 1
        values, start = part.rows["n"].to_pylist(), 0
        for key, size in zip(CODEC.decode(part.keys).column(0).to_pylist(), part.sizes, strict=True):
            found.append((key, values[start : start + size]))
            start += size
        assert start == len(values)
    wanted = [(key, [n for n, each in enumerate(keys) if each == key]) for key in dict.fromkeys(keys)]
    assert found == wanted
