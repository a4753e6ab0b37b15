"""Room testing: a battery of checks that any source plugin must pass, ours or yours.

Takes a way to open the source and a way to feed its outside; gives nothing when every law of `contract.Source` holds
and an AssertionError that names the broken law otherwise. Knows no source by name.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pyarrow as pa

from headrace.contract import Offset, Source

DEADLINE_S = 30.0
"""How long new data may take to be seen by latest_offset, in seconds."""


def check_source(make: Callable[[], Source], feed: Callable[[int], None]) -> None:
    """Assert every law of the source contract.

    Args:
        make: Opens the source anew over the same outside, as a restarted process would; the kit closes it.
        feed: Makes at least one more row per unit available: records of a topic, seconds of a clock. The outside must
            hold still otherwise.

    Raises:
        AssertionError: a law does not hold; the message says which.
    """
    with closing(make()) as source:
        start = source.initial_offset()
        _check_round_trip(start)
        feed(3)
        middle = _await_new(source, start)
        feed(4)
        end = _await_new(source, middle)
        _check_reading(source, start, end)
        _check_splitting(source, (start, middle, end))
        _check_bounds(source, start, end)
        _check_closing(source)
    _check_replay_elsewhere(make, start, end)
    _check_selection(make, start, end)
    _check_freeze(make, feed, start)


def rows_of(table: pa.Table) -> list[str]:
    """Return the rows as texts in a stable order, so that two tables compare as multisets."""
    return sorted(repr(row) for row in table.to_pylist())


def _await_new(source: Source, start: Offset) -> Offset:
    """Return everything there is after start, asking until something new is seen."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    found = source.latest_offset(start, limited=False)
    while dict(found) == dict(start):
        assert time.monotonic() < deadline, f"latest_offset never passed {start!r} although data was fed"
        pause.wait(0.02)
        found = source.latest_offset(start, limited=False)
    return _settle(source, found)


def _settle(source: Source, found: Offset) -> Offset:
    """Return the offset that stays the same when asked again."""
    deadline = time.monotonic() + DEADLINE_S
    again = source.latest_offset(found, limited=False)
    while dict(again) != dict(found):
        assert time.monotonic() < deadline, "latest_offset keeps moving although nothing is fed"
        found, again = again, source.latest_offset(again, limited=False)
    _check_round_trip(found)
    return found


def _check_round_trip(offset: Offset) -> None:
    again = json.loads(json.dumps(offset))
    assert again == offset, f"an offset must be JSON that survives the log; {offset!r} came back as {again!r}"


def _check_reading(source: Source, start: Offset, end: Offset) -> None:
    rows = source.read(start, end)
    expected = source.schema.arrow_schema()
    assert rows.schema.equals(expected), f"read() gave the columns {rows.schema}, the schema says {expected}"
    assert rows.num_rows >= 7, f"seven units were fed, read() gave {rows.num_rows} rows"
    assert rows_of(source.read(start, end)) == rows_of(rows), "reading the same range twice gave different rows"
    for place in (start, end):
        nothing = source.read(place, place)
        assert nothing.num_rows == 0, f"read({place!r}, same) gave {nothing.num_rows} rows"
        assert nothing.schema.equals(expected), "an empty range must have the columns of the schema too"


def _check_splitting(source: Source, places: tuple[Offset, Offset, Offset]) -> None:
    start, middle, end = places
    parts = pa.concat_tables([source.read(start, middle), source.read(middle, end)])
    assert rows_of(parts) == rows_of(source.read(start, end)), (
        "read(a, b) then read(b, c) must give what read(a, c) gives"
    )


def _check_bounds(source: Source, start: Offset, end: Offset) -> None:
    for limited in (False, True):
        latest = source.latest_offset(end, limited=limited)
        assert dict(latest) == dict(end), f"nothing is new, yet latest_offset({end!r}) gave {latest!r}"
    upper = source.offset_rows(start, end)
    assert upper >= source.read(start, end).num_rows, f"offset_rows gave {upper}, less than the rows in the range"
    assert source.offset_rows(end, end) == 0, "an empty range holds no offsets"
    lag = source.lag(end)
    assert all(count >= 0 for count in (*lag.behind.values(), *lag.stable_behind.values())), f"a lag below zero: {lag}"


def _check_closing(source: Source) -> None:
    identity = json.loads(json.dumps(source.identity()))
    source.check_identity(identity)
    assert source.describe(), "describe() must say something"
    source.close()
    source.close()


def _check_replay_elsewhere(make: Callable[[], Source], start: Offset, end: Offset) -> None:
    """A restarted process reads the same rows, and sees itself neither behind nor ahead of its log."""
    with closing(make()) as first:
        rows = rows_of(first.read(start, end))
    with closing(make()) as second:
        assert rows_of(second.read(json.loads(json.dumps(start)), json.loads(json.dumps(end)))) == rows, (
            "a new instance must read the same rows from the same offsets"
        )
        latest = second.latest_offset(end, limited=True)
        assert dict(latest) == dict(end), f"a new instance gave {latest!r} as latest after {end!r} with nothing new"


def _check_selection(make: Callable[[], Source], start: Offset, end: Offset) -> None:
    with closing(make()) as whole:
        rows = whole.read(start, end)
    names = list(reversed(rows.column_names))[: max(1, rows.num_columns - 1)]
    with closing(make()) as narrow:
        narrow.select(names)
        assert list(narrow.schema.names) == names, f"after select({names}) the schema has {list(narrow.schema.names)}"
        seen = narrow.read(start, end)
        assert seen.schema.equals(narrow.schema.arrow_schema()), f"select({names}) gave the columns {seen.schema}"
        assert rows_of(seen) == rows_of(rows.select(names)), "select() must change the columns, not the rows"


def _check_freeze(make: Callable[[], Source], feed: Callable[[int], None], start: Offset) -> None:
    with closing(make()) as frozen:
        frozen.freeze()
        last = _drain(frozen, start)
        feed(2)
        with closing(make()) as open_source:
            _await_new(open_source, last)
        latest = frozen.latest_offset(last, limited=True)
        assert dict(latest) == dict(last), f"after freeze() the end is {last!r}, yet latest_offset gave {latest!r}"


def _drain(source: Source, start: Offset) -> Offset:
    deadline = time.monotonic() + DEADLINE_S
    place = start
    while dict(following := source.latest_offset(place, limited=True)) != dict(place):
        assert time.monotonic() < deadline, "a frozen source never came to its end"
        place = following
    return place
