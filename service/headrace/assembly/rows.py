"""Fitting shop: rows written in YAML to an Arrow table of a Spark schema.

Takes mappings of plain values; gives exact types: timestamps are ISO-8601 with a zone (UTC without one), dates ISO,
decimals texts or numbers, binary base64, intervals of days and shorter as in ``-1 day, 23:59:59.5``, keys of maps texts
too. A missing column is null.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from headrace.errors import StreamError, did_you_mean
from headrace.types import (
    BINARY,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
    StructType,
)

_WIDE = Context(prec=38)


def rows_to_table(rows: Sequence[Mapping[str, Any]], schema: StructType) -> pa.Table:
    """Return the rows as a table.

    Raises:
        StreamError: CONFIG_INVALID_VALUE, naming row, column and value, when one does not fit its type.
    """
    for number, row in enumerate(rows, 1):
        unknown = [name for name in row if name not in schema.names]
        if unknown:
            message = f'row {number} has the column "{unknown[0]}", which the schema has not.'
            raise StreamError("CONFIG_INVALID_VALUE", message, hint=did_you_mean(unknown[0], schema.names))
    columns = [_column(rows, field.name, field.type) for field in schema.fields]
    return pa.Table.from_arrays(columns, schema=schema.arrow_schema())


def _column(rows: Sequence[Mapping[str, Any]], name: str, kind: DataType) -> pa.Array:
    values = []
    for number, row in enumerate(rows, 1):
        try:
            values.append(_value(row.get(name), kind))
            pa.array(values[-1:], kind.arrow())
        except (ValueError, TypeError, ArithmeticError, pa.ArrowException) as error:
            message = f'row {number}, column "{name}": {row.get(name)!r} is no {kind.sql()} ({error}).'
            raise StreamError("CONFIG_INVALID_VALUE", message) from error
    return pa.array(values, kind.arrow())


def _value(value: Any, kind: DataType) -> Any:
    if value is None:
        return None
    if isinstance(kind, ArrayType):
        return [_value(item, kind.element) for item in value]
    if isinstance(kind, MapType):
        whole = kind.key in INTEGRAL  # JSON has no keys but texts
        keys = [int(key) if whole else _value(key, kind.key) for key in value]
        return [(key, _value(item, kind.value)) for key, item in zip(keys, value.values(), strict=True)]
    if isinstance(kind, StructType):
        return {field.name: _value(value.get(field.name), field.type) for field in kind.fields}
    if isinstance(kind, DecimalType):
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-kind.scale), context=_WIDE)
    read = _READERS.get(kind)
    return read(value) if read else value


def _instant(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


_SPAN = re.compile(r"(?:(?P<days>[+-]?\d+) days?, )?(?P<clock>\d+:\d\d:\d\d)(?P<fraction>\.\d{1,6})?")


def _span(value: Any) -> timedelta:
    found = _SPAN.fullmatch(str(value))
    if found is None:
        message = "write it as in '2 days, 1:00:00' or '-1 day, 23:59:59.5'"
        raise ValueError(message)
    hours, minutes, seconds = (int(part) for part in found["clock"].split(":"))
    micros = int((found["fraction"] or ".")[1:].ljust(6, "0"))
    return timedelta(int(found["days"] or 0), seconds, micros, minutes=minutes, hours=hours)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = f"write it in quotes: '{value}'"
        raise TypeError(message)
    return value


_READERS: Mapping[DataType, Callable[[Any], Any]] = {
    TIMESTAMP: _instant,
    TIMESTAMP_NTZ: lambda value: _instant(value).replace(tzinfo=None),
    DATE: lambda value: value if isinstance(value, date) else date.fromisoformat(str(value)),
    BINARY: lambda value: base64.b64decode(value, validate=True),
    DAY_TIME_INTERVAL: _span,
    DOUBLE: float,
    FLOAT: float,
    STRING: _text,
}
