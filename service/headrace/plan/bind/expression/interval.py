"""Room 3: interval literals, to microseconds or months."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.expressions import Literal
from headrace.sql.interval import parse_interval
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
_MONTHS_MOST = 11
_MOST = {"HOUR": 24, "MINUTE": 60, "SECOND": 60}
_FIELDS = ("DAY", "HOUR", "MINUTE", "SECOND")


def interval_literal(node: exp.Interval) -> Literal:
    """Return the literal that INTERVAL ... names.

    Raises:
        StreamError: INVALID_INTERVAL_FORMAT, the text is no interval; SQL_UNSUPPORTED, it mixes months with days.
    """
    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal | exp.Neg):
        message = "INTERVAL takes a constant; use make_dt_interval() for a computed one."
        raise StreamError("SQL_SYNTAX", message, condition="PARSE_SYNTAX_ERROR")
    text = f"-{node.this.this.name}" if isinstance(node.this, exp.Neg) else node.this.name
    if isinstance(unit, exp.IntervalSpan):
        return _span(text, unit.this.name.upper(), unit.expression.name.upper())
    try:
        return _parts(text if unit is None else f"{text} {unit.name}")
    except StreamError as error:
        if unit is None:
            is_text = isinstance(node.this, exp.Literal) and node.this.is_string
            error.condition = "INVALID_TYPED_LITERAL" if is_text else "PARSE_SYNTAX_ERROR"
        elif (error.condition or "").endswith("INVALID_UNIT"):
            error.condition = "PARSE_SYNTAX_ERROR"
        raise


def _parts(text: str) -> Literal:
    interval = parse_interval(text)
    if interval.months and interval.fixed_us:
        message = f"The interval '{text}' mixes months with days; add two intervals instead."
        raise StreamError("SQL_UNSUPPORTED", message)
    if interval.months or re.search(r"month|year", text, re.IGNORECASE):
        return Literal(YEAR_MONTH_INTERVAL, interval.months)
    return Literal(DAY_TIME_INTERVAL, interval.fixed_us)


def _span(text: str, first: str, last: str) -> Literal:
    sign = -1 if text.strip().startswith("-") else 1
    body = text.strip().lstrip("+-")
    if (first, last) == ("YEAR", "MONTH"):
        found = re.fullmatch(r"(\d+)-(\d+)", body)
        if found is None:
            raise _malformed(text, "UNMATCHED_FORMAT_STRING")
        if int(found[2]) > _MONTHS_MOST:
            raise _malformed(text, "INTERVAL_PARSING")
        return Literal(YEAR_MONTH_INTERVAL, sign * (int(found[1]) * 12 + int(found[2])))
    wanted = _FIELDS[_FIELDS.index(first) : _FIELDS.index(last) + 1] if {first, last} <= set(_FIELDS) else ()
    numbers = re.split(r"[ :]", body)
    if not wanted:
        raise _malformed(text, "UNSUPPORTED_FROM_TO_EXPRESSION")
    if len(numbers) != len(wanted) or not all(re.fullmatch(r"\d+(\.\d+)?", n) for n in numbers):
        raise _malformed(text, "UNMATCHED_FORMAT_STRING_WITH_NOTICE")
    if any(Decimal(number) >= _MOST[unit] for number, unit in list(zip(numbers, wanted, strict=True))[1:]):
        raise _malformed(text, "INTERVAL_PARSING")
    micros = sum(Decimal(number) * _UNIT_US[unit] for number, unit in zip(numbers, wanted, strict=True))
    return Literal(DAY_TIME_INTERVAL, sign * int(micros))


def _malformed(text: str, kind: str) -> StreamError:
    message = f"'{text}' is no interval; write a number and a unit, such as INTERVAL 10 SECONDS."
    return StreamError("SQL_ANALYSIS", message, condition=f"INVALID_INTERVAL_FORMAT.{kind}")
