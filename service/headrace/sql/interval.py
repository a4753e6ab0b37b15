"""Room 2: Spark's interval texts, such as ``10 seconds`` or ``interval 1 month -2 days``.

Takes a text, gives months, days and microseconds, or microseconds alone where a fixed length is needed; and back, the
text of an interval as a literal. Source: Spark IntervalUtils.
"""

from __future__ import annotations

import re
from decimal import Decimal

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.types import DAY_TIME_FIELDS, FIELD_SIZES, IntervalType

_NUMBER = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d*)?|\.\d+)")
_UNIT = re.compile(r"\s+([a-z]+)", re.IGNORECASE)
_US = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
_DAYS = {"day": 1, "week": 7}
_FRACTION, _INT, _LONG = 9, 2**31 - 1, 2**63 - 1
_MONTHS = {"month": 1, "year": 12}
US_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Months, days and microseconds, each with its own sign; a day is not always 24 hours, a month never fixed."""

    months: int = 0
    days: int = 0
    us: int = 0

    @property
    def fixed_us(self) -> int:
        """Days and microseconds in microseconds, a day taken as 24 hours."""
        return self.days * US_PER_DAY + self.us


def parse_interval(text: str) -> Interval:
    """Return the interval that a text names; the word ``interval`` before it may be left out, units may be plural.

    Raises:
        StreamError: INVALID_INTERVAL_FORMAT.…, the text is no interval; only seconds may have a fraction.
    """
    rest = re.sub(r"^\s*interval\b", "", text, flags=re.IGNORECASE).strip()
    months, days, us, end = 0, 0, Decimal(0), 0
    if not rest:
        raise _malformed(text, "it is empty", "INPUT_IS_EMPTY")
    while end < len(rest):
        amount, unit, end = _part(text, rest, end)
        if unit in _US:
            us += amount * _US[unit]
        elif unit in _DAYS:
            days += int(amount) * _DAYS[unit]
        else:
            months += int(amount) * _MONTHS[unit]
    if max(abs(months), abs(days)) > _INT or abs(days * US_PER_DAY + us) > _LONG:
        raise _malformed(text, "it is too long", "ARITHMETIC_EXCEPTION")
    return Interval(months, days, int(us))


def _part(text: str, rest: str, start: int) -> tuple[Decimal, str, int]:
    """Return a number, its unit in the singular, and where they end."""
    number = _NUMBER.match(rest, start)
    if number is None:
        raise _malformed(text, f"{rest[start:]!r} is no number with a unit", "UNRECOGNIZED_NUMBER")
    if number.end() == len(rest):
        raise _malformed(text, f"{rest[start:]!r} has no unit", "MISSING_UNIT")
    found = _UNIT.match(rest, number.end())
    if found is None:
        raise _malformed(text, f"{rest[start:]!r} is no number with a unit", "INVALID_VALUE")
    amount, unit = Decimal(number[1] + number[2]), found[1].lower().removesuffix("s")
    if unit not in (*_US, *_DAYS, *_MONTHS):
        allowed = ", ".join((*_US, *_DAYS, *_MONTHS))
        raise _malformed(text, f"{found[1]!r} is no unit; allowed: {allowed}", "INVALID_UNIT")
    if len(number[2].partition(".")[2]) > _FRACTION:
        raise _malformed(text, "a fraction has at most nine digits", "INVALID_PRECISION")
    if amount != amount.to_integral_value() and unit != "second":
        raise _malformed(text, f"only seconds may have a fraction, not {found[1]!r}", "INVALID_FRACTION")
    return amount, unit, found.end()


def interval_text(value: int, kind: IntervalType) -> str:
    """Return an interval as Spark writes it, such as ``INTERVAL '1 02:03' DAY TO MINUTE``.

    Args:
        value: Microseconds, or months.
        kind: Its type, whose fields are written.
    """
    first, last = kind.fields
    rest, sign = abs(value), "-" if value < 0 else ""
    if first not in DAY_TIME_FIELDS:
        years = f"{rest // 12}-{rest % 12}" if first != last else str(rest // 12 if first == "YEAR" else rest)
        return f"INTERVAL '{sign}{years}' {kind.sql().removeprefix('INTERVAL ')}"
    shown = ""
    for field in DAY_TIME_FIELDS[DAY_TIME_FIELDS.index(first) : DAY_TIME_FIELDS.index(last) + 1]:
        amount, rest = divmod(rest, FIELD_SIZES[field])
        between = "" if field == first else " " if field == "HOUR" else ":"
        shown += between + (str(amount) if field == "DAY" else f"{amount:02d}")
    fraction = f".{rest:06d}".rstrip("0").rstrip(".") if last == "SECOND" else ""
    return f"INTERVAL '{sign}{shown}{fraction}' {kind.sql().removeprefix('INTERVAL ')}"


def fixed_duration_us(text: str) -> int:
    """Return the microseconds of a window, gap or delay.

    Raises:
        StreamError: INVALID_INTERVAL_FORMAT.…, or the interval has months or years, whose length is not fixed.
    """
    interval = parse_interval(text)
    if interval.months:
        message = f"Intervals greater than a month is not supported ({text})."
        hint = "Months have no fixed length; use weeks or days, such as '4 weeks'."
        raise StreamError("SQL_ANALYSIS", message, hint=hint)
    return interval.fixed_us


def _malformed(text: str, why: str, kind: str) -> StreamError:
    message = f"Error parsing '{text}' to interval: {why}."
    hint = "Write a number and a unit, such as '10 seconds'."
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition=f"INVALID_INTERVAL_FORMAT.{kind}")
