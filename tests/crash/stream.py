"""Crash tests: the events they feed, the queries they run, and what Spark's rules make of both, in plain Python.

Shares no code with what it judges. Events alternate between two partitions, so that a rate limit of PER_BATCH cuts
batches of exactly PER_BATCH consecutive events. Times are chosen so that no event lies exactly on a watermark.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.testing.kafka import Record

PER_BATCH = 50
DATA_BATCHES = 6
_COUNT = PER_BATCH * DATA_BATCHES
_START_US = 1_704_103_200_000_000
_STEP_US = 300_000
_WINDOW_US = 10_000_000
_GAP_US = 1_250_000
_SLOT_US = 2_000_000
_REACH_US = 1_100_000
_ANSWERED_US = 450_000
_DELAY_US = 2_000_000
_LATE_US = (16_000_000, 25_000_000, 34_000_000)
_PARTS_MS = 1_500
_IN_A_PART = 20

Row = tuple[object, ...]

COUNTS = (
    "SELECT window.start AS start, k, count(*) AS n, sum(v) AS total FROM activity GROUP BY window(at, '10 seconds'), k"
)
DOUBLES = "SELECT k, v, v * 2 AS twice FROM activity WHERE v % 3 <> 0"
VISITS = (
    "SELECT session_window.start AS start, k, count(*) AS n, sum(v) AS total FROM activity "
    "GROUP BY session_window(at, '1250 milliseconds'), k"
)
PAIRS = (
    "SELECT l.k AS k, l.v AS v, coalesce(r.v, -1) AS answer FROM activity l LEFT JOIN heard r "
    "ON l.k = r.k AND r.at BETWEEN l.at AND l.at + INTERVAL '1.1' SECOND"
)


@dataclass(frozen=True, slots=True)
class Event:
    """One input record: event time in µs, a key and a number."""

    ts: int
    k: str
    v: int

    def text(self) -> str:
        """Return the record's value."""
        return json.dumps({"ts": self.ts, "k": self.k, "v": self.v})


Batches = Iterator[tuple[list[Sequence[Event]], int, int]]
"""Of each batch: the events of each stream, and the watermarks below which they are late and state ends."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the queries of the matrix, with views and Python code of its own.

    `answers` says that it reads the second stream too; `rows` yields what it publishes.
    """

    name: str
    sql: str
    mode: str
    rows: Callable[[Sequence[Event], int], Iterator[Row]] = field(compare=False)
    views: tuple[dict[str, Any], ...] = ()
    code: str = ""
    answers: bool = False


def make_events(count: int = _COUNT) -> list[Event]:
    """Return events of which every fifth comes late, by so much that it matters which watermark its batch has."""
    return [
        Event(_START_US + i * _STEP_US - (_LATE_US[i % 3] if i % 5 == 4 else 0), "abc"[i % 4 % 3], i)
        for i in range(count)
    ]


def make_answers(count: int = _COUNT) -> list[Event]:
    """Return the second stream: a little behind the first, with keys in another order."""
    return [Event(e.ts + _ANSWERED_US, "abc"[i % 7 % 3], 1_000 + i) for i, e in enumerate(make_events(count))]


def records(events: Sequence[Event], first: int = 0) -> list[Record]:
    """Return the events as records, alternating between two partitions."""
    return [Record(event.text().encode(), partition=(first + i) % 2) for i, event in enumerate(events)]


def expected(kind: Kind, events: Sequence[Event], batches: int | None = None) -> Counter[Row]:
    """Return every row the query publishes, in its first so many batches, when the events are there at its start."""
    return Counter(kind.rows(events, DATA_BATCHES + 1 if batches is None else batches))


def _batches(last: int, *streams: Sequence[Event]) -> Batches:
    """Yield the batches; the very last one has no data: the moved watermark makes it."""
    watermark = late = 0
    newest = [0] * len(streams)
    for first in range(0, last * PER_BATCH, PER_BATCH):
        parts = [stream[first : first + PER_BATCH] for stream in streams]
        yield parts, late, watermark
        newest = [max([seen, *(event.ts for event in part)]) for seen, part in zip(newest, parts, strict=True)]
        late, watermark = watermark, max(watermark, min(newest) - _DELAY_US)


def _doubles(events: Sequence[Event], last: int) -> Iterator[Row]:
    yield from ((e.k, e.v, e.v * 2) for e in events[: last * PER_BATCH] if e.v % 3)


def _windows(events: Sequence[Event], last: int, *, update: bool) -> Iterator[Row]:
    groups: dict[tuple[int, str], tuple[int, int]] = {}
    for (batch,), late, watermark in _batches(last, events):
        touched = set()
        for event in batch:
            start = event.ts - event.ts % _WINDOW_US
            if start + _WINDOW_US > late:
                n, total = groups.get((start, event.k), (0, 0))
                groups[start, event.k] = (n + 1, total + event.v)
                touched.add((start, event.k))
        closed = {group for group in groups if group[0] + _WINDOW_US <= watermark}
        for start, k in sorted(touched if update else closed):
            yield (_text(start), k, *groups[start, k])
        for group in closed:
            del groups[group]


