"""Room 2: moments made of parts: make_timestamp and its kin, and texts read as moments.

Takes rendered numbers, dates and times; gives DuckDB text. Source: Spark MakeTimestamp, MakeTimestampNTZ.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.datetime_text import parse_with
from headrace.sql.function import Argument, Function, Rendered, Resolve, Resolved
from headrace.sql.functions.instant import back, instant_in
from headrace.sql.functions.signature import (
    INSTANT_OR_DATE,
    accept,
    fail,
    null_if_any,
    rewritten,
    table,
)
from headrace.sql.functions.temporal.clocks import SECONDS, clock_us, micros
from headrace.sql.settings import SqlSettings
from headrace.types import DATE, INT, STRING, TIME, TIMESTAMP, TIMESTAMP_NTZ, DataType

_PARTS = (INT, INT, INT, INT, INT, SECONDS)


def _maker(name: str, kind: DataType, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        parts = list(arguments)
        zone = parts.pop().sql if len(parts) in (3, 7) else None
        wall = _of_parts(parts, loud=settings.ansi and not quiet) if len(parts) == 6 else _of_day(parts)
        if zone is not None:
            return instant_in(f"CAST({wall} AS TIMESTAMP)", zone)
        return back(f"CAST({wall} AS TIMESTAMP)", kind, settings)

    most = 6 if kind == TIMESTAMP_NTZ else 7
    return rewritten(name, (1, most), _maker_types(name, kind), render)


def _maker_types(name: str, kind: DataType) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        wanted: tuple[DataType, ...] = (*_PARTS, STRING) if len(arguments) > 3 else (DATE, TIME, STRING)
        zones = (3, 7) if kind == TIMESTAMP else ()
        if len(arguments) not in (1, 2, 6, *zones):
            raise wrong_count(name, len(arguments))
        return Resolved(tuple(accept(a, w, i) for i, (a, w) in enumerate(zip(arguments, wanted, strict=False))), kind)

    return resolve


def wrong_count(name: str, count: int) -> StreamError:
    """Return the error that a function of several forms does not take so many arguments."""
    condition = "WRONG_NUM_ARGS.WITHOUT_SUGGESTION"
    return StreamError("SQL_ANALYSIS", f"`{name}` does not take {count} arguments.", condition=condition)


def _of_day(parts: Sequence[Rendered]) -> str:
    day = f"CAST({parts[0].sql} AS TIMESTAMP)"
    return day if len(parts) == 1 else f"({day} + to_microseconds({micros(parts[1].sql)}))"


def _of_parts(parts: Sequence[Rendered], *, loud: bool) -> str:
    year, month, day, hour, minute, second = (a.sql for a in parts)
    made = f"TRY(make_date({year}, {month}, {day}))"
    shown = " || ' ' || ".join(a.sql for a in parts)
    bad = fail("DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION", f"'Invalid moment: ' || {shown}") if loud else "NULL"
    wrong = f"{made} IS NULL OR {hour} NOT BETWEEN 0 AND 23 OR {minute} NOT BETWEEN 0 AND 59"
    wrong += f" OR {second} < 0 OR {second} > 60"
    clock = clock_us(hour, minute, second)
    whole = f"(CASE WHEN {wrong} THEN {bad} ELSE CAST({made} AS TIMESTAMP) + to_microseconds({clock}) END)"
    return null_if_any(parts, whole)


def _readable(name: str, kind: DataType) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        source, mode = arguments[0], CastMode.ANSI if settings.ansi else CastMode.LEGACY
        if len(arguments) == 1 or source.type != STRING:
            return render_cast(source.sql, source.type, kind, mode=mode, settings=settings)
        return parse_with(source.sql, arguments[1], kind, mode, settings)

    return rewritten(name, (1, 2), _readable_types(kind), render)


def _readable_types(kind: DataType) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        source = arguments[0].type
        source = source if source == STRING else accept(arguments[0], INSTANT_OR_DATE, 0)
        return Resolved((source, STRING)[: len(arguments)], kind)

    return resolve


FUNCTIONS = table(
    _maker("make_timestamp", TIMESTAMP, quiet=False),
    _maker("make_timestamp_ntz", TIMESTAMP_NTZ, quiet=False),
    _maker("try_make_timestamp", TIMESTAMP, quiet=True),
    _maker("try_make_timestamp_ntz", TIMESTAMP_NTZ, quiet=True),
    _readable("to_timestamp_ltz", TIMESTAMP),
    _readable("to_timestamp_ntz", TIMESTAMP_NTZ),
    make_timestamp_ltz="make_timestamp",
    try_make_timestamp_ltz="try_make_timestamp",
)
