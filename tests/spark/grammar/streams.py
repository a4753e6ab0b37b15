"""Streams and what arrives on them: rows out of order, late, null, twice, and on the boundaries of windows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.spark.grammar.draw import Draw

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
EPOCH = -round(START.timestamp())
"""The beginning of 1970, in seconds from the start: rows before it are late at once."""
DELAYS = ("0 seconds", "2 seconds", "5 seconds", "10 seconds", "30 seconds", "1 minute")
SIZES = (5, 10, 20, 30, 60)

POOLS: dict[str, tuple[Any, ...]] = {
    "STRING": ("a", "a", "b", "b", "c", "ab", "A b", "", None),
    "INT": (0, 1, 2, 3, 4, 7, -3, None),
    "BIGINT": (0, 1, 5, -7, 1_000_000_000_000, None),
    "DOUBLE": (0.0, 0.5, 1.0, 2.25, -1.0, 3.5, -0.0, float("nan"), float("inf"), None),
    "DECIMAL(10,2)": ("1.50", "-0.25", "0.00", "99.99", "12345678.90", None),
    "BOOLEAN": (True, False, None),
    "DATE": ("2024-01-01", "2024-02-29", "1999-12-31", None),
    "ARRAY<INT>": ([1, 2], [], [3, None, 3], None),
    "MAP<STRING, INT>": ({"a": 1}, {"a": 2, "b": None}, {}, None),
    "STRUCT<p: INT, q: STRING>": ({"p": 1, "q": "x"}, {"p": None, "q": "y"}, None),
}
"""The values of each type; few, so that groups meet and keys match."""

TAME_DOUBLES = (0.0, 0.5, 1.0, 2.25, -1.0, 3.5, None)


@dataclass(slots=True)
class Stream:
    """A source of a case: its name, its columns by type, its time column and the delay of its watermark."""

    name: str
    columns: dict[str, str]
    time: str
    delay: str | None = None
    nulls_in_time: bool = True
    sent: list[dict[str, Any]] = field(default_factory=list)

    def typed(self, *kinds: str) -> list[str]:
        """Return the names of the columns of these types."""
        return [name for name, kind in self.columns.items() if kind in kinds]

    def as_source(self) -> dict[str, Any]:
        """Return the source as the test format has it."""
        schema = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        mark = {} if self.delay is None else {"watermark": {"column": self.time, "delay": self.delay}}
        return {"schema": schema, **mark}


def wide(draw: Draw, name: str = "s", *, time: str = "ts") -> Stream:
    """Return a stream with a time column, a key, an integer, and some columns of other types."""
    columns = {time: "TIMESTAMP", "k": "STRING", "i": "INT"}
    others = {
        "n": "BIGINT",
        "x": "DOUBLE",
        "d": "DECIMAL(10,2)",
        "f": "BOOLEAN",
        "e": "DATE",
        "a": "ARRAY<INT>",
        "m": "MAP<STRING, INT>",
        "r": "STRUCT<p: INT, q: STRING>",
    }
    columns |= {each: others[each] for each in sorted(draw.some(list(others), 1, 4))}
    return Stream(name, columns, time)


def steps(draw: Draw, streams: Sequence[Stream], *, restarts: bool = True) -> list[dict[str, Any]]:
    """Return three to seven steps of rows for the streams, now and then a restart between them."""
    found: list[dict[str, Any]] = []
    now = EPOCH + 20 if draw.chance(0.03) else draw.one((0, 12, 60, 3600))
    for _ in range(draw.number(3, 7)):
        now += draw.one((0, 3, 5, 10, 10, 20, 40, 120))
        add = {}
        for stream in streams:
            if len(streams) == 1 or draw.chance(0.8):
                add[stream.name] = _rows(draw, stream, now)
        found.append({"add": {name: rows for name, rows in add.items() if rows}})
        if restarts and draw.chance(0.12):
            found.append({"restart": True})
    return [step for step in found if step.get("restart") or step["add"]]


def instant(seconds: float) -> str:
    """Return the instant these seconds after the start, as the test format writes it."""
    when = START + datetime.timedelta(microseconds=round(seconds * 1_000_000))
    text = when.replace(tzinfo=None).isoformat(timespec="microseconds" if when.microsecond else "seconds")
    return text + "Z"


def _rows(draw: Draw, stream: Stream, now: int) -> list[dict[str, Any]]:
    rows = []
    for _ in range(draw.number(0, 5) if draw.chance(0.3) else draw.number(1, 4)):
        if stream.sent and draw.chance(0.15):
            row = dict(draw.one(stream.sent))
        else:
            row = {name: _value(draw, stream, name, now) for name in stream.columns}
        stream.sent.append(row)
        rows.append(row)
    return rows


def _value(draw: Draw, stream: Stream, name: str, now: int) -> Any:
    kind = stream.columns[name]
    if name == stream.time:
        return _time(draw, now, nulls=stream.nulls_in_time)
    if kind == "TIMESTAMP":
        return _time(draw, now, nulls=True)
    if kind == "DOUBLE" and draw.chance(0.8):
        return draw.one(TAME_DOUBLES)
    return draw.one(POOLS[kind])


def _time(draw: Draw, now: int, *, nulls: bool) -> str | None:
    way = draw.number(0, 99)
    if way < 60:
        return instant(now + draw.number(-8, 6))
    if way < 75:
        return instant(now // 10 * 10 + draw.one((0, 5, 10)) + draw.one((0, 0, -0.001, 0.001, -0.000001)))
    if way < 85:
        return instant(now - draw.one((15, 30, 45, 90, 200)))
    if way < 92:
        return instant(now + draw.one((0.5, 1.25, -3.000001, 20)))
    return None if nulls and way < 97 else instant(now)
