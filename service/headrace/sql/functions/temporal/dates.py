"""Room 2: functions of dates and timestamps, in the session time zone.

Takes rendered dates and timestamps; gives DuckDB text. Patterns are `sql.datetime_text`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.duck import quote_text
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.datetime_text import format_with, parse_with
from headrace.sql.function import Argument, Function, How, Render, Rendered, Resolve, Resolved
from headrace.sql.functions.arithmetic import unscaled
from headrace.sql.functions.instant import add_months, back, local
from headrace.sql.functions.signature import (
    INSTANT_OR_DATE,
    NUMERIC,
    accept,
    as_type,
    fail,
    null_if_any,
    rewritten,
    table,
    takes,
    typed,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    INTEGRAL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
    DecimalType,
    is_numeric,
)

BATCH_TIME_PLACEHOLDER = "__headrace_batch_time__"
"""Stands in a statement for the batch's time; the engine puts a TIMESTAMPTZ literal in its place before it runs."""

_TRUNCATE = {
    **dict.fromkeys(("year", "yyyy", "yy"), "year"),
    **dict.fromkeys(("month", "mon", "mm"), "month"),
    "quarter": "quarter",
    "week": "week",
}
_TRUNCATE_TIME = {
    **_TRUNCATE,
    **dict.fromkeys(("day", "dd"), "day"),
    **{unit: unit for unit in ("hour", "minute", "second", "millisecond", "microsecond")},
}


def _truncated(unit: Rendered, wall: str, units: Mapping[str, str]) -> str:
    if unit.constant:
        name = units.get(str(unit.value).lower())
        return "NULL" if name is None else f"date_trunc('{name}', {wall})"
    cases = " ".join(f"WHEN {quote_text(k)} THEN date_trunc('{v}', {wall})" for k, v in units.items())
    return f"(CASE lower({unit.sql}) {cases} END)"


