"""Benchmarks: the arithmetic behind the tables."""

from __future__ import annotations

import json

import numpy as np
from benchmarks.latency import Arrival, event_latencies
from benchmarks.memory import growth
from benchmarks.systems.system import newest_counts

from headrace.testing.kafka import Record

MS = 1_000_000


def test_every_event_since_the_update_before_has_its_own_latency() -> None:
    """Events at 10, 20 and 30 ms are read at 35 ms; the update of the warm-up does not count."""
    arrivals = [Arrival(1_000 * MS, "walk", 0), Arrival(3_035 * MS, "walk", 30 * MS)]
    found = event_latencies(arrivals, spacing_ns=10 * MS, warm_up_s=1.0)
    assert np.array_equal(found, [3_005.0, 3_015.0, 3_025.0])


def test_an_update_that_counts_nothing_newer_adds_no_latency() -> None:
    """An older window's late event repeats the activity with an older time."""
    arrivals = [Arrival(0, "walk", -50 * MS), Arrival(10 * MS, "walk", -60 * MS)]
    assert np.array_equal(event_latencies(arrivals, spacing_ns=10 * MS, warm_up_s=0.0), [50.0])


def test_no_updates_give_no_latencies() -> None:
    """The table then says nan."""
    assert event_latencies([], spacing_ns=1, warm_up_s=0.0).size == 0


def test_growth_compares_the_last_third_with_the_first() -> None:
    """A run that doubles its memory grows by two; what is in the middle says nothing."""
    assert growth([100, 100, 900, 900, 200, 200]) == 2.0
    assert growth([1, 5]) == 1.0


def test_the_last_update_of_a_group_is_its_count() -> None:
    """Starts are seconds, or a time with its zone."""
    rows = (
        {"start": 10, "gt": "walk", "n": 1},
        {"start": "1970-01-01T00:00:10.000Z", "gt": "walk", "n": 4},
        {"start": 20, "gt": "sit", "n": 2},
    )
    records = [Record(json.dumps(row).encode()) for row in rows]
    assert newest_counts(records) == {(10, "walk"): 4, (20, "sit"): 2}
