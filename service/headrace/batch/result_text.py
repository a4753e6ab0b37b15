"""Batch SQL: rows as the spark-sql shell prints them: tab-separated, NULL, ``{"a":1}``, ``[1,2]``, 1.0E10.

Takes Arrow columns and their Spark types; gives texts, column by column. Source: Spark HiveResult.toHiveString.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from headrace.types import (
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    NULL,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
    StructType,
)
from headrace.values import EPOCH

_DAY_US = 86_400_000_000
Texts = list[str | None]


def lines_of(rows: pa.Table, kinds: Sequence[DataType], zone: str) -> list[str]:
    """Return one line a row, columns by position.

    Args:
        rows: The rows as DuckDB gives them.
        kinds: The Spark type of each column.
        zone: The session time zone, in which instants are shown.
    """
    columns = [texts_of(rows.column(i).combine_chunks(), kind, zone) for i, kind in enumerate(kinds)]
    shown = [["NULL" if text is None else text for text in column] for column in columns]
    return ["\t".join(row) for row in zip(*shown, strict=True)] if shown else [""] * len(rows)


def texts_of(column: pa.Array, kind: DataType, zone: str, *, nested: bool = False) -> Texts:
    """Return the text of each value, None for NULL.

    Args:
        column: The values.
        kind: Their Spark type.
        zone: The session time zone.
        nested: Whether they stand inside of something, where texts have quotes.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(kind, StructType):
        return _structs(column, kind, zone)
    if isinstance(kind, ArrayType):
        return _arrays(column, kind, zone)
    if isinstance(kind, MapType):
        return _maps(column, kind, zone)
    if kind == STRING:
        return [None if v is None else f'"{v}"' if nested else v for v in column.to_pylist()]
    if kind in (TIMESTAMP, TIMESTAMP_NTZ):
        shown = _zone(zone) if kind == TIMESTAMP else None
        return [None if v is None else _moment(v, shown) for v in column.cast(pa.int64()).to_pylist()]
    write = decimal_text if isinstance(kind, DecimalType) else _WRITERS.get(kind, str)
    return [None if value is None else write(value) for value in column.to_pylist()]


def _structs(column: pa.StructArray, kind: StructType, zone: str) -> Texts:
    fields = [
        [f'"{field.name}":{"null" if text is None else text}' for text in texts_of(part, field.type, zone, nested=True)]
        for field, part in zip(kind.fields, column.flatten(), strict=True)
    ]
    rows = zip(*fields, strict=True) if fields else ([] for _ in range(len(column)))
    return [
        f"{{{','.join(parts)}}}" if valid else None
        for parts, valid in zip(rows, column.is_valid().to_pylist(), strict=True)
    ]


def _arrays(column: pa.ListArray, kind: ArrayType, zone: str) -> Texts:
    if pa.types.is_null(column.type):
        return [None] * len(column)
    items = texts_of(column.values, kind.element, zone, nested=True)
    shown = ["null" if item is None else item for item in items]
    ends = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [f"[{','.join(shown[ends[i] : ends[i + 1]])}]" if ok else None for i, ok in enumerate(valid)]


def _maps(column: pa.MapArray, kind: MapType, zone: str) -> Texts:
    keys = texts_of(column.keys, kind.key, zone, nested=True)
    items = texts_of(column.items, kind.value, zone, nested=True)
    pairs = [f"{key}:{'null' if item is None else item}" for key, item in zip(keys, items, strict=True)]
    ends = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [f"{{{','.join(sorted(pairs[ends[i] : ends[i + 1]]))}}}" if ok else None for i, ok in enumerate(valid)]