def _trunc(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    return as_type(_truncated(arguments[1], arguments[0].sql, _TRUNCATE), kind)


def _date_trunc(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    moment = arguments[1]
    wall = _truncated(arguments[0], local(moment.sql, moment.type, settings), _TRUNCATE_TIME)
    return back(f"CAST({wall} AS TIMESTAMP)", kind, settings)


def _date_trunc_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[1], INSTANT_OR_DATE, 1)
    kind = TIMESTAMP if kind == DATE else kind
    return Resolved((STRING, kind), kind)


_WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _next_day(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    day, name = arguments[0].sql, arguments[1]
    if name.constant and name.value is None:
        return "CAST(NULL AS DATE)"
    wrong = "NULL"
    if settings.ansi:
        wrong = fail("ILLEGAL_DAY_OF_WEEK", f"'Illegal input for day of week: ' || {name.sql} || '.'")
    names = [
        f"WHEN lower({name.sql}) IN ('{short}', '{long[:3]}', '{long}') THEN {i + 1}"
        for i, (short, long) in enumerate(zip(_WEEKDAYS, _WEEKDAY_NAMES, strict=True))
    ]
    wanted = f"(CASE {' '.join(names)} WHEN {name.sql} IS NULL THEN NULL ELSE {wrong} END)"
    return f"({day} + CAST(7 - (isodow({day}) - {wanted} + 7) % 7 AS INTEGER))"


def _months_between(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    a, b = (local(x.sql, x.type, settings) for x in arguments[:2])
    months = f"((year({a}) - year({b})) * 12 + month({a}) - month({b}))"
    last = f"(day({a}) = day(last_day({a})) AND day({b}) = day(last_day({b})))"
    clock = "(epoch_us({0}) - epoch_us(date_trunc('day', {0}))) // 1000000"
    seconds = f"((day({a}) - day({b})) * 86400 + {clock.format(a)} - {clock.format(b)})"
    partly = f"{months} + {seconds} / 2678400.0::DOUBLE"
    value = f"(CASE WHEN day({a}) = day({b}) OR {last} THEN CAST({months} AS DOUBLE) ELSE {partly} END)"
    rounded = f"round({value}, 8)"
    if len(arguments) == 2:
        return rounded
    return f"(CASE WHEN {arguments[2].sql} THEN {rounded} ELSE {value} END)"


_PLAIN = Rendered("'yyyy-MM-dd HH:mm:ss'", STRING, constant=True, value="yyyy-MM-dd HH:mm:ss")
"""The pattern where none is given."""


def _cast_or_parse(kind: DataType, *, quiet: bool) -> Render:
    def render(arguments: Sequence[Rendered], _type: DataType, settings: SqlSettings) -> str:
        mode = CastMode.TRY if quiet else CastMode.ANSI if settings.ansi else CastMode.LEGACY
        source = arguments[0]
        if len(arguments) == 1 or source.type != STRING:
            return render_cast(source.sql, source.type, kind, mode=mode, settings=settings)
        return parse_with(source.sql, arguments[1], kind, mode, settings)

    return render


def _readable(kind: DataType) -> Function:
    name = "to_date" if kind == DATE else "to_timestamp"
    return rewritten(name, (1, 2), _readable_types(kind), _cast_or_parse(kind, quiet=False))


def _readable_types(kind: DataType) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        source = arguments[0].type
        instant = kind == TIMESTAMP and len(arguments) == 1 and is_numeric(source)
        if source in (BOOLEAN, BINARY) or (is_numeric(source) and not instant):
            source = STRING
        if source != STRING and not instant:
            source = accept(arguments[0], INSTANT_OR_DATE, 0)
        return Resolved((source, STRING)[: len(arguments)], kind)

    return resolve


def _date_format(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    wall = local(arguments[0].sql, arguments[0].type, settings)
    return format_with(wall, arguments[1], settings)


def _date_format_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], INSTANT_OR_DATE, 0)
    return Resolved((TIMESTAMP if kind == DATE else kind, STRING), STRING)


def _unix(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    if not arguments:
        return f"(epoch_us({BATCH_TIME_PLACEHOLDER}) // 1000000)"
    source = arguments[0]
    moment = source.sql
    if source.type == STRING:
        mode = CastMode.ANSI if settings.ansi else CastMode.LEGACY
        moment = parse_with(moment, [*arguments, _PLAIN][1], TIMESTAMP, mode, settings)
    elif source.type != TIMESTAMP:
        moment = back(local(moment, source.type, settings), TIMESTAMP, settings)
    return _floor_div(f"epoch_us({moment})", 1_000_000)


def _unix_types(arguments: Sequence[Argument]) -> Resolved:
    kinds: tuple[DataType, ...] = ()
    if arguments:
        source = arguments[0].type
        kinds = (source if source == STRING else accept(arguments[0], INSTANT_OR_DATE, 0), STRING)
    return Resolved(kinds[: len(arguments)], BIGINT)


def _floor_div(value: str, unit: int) -> str:
    return f"(({value} - (({value} % {unit}) + {unit}) % {unit}) // {unit})"


def _unix_of(unit: int) -> Render:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        micros = f"epoch_us({arguments[0].sql})"
        return micros if unit == 1 else _floor_div(micros, unit)

    return render


def _from_unixtime(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    moment = f"make_timestamptz({arguments[0].sql} * 1000000)"
    return format_with(local(moment, TIMESTAMP, settings), [*arguments, _PLAIN][1], settings)


def _timestamp_seconds(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0]
    if value.type in INTEGRAL:
        return f"make_timestamptz(CAST({value.sql} AS BIGINT) * 1000000)"
    if isinstance(value.type, DecimalType):
        micros = unscaled(f"CAST({value.sql} AS DECIMAL(26,6))", DecimalType(26, 6))
        return f"make_timestamptz(CAST({micros} AS BIGINT))"
    micros = f"CAST(trunc({value.sql} * 1000000.0::DOUBLE) AS BIGINT)"
    return f"(CASE WHEN isfinite({value.sql}) THEN make_timestamptz({micros}) END)"


def _make_date(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    year, month, day = (a.sql for a in arguments)
    made = f"TRY(make_date({year}, {month}, {day}))"
    if not settings.ansi:
        return made
    bounds = "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION"
    wrong = fail(bounds, f"'Invalid date: ' || {year} || '-' || {month} || '-' || {day}")
    return null_if_any(arguments, f"coalesce({made}, {wrong})")


def _now(kind: DataType) -> Render:
    def render(_arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        if kind == TIMESTAMP:
            return BATCH_TIME_PLACEHOLDER
        return back(local(BATCH_TIME_PLACEHOLDER, TIMESTAMP, settings), kind, settings)

    return render


def _zone_name(_arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    zone = settings.time_zone
    return quote_text(zone[3:] if zone.startswith(("GMT+", "GMT-")) else zone)


def _rewrite(name: str, resolve: Resolve, template: str) -> Function:
    return rewritten(name, (2, 2), resolve, typed(template))


_SHIFT_DAYS = takes(DATE, INT, gives=DATE)
_PLUS_MONTHS = add_months("{0}", "{1}")

FUNCTIONS = table(
    rewritten("trunc", (2, 2), takes(DATE, STRING, gives=DATE), _trunc),
    rewritten("date_trunc", (2, 2), _date_trunc_types, _date_trunc),
    _rewrite("date_add", _SHIFT_DAYS, "({0} + {1})"),
    _rewrite("date_sub", _SHIFT_DAYS, "({0} - {1})"),
    rewritten("datediff", (2, 2), takes(DATE, DATE, gives=INT), typed("({0} - {1})")),
    _rewrite("add_months", _SHIFT_DAYS, _PLUS_MONTHS),
    Function("last_day", (1, 1), takes(DATE, gives=DATE), typed("last_day({0})"), How.NATIVE),
    rewritten("next_day", (2, 2), takes(DATE, STRING, gives=DATE), _next_day),
    rewritten("months_between", (2, 3), takes(TIMESTAMP, TIMESTAMP, BOOLEAN, gives=DOUBLE), _months_between),
    rewritten("date_format", (2, 2), _date_format_types, _date_format),
    _readable(DATE),
    _readable(TIMESTAMP),
    rewritten("try_to_timestamp", (1, 2), _readable_types(TIMESTAMP), _cast_or_parse(TIMESTAMP, quiet=True)),
    rewritten("try_to_date", (1, 2), _readable_types(DATE), _cast_or_parse(DATE, quiet=True)),
    rewritten("unix_timestamp", (0, 2), _unix_types, _unix),
    rewritten("unix_micros", (1, 1), takes(TIMESTAMP, gives=BIGINT), _unix_of(1)),
    rewritten("unix_millis", (1, 1), takes(TIMESTAMP, gives=BIGINT), _unix_of(1_000)),
    rewritten("unix_seconds", (1, 1), takes(TIMESTAMP, gives=BIGINT), _unix_of(1_000_000)),
    rewritten("unix_date", (1, 1), takes(DATE, gives=INT), typed("({0} - DATE '1970-01-01')")),
    rewritten("date_from_unix_date", (1, 1), takes(INT, gives=DATE), typed("(DATE '1970-01-01' + {0})")),
    rewritten("from_unixtime", (1, 2), takes(BIGINT, STRING, gives=STRING), _from_unixtime),
    rewritten("timestamp_seconds", (1, 1), takes(NUMERIC, gives=TIMESTAMP), _timestamp_seconds),
    rewritten("timestamp_millis", (1, 1), takes(BIGINT, gives=TIMESTAMP), typed("make_timestamptz({0} * 1000)")),
    Function("timestamp_micros", (1, 1), takes(BIGINT, gives=TIMESTAMP), typed("make_timestamptz({0})")),
    rewritten("make_date", (3, 3), takes(INT, INT, INT, gives=DATE), _make_date),
    rewritten("current_timestamp", (0, 0), takes(gives=TIMESTAMP), _now(TIMESTAMP)),
    rewritten("current_date", (0, 0), takes(gives=DATE), _now(DATE)),
    rewritten("localtimestamp", (0, 0), takes(gives=TIMESTAMP_NTZ), _now(TIMESTAMP_NTZ)),
    rewritten("current_timezone", (0, 0), takes(gives=STRING), _zone_name),
    dateadd="date_add",
    date_diff="datediff",
    now="current_timestamp",
    curdate="current_date",
    to_unix_timestamp="unix_timestamp",
)