def _updates(events: Sequence[Event], last: int) -> Iterator[Row]:
    return _windows(events, last, update=True)


def _closings(events: Sequence[Event], last: int) -> Iterator[Row]:
    return _windows(events, last, update=False)


def _visits(events: Sequence[Event], last: int) -> Iterator[Row]:
    """Sessions: an event is late by the end of its own; each is (key, start, end, count, total)."""
    sessions: list[tuple[str, int, int, int, int]] = []
    for (batch,), late, watermark in _batches(last, events):
        for event in batch:
            start, end, n, total = event.ts, event.ts + _GAP_US, 1, event.v
            if end <= late:
                continue
            touching = [s for s in sessions if s[0] == event.k and s[1] <= end and start <= s[2]]
            for session in touching:
                sessions.remove(session)
                start, end = min(start, session[1]), max(end, session[2])
                n, total = n + session[3], total + session[4]
            sessions.append((event.k, start, end, n, total))
        yield from ((_text(start), k, n, total) for k, start, end, n, total in sessions if end <= watermark)
        sessions = [session for session in sessions if session[2] > watermark]


def _firsts(events: Sequence[Event], last: int) -> Iterator[Row]:
    """One row of each key and slot of time."""
    slots = [Event(event.ts - event.ts % _SLOT_US, event.k, event.v) for event in events]
    seen: set[tuple[int, str]] = set()
    for (batch,), late, watermark in _batches(last, slots):
        for event in batch:
            if event.ts > late and (event.ts, event.k) not in seen:
                seen.add((event.ts, event.k))
                yield (_text(event.ts), event.k)
        seen = {(ts, k) for ts, k in seen if ts > watermark}


def _pairs(events: Sequence[Event], last: int) -> Iterator[Row]:
    """A left outer join: new left rows meet stored right ones, then new right rows meet stored left ones.

    A row that is on time but already past is stored for its own batch all the same (Spark 4, SPARK-49829).
    """
    lefts: dict[Event, bool] = {}  # whether it has matched
    rights: list[Event] = []
    for batch, late, watermark in _batches(last, events, make_answers()):
        new_lefts, new_rights = ([event for event in part if event.ts > late] for part in batch)
        for left in new_lefts:
            found = [right for right in rights if _answers(left, right)]
            yield from ((left.k, left.v, right.v) for right in found)
            lefts[left] = bool(found)
        for right in new_rights:
            for left in [left for left in lefts if _answers(left, right)]:
                yield (left.k, left.v, right.v)
                lefts[left] = True
            rights.append(right)
        past = [left for left in lefts if left.ts + _REACH_US < watermark]
        yield from ((left.k, left.v, -1) for left in past if not lefts[left])
        lefts = {left: matched for left, matched in lefts.items() if left not in past}
        rights = [right for right in rights if right.ts >= watermark]


def _answers(left: Event, right: Event) -> bool:
    return left.k == right.k and left.ts <= right.ts <= left.ts + _REACH_US


def _parts(events: Sequence[Event], last: int) -> Iterator[Row]:
    """What PARTS gives: a group ends 1.5 s of event time after its last event."""
    groups: dict[tuple[str, int], tuple[int, int, int]] = {}
    timeouts: dict[tuple[str, int], int] = {}
    for (batch,), late, watermark in _batches(last, events):
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


def _text(us: int) -> str:
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat()


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
_GROUPED = {"name": "grouped", "sql": f"SELECT at, k, v, v div {_IN_A_PART} AS part FROM activity"}
_STATEFUL = {
    "input": "grouped",
    "keys": ["k", "part"],
    "function": "parts_of_the_stream:part",
    "output_schema": "k STRING, part BIGINT, n BIGINT, total BIGINT",
    "state_schema": "n BIGINT, total BIGINT, last BIGINT",
    "timeout": "event_time",
}
_DELAY = {"delay": "2 seconds"}
ACTIVITY = {
    "name": "activity",
    "sql": "SELECT timestamp_micros(ts) AS at, k, v FROM events",
    "watermark": {"column": "at", **_DELAY},
}
_HEARD = {**ACTIVITY, "name": "heard", "sql": "SELECT timestamp_micros(ts) AS at, k, v FROM answers"}
_SLOTS = {
    "name": "slots",
    "sql": f"SELECT timestamp_micros(ts - ts % {_SLOT_US}) AS start, k FROM events",
    "watermark": {"column": "start", **_DELAY},
}
_ONCE = {"name": "once", "deduplicate": {"input": "slots", "columns": ["start", "k"]}}

UPDATE = Kind("update", COUNTS, "update", _updates)
APPEND = Kind("append", COUNTS, "append", _closings)
STATELESS = Kind("stateless", DOUBLES, "append", _doubles)
SESSION = Kind("session", VISITS, "append", _visits)
DEDUPLICATE = Kind("deduplicate", "SELECT start, k FROM once", "append", _firsts, (_SLOTS, _ONCE))
JOIN = Kind("join", PAIRS, "append", _pairs, (_HEARD,), answers=True)
STATEFUL = Kind(
    "stateful",
    "SELECT * FROM parts",
    "append",
    _parts,
    (_GROUPED, {"name": "parts", "stateful": _STATEFUL}),
    PARTS,
)
