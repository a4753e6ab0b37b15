"""Room 2: fewer bars for a histogram: the closest ones are merged, which DuckDB has no function for.

Takes lists of bars (middle, weight) in any order as an Arrow column; gives lists of at most so many, in order.
Source: Ben-Haim and Tom-Tov, A Streaming Parallel Decision Tree Algorithm, JMLR 11, 2010; Spark NumericHistogram.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_BAR = pa.struct([("x", pa.float64()), ("y", pa.float64())])
_CROWDED = 8
"""Beyond so many times the wanted bars, all close pairs of a round are merged at once."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fewer_bars(lists: Any, limits: Any) -> pa.Array:
    """Return each list of bars with the closest neighbours merged until no more than its limit are left.

    Args:
        lists: LIST of STRUCT<x, y>, none NULL; x are middles, y weights above zero.
        limits: The most bars of each list, at least 2.
    """
    column = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    most = np.asarray(limits.to_numpy(zero_copy_only=False))
    offsets = np.asarray(column.offsets)
    bars = column.values
    middles = np.asarray(bars.field("x").to_numpy(zero_copy_only=False), dtype=np.float64)
    weights = np.asarray(bars.field("y").to_numpy(zero_copy_only=False), dtype=np.float64)
    parts = [
        _fewer(middles[start:end], weights[start:end], int(limit))
        for start, end, limit in zip(offsets[:-1], offsets[1:], most, strict=True)
    ]
    ends = np.concatenate([[0], np.cumsum([len(x) for x, _ in parts])]).astype(np.int32)
    flat = [np.concatenate([part[i] for part in parts]) if parts else np.empty(0) for i in range(2)]
    values = pa.StructArray.from_arrays([pa.array(one, pa.float64()) for one in flat], fields=list(_BAR))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


def _fewer(x: Floats, y: Floats, limit: int) -> tuple[Floats, Floats]:
    order = np.argsort(x, kind="stable")
    x, y = _one_bar_a_middle(x[order], y[order])
    while len(x) > limit:
        gaps = _gaps(x)
        if len(x) > _CROWDED * limit:
            chosen = _apart(np.flatnonzero(gaps <= np.partition(gaps, len(x) // 4)[len(x) // 4]))
        else:
            chosen = np.array([np.argmin(gaps)])
        x, y = _merged(x, y, chosen)
    return x, y


def _one_bar_a_middle(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if len(x) == 0:
        return x, y
    new = np.concatenate([[True], (x[1:] != x[:-1]) & ~(np.isnan(x[1:]) & np.isnan(x[:-1]))])
    first = np.flatnonzero(new)
    return x[first], np.add.reduceat(y, first)


def _gaps(x: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        gaps = np.diff(x)
    return np.where(np.isnan(gaps), np.inf, gaps)


def _apart(places: Any) -> Any:
    """Of neighbouring places every other one: a bar merges with one neighbour a round."""
    runs = np.cumsum(np.diff(places, prepend=-2) != 1)
    start = np.searchsorted(runs, runs)
    return places[(np.arange(len(places)) - start) % 2 == 0]


def _merged(x: Floats, y: Floats, left: Any) -> tuple[Floats, Floats]:
    weight = y[left] + y[left + 1]
    x, y = x.copy(), y.copy()
    with np.errstate(invalid="ignore"):
        x[left] = (x[left] * y[left] + x[left + 1] * y[left + 1]) / weight
    y[left] = weight
    keep = np.ones(len(x), dtype=bool)
    keep[left + 1] = False
    return x[keep], y[keep]
