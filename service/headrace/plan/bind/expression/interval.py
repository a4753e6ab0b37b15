"""Room 3: interval literals, to microseconds or months."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.expressions import Literal
from headrace.types import DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL

_UNIT_US = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
    "WEEK": 604_800_000_000,
}
_UNIT_MONTHS = {"MONTH": 1, "YEAR": 12}
_FIELDS = ("DAY", "HOUR", "MINUTE", "SECOND")
_PART = re.compile(r"\s*([+-]?\s*\d+(?:\.\d+)?)\s*([a-zA-Z]+)")


def interval_literal(node: exp.Interval) -> Literal:
    """Return the literal that INTERVAL ... names.

    Raises:
        StreamError: INVALID_INTERVAL_FORMAT, the text is no interval; SQL_UNSUPPORTED, it mixes months with days.
    """
    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal | exp.Neg):
        raise StreamError("SQL_UNSUPPORTED", "INTERVAL takes a constant; use make_dt_interval() for a computed one.")
    text = f"-{node.this.this.name}" if isinstance(node.this, exp.Neg) else node.this.name
    if isinstance(unit, exp.IntervalSpan):
        return _span(text, unit.this.name.upper(), unit.expression.name.upper())
    if unit is not None:
        text = f"{text} {unit.name}"
    return _parts(text)


def _parts(text: str) -> Literal:
    rest = text.strip()
    months, micros, kinds, end = 0, Decimal(0), set(), 0
    while end < len(rest):
        part = _PART.match(rest, end)
        if part is None:
            raise _malformed(text)
        number, unit = Decimal(part[1].replace(" ", "")), part[2].upper()
        unit = unit if unit in _UNIT_US or unit in _UNIT_MONTHS else unit.removesuffix("S")
        if unit in _UNIT_MONTHS:
            months, end = months + int(number) * _UNIT_MONTHS[unit], part.end()
        elif unit in _UNIT_US:
            micros, end = micros + number * _UNIT_US[unit], part.end()
        else:
            raise _malformed(text)
        kinds.add(unit in _UNIT_MONTHS)
    if len(kinds) != 1:
        if kinds:
            raise StreamError("SQL_UNSUPPORTED", f"The interval '{text}' mixes months with days; add two intervals.")
        raise _malformed(text)
    return Literal(YEAR_MONTH_INTERVAL, months) if True in kinds else Literal(DAY_TIME_INTERVAL, int(micros))


def _span(text: str, first: str, last: str) -> Literal:
    sign = -1 if text.strip().startswith("-") else 1
    body = text.strip().lstrip("+-")
    if (first, last) == ("YEAR", "MONTH"):
        found = re.fullmatch(r"(\d+)-(\d+)", body)
        if found is None:
            raise _malformed(text)
        return Literal(YEAR_MONTH_INTERVAL, sign * (int(found[1]) * 12 + int(found[2])))
    wanted = _FIELDS[_FIELDS.index(first) : _FIELDS.index(last) + 1] if {first, last} <= set(_FIELDS) else ()
    numbers = re.split(r"[ :]", body)
    if not wanted or len(numbers) != len(wanted) or not all(re.fullmatch(r"\d+(\.\d+)?", n) for n in numbers):
        raise _malformed(text)
    micros = sum(Decimal(number) * _UNIT_US[unit] for number, unit in zip(numbers, wanted, strict=True))
    return Literal(DAY_TIME_INTERVAL, sign * int(micros))


def _malformed(text: str) -> StreamError:
    message = f"'{text}' is no interval; write a number and a unit, such as INTERVAL 10 SECONDS."
    return StreamError("SQL_ANALYSIS", message, condition="INVALID_INTERVAL_FORMAT.UNRECOGNIZED_NUMBER")
