"""Operators: dropDuplicates. Timelines are Spark's StreamingDeduplicationSuite, with and without the watermark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace.incremental.steps import DropDuplicates
from headrace.operators.deduplicate import DeduplicateOperator
from headrace.plan.expressions import Column
from headrace.types import DOUBLE, STRING, TIMESTAMP

SECOND = 1_000_000
NAME, TIME = Column(STRING, 1, "name"), Column(TIMESTAMP, 2, "ts")
TIMES = pa.timestamp("us", "UTC")


def events(*rows: tuple[str | None, int | None]) -> pa.Table:
    """(name, second) of each row."""
    names = pa.array([name for name, _ in rows], pa.string())
    times = pa.array([None if at is None else at * SECOND for _, at in rows], pa.int64())
    return pa.table({"c1": names, "c2": times.cast(TIMES)})


def shown(rows: pa.Table) -> list[tuple[str | None, int | None]]:
    """(name, second) of each row."""
    times = rows.column("c2").cast(pa.int64()).to_pylist()
    return [(n, None if t is None else t // SECOND) for n, t in zip(rows.column("c1").to_pylist(), times, strict=True)]


def step(keys: tuple[Column, ...], event_time: Column | None, delay_s: int | None) -> DropDuplicates:
    """A step over (name, ts)."""
    delay_us = None if delay_s is None else delay_s * SECOND
    return DropDuplicates("deduplicate-0", (NAME, TIME), "stretch-0", keys, event_time, delay_us)


def play(stage: Any, deduplicate: DropDuplicates, batches: list[tuple[pa.Table, int, int]]) -> list[Any]:
    """(rows, total, removed, late) of each batch of (rows, late second, eviction second)."""
    run = stage(DeduplicateOperator(deduplicate), deduplicate.state_tables)
    found = []
    for rows, late, eviction in batches:
        given, counts = run(rows, late * SECOND, eviction * SECOND)
        found.append((shown(given), counts.total, counts.removed, counts.dropped_late))
        assert run.sizes[0] == counts.total
        assert all(run.sizes) == bool(counts.total)
    return found


def test_without_a_watermark_a_key_is_kept_for_ever(stage: Callable[..., Any]) -> None:
    """The first row of a key in order of arrival passes, once; null is a key like any other."""
    batches = [(events(("a", 3), ("b", 2), ("a", 1)), 0, 0), (events(("b", 9), (None, 1), (None, 2)), 0, 0)]
    assert play(stage, step((NAME,), None, None), batches) == [
        ([("a", 3), ("b", 2)], 2, 0, 0),
        ([(None, 1)], 3, 0, 0),
    ]


def test_event_times_among_the_keys_are_forgotten_when_the_watermark_reaches_them(stage: Callable[..., Any]) -> None:
    """10..15 go at 15, a late 10 is dropped and counted, a null time is neither late nor forgotten."""
    ten_to_fifteen = events(*[("a", at) for at in (*range(10, 16), *range(10, 16), None)])
    batches = [
        (ten_to_fifteen, 0, 0),
        (events(("a", 25)), 5, 15),
        (events(("a", 10), ("a", None), ("a", 45)), 15, 15),
    ]
    assert play(stage, step((NAME, TIME), TIME, None), batches) == [
        ([*[("a", at) for at in range(10, 16)], ("a", None)], 7, 0, 0),
        ([("a", 25)], 2, 6, 0),
        ([("a", 45)], 3, 0, 1),
    ]


def test_a_time_outside_the_keys_makes_rows_late_and_forgets_nothing(stage: Callable[..., Any]) -> None:
    """State grows for ever."""
    batches = [(events(("a", 1)), 0, 0), (events(("b", 4), ("c", 6)), 5, 100)]
    assert play(stage, step((NAME,), TIME, None), batches) == [([("a", 1)], 1, 0, 0), ([("c", 6)], 2, 0, 1)]


def test_within_the_watermark_the_first_row_decides_when_a_key_expires(stage: Callable[..., Any]) -> None:
    """Delay 2: a@17 expires at 19 although a@18 came; then a passes again. A null time counts as the epoch."""
    batches = [
        (events(("a", 17)), 0, 15),
        (events(("a", 18), ("a", 13), ("n", None)), 15, 15),
        (events(("b", 22), ("c", 21)), 15, 20),
        (events(("a", 21), ("c", 23)), 20, 20),
    ]
    assert play(stage, step((NAME,), TIME, 2), batches) == [
        ([("a", 17)], 1, 0, 0),
        ([("n", None)], 1, 1, 1),
        ([("b", 22), ("c", 21)], 2, 1, 0),
        ([("a", 21)], 3, 0, 0),
    ]


def test_every_nan_is_one_key_and_so_are_both_zeros(stage: Callable[..., Any]) -> None:
    """Bit patterns of NaN differ."""
    column = Column(DOUBLE, 1, "x")
    nans = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64)
    rows = pa.table({"c1": pa.array(np.concatenate([nans, [0.0, -0.0]]))})
    one = DropDuplicates("deduplicate-0", (column,), "stretch-0", (column,), None, None)
    run = stage(DeduplicateOperator(one), one.state_tables)
    assert len(run(rows, 0, 0)[0]) == 2


@pytest.mark.parametrize(("watermark", "wanted"), [(5, False), (6, True)])
def test_a_batch_without_data_is_wanted_when_the_watermark_moved(watermark: int, wanted: bool) -> None:
    """As for an aggregation."""
    assert DeduplicateOperator(step((NAME,), TIME, None)).wants_batch(watermark, 5) is wanted  # type: ignore[arg-type]


def test_duplicates_are_counted_row_by_row_and_late_rows_are_none(stage: Callable[..., Any]) -> None:
    """Spark's numDroppedDuplicateRows: repeated in the batch or seen before; a late row was dropped before that."""
    deduplicate = step((NAME, TIME), TIME, None)
    run = stage(DeduplicateOperator(deduplicate), deduplicate.state_tables)
    batches = [
        (events(("a", 10), ("a", 10), ("a", 10), ("b", 10)), 0, 0),
        (events(("b", 10), ("b", 11), ("a", 3), ("a", 3)), 5, 5),
        (events(), 5, 9),
    ]
    counts = [run(rows, late * SECOND, eviction * SECOND)[1] for rows, late, eviction in batches]
    assert [(count.dropped_duplicates, count.dropped_late) for count in counts] == [(2, 0), (1, 2), (0, 0)]
