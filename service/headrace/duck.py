"""Ground floor: how Spark's types, names and constants are written in DuckDB SQL.

TIMESTAMP is TIMESTAMPTZ (every connection sets TimeZone to the session zone), TIMESTAMP_NTZ is TIMESTAMP. A day-time
interval is BIGINT microseconds and a year-month interval INTEGER months, so that they compare, add and group exactly:
DuckDB's INTERVAL takes 30 days for a month. Only the calendar interval is INTERVAL.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headrace.errors import StreamError
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    GEOGRAPHY,
    GEOMETRY,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    VARIANT,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
    StructType,
)
from headrace.values import EPOCH

_ATOMIC: dict[DataType, str] = {
    NULL: '"NULL"',
    BOOLEAN: "BOOLEAN",
    TINYINT: "TINYINT",
    SMALLINT: "SMALLINT",
    INT: "INTEGER",
    BIGINT: "BIGINT",
    FLOAT: "FLOAT",
    DOUBLE: "DOUBLE",
    STRING: "VARCHAR",
    BINARY: "BLOB",
    DATE: "DATE",
    TIMESTAMP: "TIMESTAMPTZ",
    TIMESTAMP_NTZ: "TIMESTAMP",
    TIME: "TIME",
    **dict.fromkeys((GEOGRAPHY, GEOMETRY), "STRUCT(srid INTEGER, wkb BLOB)"),
    VARIANT: "VARCHAR",
    DAY_TIME_INTERVAL: "BIGINT",
    YEAR_MONTH_INTERVAL: "INTEGER",
    CALENDAR_INTERVAL: "INTERVAL",
}


def duckdb_type(kind: DataType) -> str:
    """Return the DuckDB type that holds a Spark type."""
    if isinstance(kind, DecimalType):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, ArrayType):
        return f"{duckdb_type(kind.element)}[]"
    if isinstance(kind, MapType):
        return f"MAP({duckdb_type(kind.key)}, {duckdb_type(kind.value)})"
    if isinstance(kind, StructType):
        return f"STRUCT({', '.join(f'{quote(f.name)} {duckdb_type(f.type)}' for f in kind.fields)})"
    return _ATOMIC[kind]


def check_structs(kind: DataType) -> None:
    """Raise for a type with a struct that DuckDB cannot hold.

    Raises:
        StreamError: SQL_UNSUPPORTED, it has no fields, a field without a name, or two of one name in whatever case.
    """
    if isinstance(kind, ArrayType):
        check_structs(kind.element)
    if isinstance(kind, MapType):
        check_structs(kind.key)
        check_structs(kind.value)
    if isinstance(kind, StructType):
        names = [name.lower() for name in kind.names]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None or "" in names or not names:
            what = f"two fields called {repeated}" if repeated else "a field without a name" if names else "no fields"
            raise StreamError("SQL_UNSUPPORTED", f"A struct with {what} is not done.", hint="Name the fields apart.")
        for field in kind.fields:
            check_structs(field.type)


def quote(name: str) -> str:
    """Return the name as a DuckDB identifier, in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return the text as a DuckDB string constant; a NUL character becomes chr(0), which no literal can hold."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"


def literal_sql(value: Any, kind: DataType) -> str:
    """Return a DuckDB expression of exactly the type for a Python value.

    Args:
        value: None, bool, int, float, Decimal, str, bytes, date, datetime with a zone (TIMESTAMP) or without
            (TIMESTAMP_NTZ); microseconds or months for intervals, a triple (months, days, microseconds) for the
            calendar interval; a list for ARRAY, a mapping for MAP, a mapping or sequence for STRUCT.
        kind: The Spark type.
    """
    if value is None:
        return "NULL" if kind == NULL else f"CAST(NULL AS {duckdb_type(kind)})"
    if isinstance(kind, ArrayType):
        items = ", ".join(literal_sql(item, kind.element) for item in value)
        return f"CAST([{items}] AS {duckdb_type(kind)})"
    if isinstance(kind, MapType):
        entries = ", ".join(f"{literal_sql(k, kind.key)}: {literal_sql(v, kind.value)}" for k, v in value.items())
        return f"CAST(MAP {{{entries}}} AS {duckdb_type(kind)})"
    if isinstance(kind, StructType):
        return _struct_literal(value, kind)
    if isinstance(kind, DecimalType):
        return f"CAST('{Decimal(value):f}' AS {duckdb_type(kind)})"
    return _LITERALS.get(kind, _plain)(value, kind)


