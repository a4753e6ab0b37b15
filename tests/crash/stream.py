"""Crash tests: the events they feed, the queries they run, and what Spark's rules make of both, in plain Python.

Shares no code with what it judges. Events alternate between two partitions, so that a rate limit of PER_BATCH cuts
batches of exactly PER_BATCH consecutive events.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.testing.kafka import Record

PER_BATCH = 50
DATA_BATCHES = 6
_COUNT = PER_BATCH * DATA_BATCHES
_START_US = 1_704_103_200_000_000
_STEP_US = 300_000
_WINDOW_US = 10_000_000
_DELAY_US = 2_000_000
_LATE_US = (16_000_000, 25_000_000, 34_000_000)

Row = tuple[object, ...]

COUNTS = (
    "SELECT window.start AS start, k, count(*) AS n, sum(v) AS total FROM activity GROUP BY window(at, '10 seconds'), k"
)
DOUBLES = "SELECT k, v, v * 2 AS twice FROM activity WHERE v % 3 <> 0"


@dataclass(frozen=True, slots=True)
class Event:
    """One input record: event time in µs, a key and a number."""

    ts: int
    k: str
    v: int

    def text(self) -> str:
        """Return the record's value."""
        return json.dumps({"ts": self.ts, "k": self.k, "v": self.v})


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the queries of the matrix, with views and Python code of its own."""

    name: str
    sql: str
    mode: str
    views: tuple[dict[str, Any], ...] = ()
    code: str = ""


PARTS = """
def part(key, rows, state):
    if state.hasTimedOut:
        n, total, _ = state.get
        state.remove()
        yield (key.k, key.part, n, total)
        return
    n, total, last = state.get if state.exists else (0, 0, 0)
    for row in rows:
        n, total, last = n + 1, total + row.v, max(last, int(row.at.timestamp() * 1000))
    state.update((n, total, last))
    state.setTimeoutTimestamp(max(last + 1500, state.getCurrentWatermarkMs()))
"""
_PARTS_MS = 1_500
_IN_A_PART = 20
_GROUPED = {"name": "grouped", "sql": f"SELECT at, k, v, v div {_IN_A_PART} AS part FROM activity"}
_STATEFUL = {
    "input": "grouped",
    "keys": ["k", "part"],
    "function": "parts_of_the_stream:part",
    "output_schema": "k STRING, part BIGINT, n BIGINT, total BIGINT",
    "state_schema": "n BIGINT, total BIGINT, last BIGINT",
    "timeout": "event_time",
}


UPDATE = Kind("update", COUNTS, "update")
APPEND = Kind("append", COUNTS, "append")
STATELESS = Kind("stateless", DOUBLES, "append")
STATEFUL = Kind(
    "stateful", "SELECT * FROM parts", "append", (_GROUPED, {"name": "parts", "stateful": _STATEFUL}), PARTS
)


def make_events(count: int = _COUNT) -> list[Event]:
    """Return events of which every fifth comes late, by so much that it matters which watermark its batch has."""
    return [
        Event(_START_US + i * _STEP_US - (_LATE_US[i % 3] if i % 5 == 4 else 0), "abc"[i % 4 % 3], i)
        for i in range(count)
    ]


def records(events: Sequence[Event], first: int = 0) -> list[Record]:
    """Return the events as records, alternating between two partitions."""
    return [Record(event.text().encode(), partition=(first + i) % 2) for i, event in enumerate(events)]


def expected(kind: Kind, events: Sequence[Event], batches: int | None = None) -> Counter[Row]:
    """Return every row the query publishes, in its first so many batches, when the events are there at its start."""
    last = DATA_BATCHES + 1 if batches is None else batches
    if kind is STATELESS:
        return Counter((e.k, e.v, e.v * 2) for e in events[: last * PER_BATCH] if e.v % 3)
    return Counter(_parts(events, last) if kind is STATEFUL else _windows(kind, events, last))


def _windows(kind: Kind, events: Sequence[Event], last: int) -> Iterator[Row]:
    groups: dict[tuple[int, str], tuple[int, int]] = {}
    watermark = late = newest = 0
    batches = [events[first : first + PER_BATCH] for first in range(0, len(events), PER_BATCH)]
    for batch in [*batches, []][:last]:  # the very last one has no data; the moved watermark makes it
        touched = set()
        for event in batch:
            start = event.ts - event.ts % _WINDOW_US
            if start + _WINDOW_US > late:
                n, total = groups.get((start, event.k), (0, 0))
                groups[start, event.k] = (n + 1, total + event.v)
                touched.add((start, event.k))
        closed = {group for group in groups if group[0] + _WINDOW_US <= watermark}
        for start, k in sorted(touched if kind is UPDATE else closed):
            yield (_text(start), k, *groups[start, k])
        for group in closed:
            del groups[group]
        newest = max([newest, *(event.ts for event in batch)])
        late, watermark = watermark, max(watermark, newest - _DELAY_US)


def _parts(events: Sequence[Event], last: int) -> Iterator[Row]:
    """What PARTS gives: a group ends 1.5 s of event time after its last event."""
    groups: dict[tuple[str, int], tuple[int, int, int]] = {}
    timeouts: dict[tuple[str, int], int] = {}
    watermark = late = newest = 0
    batches = [events[first : first + PER_BATCH] for first in range(0, len(events), PER_BATCH)]
    for batch in [*batches, []][:last]:
        touched = set()
        for event in batch:
            if event.ts > late:
                key = (event.k, event.v // _IN_A_PART)
                n, total, at = groups.get(key, (0, 0, 0))
                groups[key] = (n + 1, total + event.v, max(at, event.ts // 1000))
                touched.add(key)
        for key in touched:
            timeouts[key] = max(groups[key][2] + _PARTS_MS, watermark // 1000)
        for key in [key for key, at in timeouts.items() if at < watermark // 1000]:
            n, total, _ = groups.pop(key)
            del timeouts[key]
            yield (*key, n, total)
        newest = max([newest, *(event.ts for event in batch)])
        late, watermark = watermark, max(watermark, newest - _DELAY_US)


def _text(us: int) -> str:
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat()
