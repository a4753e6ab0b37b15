"""Ground floor: value types with units, and the texts people write them in.

Takes and gives plain values; knows nothing of files, SQL or brokers. Event time and processing time are different
types, so that a watermark can never be compared with the wall clock by accident.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NewType
from urllib.parse import unquote, urlsplit

from headrace.dataclass import dataclass

EventTime = NewType("EventTime", int)
"""Microseconds since the Unix epoch, UTC, read from the data."""

ProcessingTime = NewType("ProcessingTime", int)
"""Microseconds since the Unix epoch, UTC, read from the clock."""

BatchId = NewType("BatchId", int)
"""Number of a micro-batch of one query, dense from 0."""

US_PER_MS = 1_000
US_PER_S = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CYCLE_US = 146_097 * 86_400 * US_PER_S
_FIRST_US = (datetime(1000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST_PLAIN_YEAR = 9_999
_LAST_US = (datetime(9000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)

_DURATION_UNITS_US = {
    "microsecond": 1,
    "us": 1,
    "millisecond": US_PER_MS,
    "ms": US_PER_MS,
    "second": US_PER_S,
    "s": US_PER_S,
    "minute": 60 * US_PER_S,
    "min": 60 * US_PER_S,
    "m": 60 * US_PER_S,
    "hour": 3600 * US_PER_S,
    "h": 3600 * US_PER_S,
    "day": 86_400 * US_PER_S,
    "d": 86_400 * US_PER_S,
    "week": 604_800 * US_PER_S,
}
_LONGEST_DURATION_US = 10_000 * 366 * 86_400 * US_PER_S
_SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 1 << 10,
    "mb": 1 << 20,
    "gb": 1 << 30,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_DURATION_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]+)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:/", re.IGNORECASE)
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value stands in a text: file name, line and column, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def parse_duration_us(text: str) -> int:
    """Return the microseconds that a duration such as ``10 seconds`` or ``interval 1 hour 30 minutes`` names.

    Args:
        text: Numbers with units, in any order, optionally after the word ``interval``; a bare ``0`` is allowed. Units
            are microseconds to weeks, singular, plural or short (us ms s m min h d).

    Raises:
        ValueError: the text is no duration, or names months or years, which have no fixed length.
    """
    rest = text.strip().removeprefix("interval ").removeprefix("INTERVAL ").strip()
    if rest == "0":
        return 0
    total, end = 0.0, 0
    while end < len(rest):
        part = _DURATION_PART.match(rest, end)
        if part is None:
            msg = f"{text!r} is not a duration; write a number and a unit, such as '10 seconds' or '5 minutes'"
            raise ValueError(msg)
        unit = part[2].lower()
        scale = _DURATION_UNITS_US.get(unit) or _DURATION_UNITS_US.get(unit.removesuffix("s"))
        if scale is None:
            allowed = "microseconds, milliseconds, seconds, minutes, hours, days, weeks"
            msg = f"{text!r} has the unit {part[2]!r}; allowed: {allowed}"
            raise ValueError(msg)
        total += float(part[1]) * scale
        end = part.end()
    if not rest:
        msg = "an empty text is not a duration; write a number and a unit, such as '10 seconds'"
        raise ValueError(msg)
    if not abs(total) < _LONGEST_DURATION_US:
        msg = "the duration is longer than ten thousand years"
        raise ValueError(msg)
    return round(total)


def parse_size_bytes(text: str) -> int:
    """Return the bytes that a size such as ``64 MB`` names; units are powers of 1024.

    Raises:
        ValueError: the text is no size.
    """
    part = _SIZE.fullmatch(text)
    scale = _SIZE_UNITS.get(part[2].lower()) if part else None
    if part is None or scale is None:
        msg = f"{text!r} is not a size; write a number and one of B, KB, MB, GB, such as '64 MB'"
        raise ValueError(msg)
    return round(float(part[1]) * scale)


def local_path(text: str) -> str:
    """Return the path on this machine that a text names: the text itself, or what a ``file:`` URL says.

    Raises:
        ValueError: the text is a URL of something else, such as ``s3://bucket/key``, or no path at all.
    """
    if "\0" in text:
        msg = f"{text!r} is no path: it holds a character of code 0"
        raise ValueError(msg)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return text
    parts = urlsplit(text)
    if parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        msg = f"{text!r} is no path of this machine; allowed: a path, or file:///path"
        raise ValueError(msg)
    return unquote(parts.path)


def to_datetime(time_us: int) -> datetime:
    """Return the UTC datetime of microseconds since the Unix epoch; exact, also before 1970."""
    return EPOCH + timedelta(microseconds=time_us)


def wide_datetime(time_us: int) -> tuple[datetime, int]:
    """Return a UTC datetime and the years to add to its own, not zero for times beyond Python's calendar.

    One row with a time in the wrong unit lies there. The years are a multiple of 400, after which the calendar repeats.
    """
    cycles = -(-(time_us - _LAST_US) // _CYCLE_US) if time_us > _LAST_US else 0
    cycles = (time_us - _FIRST_US) // _CYCLE_US if time_us < _FIRST_US else cycles
    return to_datetime(time_us - cycles * _CYCLE_US), cycles * 400


def iso_millis(time_us: int) -> str:
    """Return ISO-8601 UTC with milliseconds and Z, truncated, as Spark's progress writes times; for every time."""
    whole, more = wide_datetime(time_us - time_us % US_PER_MS)
    return f"{year_text(whole.year + more)}-{whole:%m-%dT%H:%M:%S}.{whole.microsecond // US_PER_MS:03d}Z"


def year_text(year: int) -> str:
    """Return a year in four digits, one of more digits with a sign, as ISO 8601 and Java write it."""
    sign = "-" if year < 0 else "+" if year > _LAST_PLAIN_YEAR else ""
    return f"{sign}{abs(year):04d}"


def parse_iso_us(text: str) -> int:
    """Return microseconds since the epoch of an ISO-8601 text; UTC when it names no zone.

    Raises:
        ValueError: the text is no such time.
    """
    found = datetime.fromisoformat(text)
    aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return (aware - EPOCH) // timedelta(microseconds=1)
