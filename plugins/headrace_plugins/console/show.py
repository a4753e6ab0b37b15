"""Plugin console: rows as the text table of Spark's show().

Takes an Arrow table, of which only the rows printed are looked at; gives the text. Control characters are escaped, so
that no row can paint on the terminal.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from headrace.values import US_PER_S, wide_datetime, year_text

CELL_WIDTH = 20
"""Characters of a cell when truncating, the dots included."""

_LEAST_WIDTH = 3
_US_PER_DAY = 86_400 * US_PER_S
_OFFSET = re.compile(r"GMT([+-])([0-9]{2}):([0-9]{2})")
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def show(table: pa.Table, *, rows: int = 20, truncate: bool = True, time_zone: str = "UTC") -> str:
    """Return the first rows as Spark prints them, the last line break included.

    Args:
        table: Any columns.
        rows: How many rows at most; more are announced in a last line.
        truncate: Cut cells to 20 characters and align right; else whole and left.
        time_zone: The zone of timestamps.
    """
    zone = zone_of(time_zone)
    width = CELL_WIDTH if truncate else None
    head = table.slice(0, rows)
    columns = [
        [_cut(_escape(name), width), *(_cut(_escape(text_of(cell, column.type, zone)), width) for cell in cells)]
        for name, column in zip(head.column_names, head.columns, strict=True)
        for cells in [column.cast(_countable(column.type)).to_pylist()]
    ]
    widths = [max(_LEAST_WIDTH, *(_width(cell) for cell in column)) for column in columns]
    ruler = "+" + "".join("-" * width + "+" for width in widths)
    lines = [
        "|"
        + "".join(_pad(column[n], width, right=truncate) + "|" for column, width in zip(columns, widths, strict=True))
        for n in range(head.num_rows + 1)
    ]
    text = "\n".join([ruler, lines[0], ruler, *lines[1:], ruler]) + "\n"
    if table.num_rows > rows:
        text += f"only showing top {rows} row{'s' if rows != 1 else ''}\n"
    return text


def zone_of(name: str) -> tzinfo:
    """Return a time zone: a region, or an offset such as ``GMT+05:30``."""
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        return ZoneInfo(name)
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    return timezone(-ahead if offset[1] == "-" else ahead)


def text_of(value: Any, kind: pa.DataType, zone: tzinfo) -> str:
    """Return a value as show() prints it; null is NULL."""
    if value is None:
        return "NULL"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "[" + ", ".join(text_of(item, kind.value_type, zone) for item in value) + "]"
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, Mapping) else value
        shown = (f"{text_of(k, kind.key_type, zone)} -> {text_of(v, kind.item_type, zone)}" for k, v in pairs)
        return "{" + ", ".join(shown) + "}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(text_of(value[field.name], field.type, zone) for field in kind) + "}"
    return _atom(value, kind, zone)


def _countable(kind: pa.DataType) -> pa.DataType:
    """Return the type with whole numbers for dates and timestamps, which may lie beyond Python's calendar."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_date32(kind):
        return pa.int32()
    if pa.types.is_list(kind):
        return pa.list_(_countable(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_countable(kind.key_type), _countable(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _countable(field.type)) for field in kind])
    return kind


def _atom(value: Any, kind: pa.DataType, zone: tzinfo) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "[" + " ".join(f"{byte:02X}" for byte in value) + "]"
    if pa.types.is_timestamp(kind):
        return _timestamp(value, zone if kind.tz else UTC)
    if pa.types.is_date32(kind):
        return _timestamp(value * _US_PER_DAY, UTC).split(" ")[0]
    if isinstance(value, float):
        return java_double(value, single=pa.types.is_float32(kind))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _timestamp(time_us: int, zone: tzinfo) -> str:
    utc, more = wide_datetime(time_us)
    moment = utc.astimezone(zone)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{year_text(moment.year + more)}-{moment:%m-%d %H:%M:%S}{fraction}"


def java_double(value: float, *, single: bool = False) -> str:
    """Return a floating-point number as Java's toString writes it, with the fewest digits that tell it apart."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    number: Any = np.float32(value) if single else np.float64(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return str(np.format_float_positional(number, unique=True, trim="0"))
    mantissa, exponent = np.format_float_scientific(number, unique=True, trim="0").split("e")
    return f"{mantissa}E{int(exponent)}"


def _escape(text: str) -> str:
    return "".join(
        _ESCAPES.get(ord(char)) or (f"\\u{ord(char):04X}" if unicodedata.category(char) in {"Cc", "Cs"} else char)
        for char in text
    )


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 3] + "..."


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in {"F", "W"} else 1 for char in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