def _zone(name: str) -> tzinfo:
    """The zone of a region, or of an offset, which the session writes as GMT+05:30."""
    if not name.startswith(("GMT+", "GMT-")):
        return ZoneInfo(name)
    hours, minutes = (int(part) for part in name[4:].split(":"))
    return timezone((-1 if name[3] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _moment(micros: int, zone: tzinfo | None) -> str:
    try:
        moment = EPOCH + timedelta(microseconds=micros)
        moment = moment if zone is None else moment.astimezone(zone)
    except OverflowError:
        return _beyond(micros, zone)
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{_day(moment)} {moment:%H:%M:%S}{'.' if fraction else ''}{fraction}"


def _beyond(micros: int, zone: tzinfo | None) -> str:
    """Return a moment that is, in UTC or in the zone, outside of Python's years 1 to 9999."""
    near = datetime(9998 if micros > 0 else 2, 12, 31, tzinfo=UTC).astimezone(zone) if zone is not None else None
    offset = near.utcoffset() if near is not None else None
    wall = micros + (0 if offset is None else offset // timedelta(microseconds=1))
    day, clock = str(np.datetime64(wall, "us")).split("T")
    sign = "+" if len(day) > len("9999-12-31") and not day.startswith("-") else ""
    return f"{sign}{day} {clock.rstrip('0').rstrip('.') if '.' in clock else clock}"


def _day(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def _time(moment: time) -> str:
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{moment:%H:%M:%S}{'.' if fraction else ''}{fraction}"


def floating_text(value: float) -> str:
    """Return a DOUBLE as Java's Double.toString does."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        return repr(value)
    return _scientific(Decimal(repr(value)))


def _single_text(value: float) -> str:
    if not math.isfinite(value):
        return floating_text(value)
    shortest = str(pa.scalar(value, pa.float32()).cast(pa.string()).as_py())
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        plain = f"{Decimal(shortest):f}"
        return plain if "." in plain else f"{plain}.0"
    return _scientific(Decimal(shortest))


def _scientific(value: Decimal) -> str:
    digits, exponent = f"{value.normalize():e}".split("e")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def decimal_text(value: Decimal) -> str:
    """Return a DECIMAL without an exponent, all digits of its scale."""
    return f"{value:f}"


def _day_time(value: int | timedelta) -> str:
    micros = value if isinstance(value, int) else round(value / timedelta(microseconds=1))
    sign, rest = ("-" if micros < 0 else ""), abs(micros)
    days, rest = divmod(rest, _DAY_US)
    seconds, fraction = divmod(rest, 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{sign}{days} {clock}.{fraction:06d}000"


def _year_month(months: int) -> str:
    return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12}"


def _calendar(value: Any) -> str:
    months, days, nanos = value
    micros = int(nanos) // 1000
    parts = [f"{n} {unit}" for n, unit in ((_whole(months, 12), "years"), (_rest(months, 12), "months")) if n]
    if days:
        parts.append(f"{days} days")
    hours = _whole(micros, 3_600_000_000)
    rest = _rest(micros, 3_600_000_000)
    minutes, rest = _whole(rest, 60_000_000), _rest(rest, 60_000_000)
    parts += [f"{n} {unit}" for n, unit in ((hours, "hours"), (minutes, "minutes")) if n]
    if rest:
        parts.append(f"{f'{Decimal(rest).scaleb(-6):f}'.rstrip('0').rstrip('.')} seconds")
    return " ".join(parts) or "0 seconds"


def _whole(value: int, unit: int) -> int:
    return abs(value) // unit * (-1 if value < 0 else 1)


def _rest(value: int, unit: int) -> int:
    return abs(value) % unit * (-1 if value < 0 else 1)


def _binary(value: bytes) -> str:
    return value.decode("utf-8", "replace")


_WRITERS: Mapping[DataType, Callable[[Any], str]] = {
    NULL: lambda _: "NULL",
    BOOLEAN: lambda value: "true" if value else "false",
    **dict.fromkeys(INTEGRAL, str),
    FLOAT: _single_text,
    DOUBLE: floating_text,
    DATE: lambda day: _day(day) if isinstance(day, date | datetime) else str(day),
    TIME: _time,
    BINARY: _binary,
    DAY_TIME_INTERVAL: _day_time,
    YEAR_MONTH_INTERVAL: _year_month,
    CALENDAR_INTERVAL: _calendar,
}