def _struct_literal(value: Any, kind: StructType) -> str:
    parts = [value[f.name] for f in kind.fields] if hasattr(value, "keys") else list(value)
    items = [
        f"{quote(field.name)} := {literal_sql(part, field.type)}"
        for field, part in zip(kind.fields, parts, strict=True)
    ]
    return f"struct_pack({', '.join(items)})"


def _plain(value: Any, kind: DataType) -> str:
    return f"CAST('{int(value)}' AS {_ATOMIC[kind]})"


def _boolean(value: Any, _kind: DataType) -> str:
    return "true" if value else "false"


def _text(value: Any, _kind: DataType) -> str:
    return quote_text(str(value))


def _binary(value: Any, _kind: DataType) -> str:
    return f"from_hex('{bytes(value).hex()}')"


def _floating(value: Any, kind: DataType) -> str:
    number = float(value)
    text = repr(number) if math.isfinite(number) else str(number)
    return f"CAST('{text}' AS {_ATOMIC[kind]})"


def _time(value: Any, _kind: DataType) -> str:
    return f"CAST('{value}' AS TIME)"


def _date(value: Any, _kind: DataType) -> str:
    day: date = value
    return f"CAST('{day.isoformat()}' AS DATE)"


def _timestamp(value: Any, _kind: DataType) -> str:
    instant: datetime = value
    return f"make_timestamptz({_micros(instant)})"


def _timestamp_ntz(value: Any, _kind: DataType) -> str:
    moment: datetime = value
    return f"make_timestamp({_micros(moment.replace(tzinfo=UTC))})"


def _micros(instant: datetime) -> int:
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _calendar(value: Any, _kind: DataType) -> str:
    months, days, micros = value
    return f"(to_months({int(months)}) + to_days({int(days)}) + to_microseconds({int(micros)}))"


_LITERALS: dict[DataType, Callable[[Any, DataType], str]] = {
    BOOLEAN: _boolean,
    STRING: _text,
    BINARY: _binary,
    FLOAT: _floating,
    DOUBLE: _floating,
    DATE: _date,
    TIME: _time,
    TIMESTAMP: _timestamp,
    TIMESTAMP_NTZ: _timestamp_ntz,
    CALENDAR_INTERVAL: _calendar,
}


_placeholders = itertools.count()
_SIMPLE = re.compile(r"""[A-Za-z_]\w*(\.\w+)*|"[^"]*"(\."[^"]*")?|-?\d+|'[^']*'""")


def let(value_sql: str, body: Callable[[str], str]) -> str:
    """Return a DuckDB expression that evaluates `value_sql` once and `body` on its name.

    DuckDB shares no common expressions across the branches of a CASE; the argument of a lambda is its only binding.
    """
    if _SIMPLE.fullmatch(value_sql):
        return body(value_sql)
    name, text = _with_name("let", value_sql, body)
    return f"list_transform([{value_sql}], lambda {name}: {text})[1]"


def each(list_sql: str, body: Callable[[str], str]) -> str:
    """Return a DuckDB expression of the list with `body` applied to the name of each element."""
    name, text = _with_name("each", list_sql, body)
    return f"list_transform({list_sql}, lambda {name}: {text})"


def _with_name(prefix: str, value_sql: str, body: Callable[[str], str]) -> tuple[str, str]:
    # Parts are rendered inside out, so a free name is known only when the body is; until then a hole stands for it.
    hole = f"\x01{next(_placeholders)}\x01"
    text = body(hole)
    number = 0
    while f"{prefix}{number}" in text or f"{prefix}{number}" in value_sql:
        number += 1
    return f"{prefix}{number}", text.replace(hole, f"{prefix}{number}")
