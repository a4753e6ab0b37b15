"""Room 2: the parts of dates, moments, TIMEs and intervals: year() to second(), dayname, date_part and EXTRACT.

Takes rendered values (intervals as µs or months) and the part's name as a constant; gives DuckDB text. Source: Spark
datetimeExpressions, IntervalExpressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import (
    INSTANT_OR_DATE,
    accept,
    as_type,
    rewritten,
    table,
    takes,
    text,
    typed,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    INT,
    STRING,
    TIME,
    TIMESTAMP,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
    IntervalType,
)

_OF_DAY: Mapping[str, str] = {
    "year": "year({0})",
    "month": "month({0})",
    "day": "day({0})",
    "dayofweek": "(dayofweek({0}) + 1)",
    "weekday": "(isodow({0}) - 1)",
    "dayofyear": "dayofyear({0})",
    "quarter": "quarter({0})",
    "weekofyear": "weekofyear({0})",
}
_YEARS, _MONTHS, _DAYS = ("year", "y", "years", "yr", "yrs"), ("month", "mon", "mons", "months"), ("day", "d", "days")
_HOURS, _MINUTES = ("hour", "h", "hours", "hr", "hrs"), ("minute", "m", "min", "mins", "minutes")
_SECONDS = ("second", "s", "sec", "seconds", "secs")
_OF_MOMENT: Mapping[str, str] = {
    **_OF_DAY,
    **dict.fromkeys(_YEARS, _OF_DAY["year"]),
    "yearofweek": "isoyear({0})",
    "qtr": _OF_DAY["quarter"],
    **dict.fromkeys(_MONTHS, _OF_DAY["month"]),
    **dict.fromkeys(("week", "w", "weeks"), _OF_DAY["weekofyear"]),
    **dict.fromkeys(_DAYS, _OF_DAY["day"]),
    "dow": _OF_DAY["dayofweek"],
    **dict.fromkeys(("dayofweek_iso", "dow_iso"), "isodow({0})"),
    "doy": _OF_DAY["dayofyear"],
    **dict.fromkeys(_HOURS, "hour({0})"),
    **dict.fromkeys(_MINUTES, "minute({0})"),
}
_PLAIN: Mapping[str, str] = {
    name: part
    for part, names in (
        ("year", _YEARS),
        ("month", _MONTHS),
        ("day", _DAYS),
        ("hour", _HOURS),
        ("minute", _MINUTES),
        ("second", _SECONDS),
    )
    for name in names
}
"""What TIMEs and intervals have parts of, by all its names."""
_OF_INTERVAL: Mapping[DataType, Mapping[str, str]] = {
    DAY_TIME_INTERVAL: {
        "day": "({0} // 86400000000)",
        "hour": "({0} // 3600000000 % 24)",
        "minute": "({0} // 60000000 % 60)",
        "second": "{0}",
    },
    YEAR_MONTH_INTERVAL: {"year": "({0} // 12)", "month": "({0} % 12)"},
    CALENDAR_INTERVAL: {
        **{name: f"date_part('{name}', {{0}})" for name in ("year", "month", "day")},
        "hour": "date_part('hour', {0}) % 24",
        "minute": "date_part('minute', {0})",
        "second": "date_part('microsecond', {0})",
    },
    TIME: {"hour": "hour({0})", "minute": "minute({0})", "second": "epoch_us({0})"},
}
_PART_TYPES: Mapping[DataType, Mapping[str, DataType]] = {
    DAY_TIME_INTERVAL: {"hour": TINYINT, "minute": TINYINT},
    YEAR_MONTH_INTERVAL: {"month": TINYINT},
    CALENDAR_INTERVAL: {"month": TINYINT, "hour": TINYINT, "minute": TINYINT},
    TIME: {},
}
_SECOND_TYPE = DecimalType(8, 6)
_HINT = "Write year, quarter, month, week, day, dayofweek, doy, hour, minute or second."


def _of_clock(name: str) -> Function:
    """Return hour, minute or second, which a TIME has too."""

    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        value, source = arguments[0].sql, arguments[0].type
        return as_type(f"{name}({value if source == TIME else local(value, source, settings)})", kind)

    return rewritten(name, (1, 1), _clock_types, render)


def _clock_types(arguments: Sequence[Argument]) -> Resolved:
    if arguments[0].type == TIME:
        return Resolved((TIME,), INT)
    kind = accept(arguments[0], INSTANT_OR_DATE, 0)
    return Resolved((TIMESTAMP if kind == DATE else kind,), INT)


def _part_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[1].type
    if kind in _OF_INTERVAL:
        name = _part_of(arguments[0], kind)
        return Resolved((STRING, kind), _SECOND_TYPE if name == "second" else _PART_TYPES[kind].get(name, INT))
    name = _part_of_moment(arguments[0])
    source = accept(arguments[1], INSTANT_OR_DATE, 1)
    return Resolved((STRING, source), _SECOND_TYPE if name in _SECONDS else INT)


def _part(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value, source = arguments[1].sql, arguments[1].type
    if source in _OF_INTERVAL:
        name = _part_of(arguments[0], source)
        found = _OF_INTERVAL[source][name].format(value)
        return _in_seconds(f"{found} % 60000000") if name == "second" else as_type(f"({found})", kind)
    name, wall = _part_of_moment(arguments[0]), local(value, source, settings)
    if name in _SECONDS:
        return _in_seconds(f"(epoch_us({wall}) % 60000000 + 60000000) % 60000000")
    return as_type(_OF_MOMENT[name].format(wall), kind)


def _part_of(argument: Argument | Rendered, kind: DataType) -> str:
    name = _PLAIN.get(str(argument.value).lower() if argument.constant else "", "")
    allowed = list(_OF_INTERVAL[kind])
    if isinstance(kind, IntervalType):
        first, last = (field.lower() for field in kind.fields)
        allowed = allowed[allowed.index(first) : allowed.index(last) + 1]
    if name not in allowed:
        message = f"Cannot extract {argument.value!r} from {kind.sql()}; it has {', '.join(allowed)}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_EXTRACT_FIELD")
    return name


def _part_of_moment(argument: Argument | Rendered) -> str:
    if not argument.constant or not isinstance(argument.value, str):
        message = "The field of date_part must be a constant text."
        raise StreamError("SQL_ANALYSIS", message, hint=_HINT, condition="NON_FOLDABLE_ARGUMENT")
    name = argument.value.lower()
    if name not in _OF_MOMENT and name not in _SECONDS:
        message = f"date_part cannot take {argument.value!r}."
        raise StreamError("SQL_ANALYSIS", message, hint=_HINT, condition="INVALID_EXTRACT_FIELD")
    return name


def _in_seconds(micros: str) -> str:
    """Return DECIMAL(8,6) of µs within a minute, without a detour through DOUBLE."""
    return f"CAST(CAST({micros} AS DECIMAL(18,0)) * CAST('0.000001' AS DECIMAL(6,6)) AS DECIMAL(8,6))"


FUNCTIONS = table(
    *(rewritten(name, (1, 1), takes(DATE, gives=INT), typed(template)) for name, template in _OF_DAY.items()),
    *(_of_clock(name) for name in ("hour", "minute", "second")),
    rewritten("dayname", (1, 1), takes(DATE, gives=STRING), text("strftime({0}, '%a')")),
    rewritten("monthname", (1, 1), takes(DATE, gives=STRING), text("strftime({0}, '%b')")),
    rewritten("date_part", (2, 2), _part_types, _part),
    dayofmonth="day",
    extract="date_part",
    datepart="date_part",
)
