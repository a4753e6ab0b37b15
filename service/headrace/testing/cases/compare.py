"""Shipped: expected rows against given ones.

Takes Arrow rows and rows as a test file writes them; gives the rows that differ. Floating-point numbers agree to 1e-9
relative; rows are a multiset unless they are ordered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from headrace.assembly.rows import rows_to_table
from headrace.types import StructType

TOLERANCE = 1e-9


def differing_rows(
    given: pa.Table, expected: Sequence[Mapping[str, Any]], schema: StructType, *, ordered: bool
) -> tuple[list[Any], list[Any]]:
    """Return (rows expected and not given, rows given and not expected); both empty when they agree."""
    wanted = _plain(rows_to_table(expected, schema))
    have = _plain(given)
    if ordered:
        same = len(wanted) == len(have) and all(_same(a, b) for a, b in zip(wanted, have, strict=True))
        return ([], []) if same else (wanted, have)
    missing = []
    left = list(have)
    for row in wanted:
        at = next((i for i, other in enumerate(left) if _same(row, other)), None)
        if at is None:
            missing.append(row)
        else:
            del left[at]
    return missing, left


def _plain(table: pa.Table) -> list[list[Any]]:
    columns = [column.to_pylist(maps_as_pydicts=None) for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(table))]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=TOLERANCE)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(_ordered(a), _ordered(b), strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return bool(a == b)


def _ordered(items: Sequence[Any]) -> Sequence[Any]:
    """A map's entries, which Arrow gives as pairs, have no order; everything else keeps its own."""
    is_map = bool(items) and all(isinstance(item, tuple) for item in items)
    return sorted(items, key=repr) if is_map else items
