"""Room 2: the text of an element or attribute as a value of a plain type.

Takes texts, gives values that JSON can hold: numbers, booleans, texts, bytes in base64, moments in ISO 8601. Source:
Spark StaxXmlParser.convertTo and the formatters it asks.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from headrace.sql.vectorised.xml.events import BadValueError, XmlOptions
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    DataType,
    DecimalType,
)

PLAIN = (*INTEGRAL, FLOAT, DOUBLE, BOOLEAN, STRING, BINARY, DATE, TIMESTAMP, TIMESTAMP_NTZ, NULL)
"""The types, beside decimals, that a text is read as."""

_BITS: Mapping[DataType, int] = {TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64}
_FLOATING = re.compile(r"[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?)")
_GROUPED = re.compile(r"-?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:E-?\d+)?")
_FLOAT_MAX = 3.4028235677973366e38
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?")
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d{0,9}))?)?"
_MOMENT = re.compile(
    rf"(?P<year>\d{{4}})(?:-(?P<month>\d{{1,2}})(?:-(?P<day>\d{{1,2}})(?:[ T]{_CLOCK}\s*(?P<zone>\S+)?)?)?)?"
)
_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})")
_LETTERS: Mapping[str, str] = {
    "yyyy": r"(?P<year>\d{4})",
    "yy": r"(?P<short>\d{2})",
    "y": r"(?P<year>\d{1,4})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<twelve>\d{2})",
    "h": r"(?P<twelve>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})",
    "s": r"(?P<second>\d{1,2})",
    "a": r"(?P<half>AM|PM)",
    "X": r"(?P<zone>Z|[+-]\d{2}(?:\d{2})?)",
    "XX": r"(?P<zone>Z|[+-]\d{4})",
    "XXX": r"(?P<zone>Z|[+-]\d{2}:\d{2})",
    "VV": r"(?P<zone>[A-Za-z_/+\-0-9:]+)",
}
_PARTS = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)", re.DOTALL)


def read_leaf(text: str | None, kind: DataType, options: XmlOptions) -> Any:
    """Return the value, None for what stands for null.

    Raises:
        BadValueError: the text is none of the type, or the type is not a plain one.
    """
    value = text.strip() if text is not None and options.trim else text
    if value is None or value == options.null_value:
        return None
    if isinstance(kind, DecimalType):
        return _decimal(value, kind)
    reader = _READERS.get(kind)
    if reader is None:
        raise _bad(value, kind)
    return reader(value, kind, options)


@lru_cache(maxsize=64)
def pattern_of(pattern: str) -> re.Pattern[str]:
    """Return a date-time pattern as a regular expression with a group for each field.

    Raises:
        ValueError: a letter that is not done here.
    """
    found = ""
    for part in _PARTS.finditer(pattern):
        letters = part["letters"]
        if letters is None:
            found += re.escape("'" if part["quoted"] == "" else part["quoted"] or part["other"])
        elif set(letters) == {"S"}:
            found += rf"(?P<fraction>\d{{1,{len(letters)}}})"
        elif letters in _LETTERS:
            found += _LETTERS[letters]
        else:
            message = f"the letters {letters} of the pattern {pattern!r}"
            raise ValueError(message)
    # An optional part stands in brackets.
    return re.compile(found.replace(r"\[", "(?:").replace(r"\]", ")?"))


def is_moment(text: str, options: XmlOptions) -> bool:
    """Return True for a text that is read as TIMESTAMP."""
    if options.patterns.get("timestampformat") is None and re.fullmatch(rf"T?{_CLOCK}", text):
        return True
    return _reads(text, TIMESTAMP, options)


def is_day(text: str, options: XmlOptions) -> bool:
    """Return True for a text that is read as DATE."""
    return _reads(text, DATE, options)


def _reads(text: str, kind: DataType, options: XmlOptions) -> bool:
    try:
        read_leaf(text, kind, options)
    except BadValueError:
        return False
    return True


def _bad(text: str, kind: DataType) -> BadValueError:
    return BadValueError(f"{text!r} is no {kind.sql()}.")


def _unsigned(text: str, kind: DataType) -> tuple[str, int]:
    """Return the text without the sign that Spark takes off first, and that sign."""
    if kind in (INT, BIGINT, FLOAT, DOUBLE) and text[:1] in ("+", "-"):
        return text[1:], -1 if text[0] == "-" else 1
    return text, 1


def _whole(text: str, kind: DataType, _options: XmlOptions) -> int:
    digits, sign = _unsigned(text, kind)
    if not re.fullmatch(r"[+-]?[0-9]+", digits):
        raise _bad(text, kind)
    value, limit = int(digits), 1 << (_BITS[kind] - 1)
    if not -limit <= value < limit:
        raise _bad(text, kind)
    return sign * value


def _floating(text: str, kind: DataType, _options: XmlOptions) -> Any:
    digits, sign = _unsigned(text, kind)
    bare = digits.strip()
    if _FLOATING.fullmatch(bare):
        value = float(bare.rstrip("dDfF") if bare[-1:] in "dDfF" else bare)
    elif grouped := _GROUPED.match(digits):
        value = float(grouped[0].replace(",", ""))
    else:
        raise _bad(text, kind)
    value *= sign
    if kind == FLOAT and abs(value) >= _FLOAT_MAX:
        value = math.copysign(math.inf, value)
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _boolean(text: str, kind: DataType, _options: XmlOptions) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        raise _bad(text, kind)
    return known[text.lower()]


def _decimal(text: str, kind: DecimalType) -> str:
    try:
        value = Decimal(text.replace(",", ""))
        if not value.is_finite():
            raise _bad(text, kind)
        rounded = value.quantize(Decimal(1).scaleb(-kind.scale), ROUND_HALF_UP, Context(prec=100))
    except InvalidOperation as error:
        raise _bad(text, kind) from error
    if abs(rounded) >= Decimal(10) ** (kind.precision - kind.scale):
        raise _bad(text, kind)
    return f"{rounded:f}"


def _text(text: str, _kind: DataType, _options: XmlOptions) -> str:
    return text


def _bytes(text: str, _kind: DataType, _options: XmlOptions) -> str:
    return base64.b64encode(text.encode()).decode()


def _date(text: str, kind: DataType, options: XmlOptions) -> str:
    return _moment(text, kind, options, "dateformat", _DAY)[0].date().isoformat()


def _timestamp(text: str, kind: DataType, options: XmlOptions) -> str:
    local, zone = _moment(text, kind, options, "timestampformat", _MOMENT)
    at = local.replace(tzinfo=zone or _zone(options.zone)).astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _local(text: str, kind: DataType, options: XmlOptions) -> str:
    local, zone = _moment(text, kind, options, "timestampntzformat", _MOMENT)
    if zone is not None:
        raise _bad(text, kind)
    return local.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0")


def _moment(
    text: str, kind: DataType, options: XmlOptions, option: str, plain: re.Pattern[str]
) -> tuple[datetime, tzinfo | None]:
    written = options.patterns.get(option)
    found = (plain if written is None else pattern_of(written)).fullmatch(text.strip() if written is None else text)
    if found is None:
        raise _bad(text, kind)
    parts = found.groupdict()
    hour = int(parts.get("hour") or 0)
    if parts.get("twelve"):
        hour = int(parts["twelve"]) % 12 + (12 if parts.get("half") == "PM" else 0)
    fraction = (parts.get("fraction") or "")[:6].ljust(6, "0")
    try:
        year = 2000 + int(parts["short"]) if parts.get("short") else int(parts.get("year") or 1970)
        day = date(year, int(parts.get("month") or 1), int(parts.get("day") or 1))
        local = datetime(day.year, day.month, day.day, hour, int(parts.get("minute") or 0))  # noqa: DTZ001 - local
        local += timedelta(seconds=_second(parts), microseconds=int(fraction))
        return local, _zone(parts["zone"]) if parts.get("zone") else None
    except (ValueError, OverflowError, KeyError) as error:
        raise _bad(text, kind) from error


def _second(parts: Mapping[str, str | None]) -> int:
    second = int(parts.get("second") or 0)
    if second > 59:
        message = "a minute has 60 seconds"
        raise ValueError(message)
    return second


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    if name in ("Z", "UTC", "GMT", "UT"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        return ZoneInfo(name)
    span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0), seconds=int(offset[4] or 0))
    return timezone(-span if offset[1] == "-" else span)


_READERS: Mapping[DataType, Callable[[str, DataType, XmlOptions], Any]] = {
    **dict.fromkeys(INTEGRAL, _whole),
    **dict.fromkeys((FLOAT, DOUBLE), _floating),
    BOOLEAN: _boolean,
    STRING: _text,
    NULL: _text,
    BINARY: _bytes,
    DATE: _date,
    TIMESTAMP: _timestamp,
    TIMESTAMP_NTZ: _local,
}
