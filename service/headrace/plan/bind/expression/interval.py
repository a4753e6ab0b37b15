"""Room 3: interval literals, to microseconds or months, and the fields that they name."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.expressions import Literal
from headrace.sql.interval import parse_interval
from headrace.types import DAY_TIME_FIELDS, FIELD_SIZES, YEAR_MONTH_FIELDS, interval_of

_FIELD = {
    **{name.lower(): name for name in (*DAY_TIME_FIELDS, *YEAR_MONTH_FIELDS)},
    "week": "DAY",
    "millisecond": "SECOND",
    "microsecond": "SECOND",
}
_MONTHS_MOST = 11
_MOST = {"HOUR": 24, "MINUTE": 60, "SECOND": 60}


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
    """An interval of numbers with units; its fields reach from the largest unit to the smallest."""
    interval = parse_interval(text)
    words = (word.removesuffix("s") for word in re.findall(r"[a-z]+", text.lower()) if word != "interval")
    named = {_FIELD[word] for word in words}
    months, times = ([f for f in fields if f in named] for fields in (YEAR_MONTH_FIELDS, DAY_TIME_FIELDS))
    if months and times:
        message = f"The interval '{text}' mixes months with days; add two intervals instead."
        raise StreamError("SQL_UNSUPPORTED", message)
    if months:
        return Literal(interval_of(months[0], months[-1]), interval.months)
    return Literal(interval_of(times[0], times[-1]), interval.fixed_us)


def _span(text: str, first: str, last: str) -> Literal:
    sign = -1 if text.strip().startswith("-") else 1
    body = text.strip().lstrip("+-")
    if (first, last) == ("YEAR", "MONTH"):
        found = re.fullmatch(r"(\d+)-(\d+)", body)
        if found is None:
            raise _malformed(text, "UNMATCHED_FORMAT_STRING")
        if int(found[2]) > _MONTHS_MOST:
            raise _malformed(text, "INTERVAL_PARSING")
        return Literal(interval_of(first, last), sign * (int(found[1]) * 12 + int(found[2])))
    known = {first, last} <= set(DAY_TIME_FIELDS)
    wanted = DAY_TIME_FIELDS[DAY_TIME_FIELDS.index(first) : DAY_TIME_FIELDS.index(last) + 1] if known else ()
    numbers = re.split(r"[ :]", body)
    if not wanted:
        raise _malformed(text, "UNSUPPORTED_FROM_TO_EXPRESSION")
    if len(numbers) != len(wanted) or not all(re.fullmatch(r"\d+(\.\d+)?", n) for n in numbers):
        raise _malformed(text, "UNMATCHED_FORMAT_STRING_WITH_NOTICE")
    if any(Decimal(number) >= _MOST[unit] for number, unit in list(zip(numbers, wanted, strict=True))[1:]):
        raise _malformed(text, "INTERVAL_PARSING")
    micros = sum(Decimal(number) * FIELD_SIZES[unit] for number, unit in zip(numbers, wanted, strict=True))
    return Literal(interval_of(first, last), sign * int(micros))


def _malformed(text: str, kind: str) -> StreamError:
    message = f"'{text}' is no interval; write a number and a unit, such as INTERVAL 10 SECONDS."
    return StreamError("SQL_ANALYSIS", message, condition=f"INVALID_INTERVAL_FORMAT.{kind}")
