"""Room 3: typed literals such as DATE '2024-01-31', whose text Spark reads before anything runs."""

from __future__ import annotations

import calendar
import re

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.expressions import Cast, Literal, walk
from headrace.types import DATE, TIME, TIMESTAMP, TIMESTAMP_NTZ, DataType, is_numeric

_SPECIAL = frozenset({"now", "today", "epoch", "tomorrow", "yesterday"})
_DATE = r"[+-]?(\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})"
_CLOCK = r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.\d{0,9})?)?)?"
_ZONE = r"(?:\s*(?:[A-Za-z][\w/+:-]*|[+-]\d{1,2}(?::?\d{1,2}){0,2}))?"
_DATE_TEXT = re.compile(rf"{_DATE}(?:[ T].*)?)?)?", re.DOTALL)
_TIMESTAMP_TEXT = re.compile(rf"{_DATE}(?:[ T]{_CLOCK}{_ZONE})?)?)?")
_CLOCK_TEXT = re.compile(rf"()()()T?{_CLOCK}{_ZONE}")
_NUMBER = re.compile(r"(?i)[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[fd]?|[+-]?(?:inf|infinity|nan)")
_TWELVE, _LIMITS = 12, (24, 60, 60)


def check_typed(text: str, kind: DataType) -> None:
    """Raise for a text that is no value of the type.

    Raises:
        StreamError: INVALID_TYPED_LITERAL.
    """
    if kind not in (DATE, TIME, TIMESTAMP, TIMESTAMP_NTZ):
        return
    bare = text.strip()
    if not (bare.lower() in _SPECIAL or _reads(bare, kind)):
        message = f'The value of the typed literal "{kind.sql()}" is invalid: {text!r}.'
        hint = "Write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00'."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="INVALID_TYPED_LITERAL")


def refuse_no_number(bound: Bound) -> None:
    """Raise for a constant text that is cast to a number and is none.

    Raises:
        StreamError: CAST_INVALID_INPUT.
    """
    for part in walk(bound.expression):
        child = part.child if isinstance(part, Cast) and is_numeric(part.type) and not part.try_ else None
        if isinstance(child, Literal) and isinstance(child.value, str) and not _NUMBER.fullmatch(child.value.strip()):
            message = f'The value {child.value!r} of the type "STRING" cannot be cast to "{part.type.sql()}".'
            raise StreamError("SQL_ANALYSIS", message, condition="CAST_INVALID_INPUT")


def _reads(text: str, kind: DataType) -> bool:
    if kind == TIME:
        found = _CLOCK_TEXT.fullmatch(text)
    elif kind == DATE:
        found = _DATE_TEXT.fullmatch(text)
    else:
        found = _TIMESTAMP_TEXT.fullmatch(text) or (_CLOCK_TEXT.fullmatch(text) if ":" in text else None)
    return found is not None and _in_range([int(part) if part else None for part in found.groups()])


def _in_range(parts: list[int | None]) -> bool:
    year, month, day, *clock = parts
    if month is not None and not 1 <= month <= _TWELVE:
        return False
    if day is not None and month is not None:
        _, days = calendar.monthrange(max(year or 0, 1), month)
        if not 1 <= day <= days:
            return False
    return all(part is None or part < limit for part, limit in zip(clock, _LIMITS, strict=False))
