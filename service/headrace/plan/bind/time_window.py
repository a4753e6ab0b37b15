"""Room 3: window(), session_window() and window_time(), no functions but nodes under the query that uses them.

Takes the calls of one SELECT, gives the struct column each stands for and, at the end, the plan with the node put in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import field

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call
from headrace.plan.constant import cast_to, value_of
from headrace.plan.event_time import window_time
from headrace.plan.expressions import AggregateCall, Case, Column, Expression, Literal, walk
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import Plan, SessionAssign, WindowAssign
from headrace.sql.interval import fixed_duration_us
from headrace.types import (
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    INTEGRAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
    StructType,
    struct,
)

NAMES = frozenset({"window", "session_window", "window_time"})
_LONG_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Tumbling:
    time: Expression
    size_us: int
    slide_us: int
    start_us: int


@dataclass(frozen=True, slots=True)
class _Session:
    time: Expression
    gap: Expression


@dataclass(slots=True)
class TimeWindows:
    """The time windows of one SELECT; Spark allows one."""

    ids: ColumnIds
    times: list[Expression] = field(default_factory=list)
    """What window_time() stood for so far; above a GROUP BY of the same query Spark does not see through it."""
    _found: dict[_Tumbling | _Session, Column] = field(default_factory=dict)

    def call(self, name: str, args: Sequence[Bound]) -> Bound:
        """Return what the call stands for.

        Raises:
            StreamError: wrong arguments, as Spark names them, or a second window of another shape.
        """
        if name == "window_time":
            _check_count(name, args, 1, 1)
            end = window_time(_window(args[0]))
            self.times.append(end)
            return Bound(end, f"window_time({args[0].text})")
        if name == "window":
            _check_count(name, args, 2, 4)
            return self._column(_tumbling(args), "window")
        _check_count(name, args, 2, 2)
        time = _time(args[0])
        return self._column(_Session(time, _gap(args[1], time)), "session_window")

    def named(self, name: str) -> Bound | None:
        """Return the window column when the name is the one Spark gives it."""
        for column in self._found.values():
            if column.name == name:
                return Bound(column, name, name)
        return None

    @property
    def used(self) -> bool:
        """True when a window was asked for."""
        return bool(self._found)

    def below(self, plan: Plan) -> Plan:
        """Return the plan with the node that makes the window put on top."""
        for spec, column in self._found.items():
            if isinstance(spec, _Tumbling):
                plan = WindowAssign(plan, spec.time, spec.size_us, spec.slide_us, spec.start_us, column)
            else:
                plan = SessionAssign(plan, spec.time, spec.gap, column)
        return plan

    def _column(self, spec: _Tumbling | _Session, name: str) -> Bound:
        if spec not in self._found:
            if self._found:
                message = "Two different time windows in one query would give a cartesian product of rows."
                hint = "Put one of them into a subquery in FROM."
                raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="_LEGACY_ERROR_TEMP_1039")
            kind = spec.time.type
            self._found[spec] = self.ids.column(struct(start=kind, end=kind), name)
        return Bound(self._found[spec], name, name)


def _check_count(name: str, args: Sequence[Bound], least: int, most: int) -> None:
    if not least <= len(args) <= most:
        allowed = str(least) if least == most else f"[{', '.join(str(n) for n in range(least, most + 1))}]"
        message = f"The `{name}` requires {allowed} parameters but the actual number is {len(args)}."
        raise StreamError("SQL_ANALYSIS", message, condition="WRONG_NUM_ARGS.WITHOUT_SUGGESTION")


def _is_window(kind: DataType) -> bool:
    return (
        isinstance(kind, StructType)
        and kind.names == ("start", "end")
        and all(item.type in (TIMESTAMP, TIMESTAMP_NTZ) for item in kind.fields)
    )


def _window(bound: Bound) -> Expression:
    if _is_window(bound.expression.type):
        return bound.expression
    raise _wrong_type(f"window_time({bound.text})", bound, '"STRUCT<start: TIMESTAMP, end: TIMESTAMP>"')


def _time(bound: Bound) -> Expression:
    kind = bound.expression.type
    if any(isinstance(part, AggregateCall) for part in walk(bound.expression)):
        message = f"The time of a window may hold no aggregate; seen: {bound.text}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_WHERE_CONDITION")
    if _is_window(kind):
        return window_time(bound.expression)
    if kind in (TIMESTAMP, TIMESTAMP_NTZ):
        return bound.expression
    if kind in (STRING, DATE, NULL):
        return cast_to(bound.expression, TIMESTAMP)
    raise _wrong_type("window(...)", bound, '"TIMESTAMP" or a time window')


def _tumbling(args: Sequence[Bound]) -> _Tumbling:
    time = _time(args[0])
    durations = [_duration_us(arg) for arg in args[1:]]
    size = durations[0]
    slide = durations[1] if len(durations) > 1 else size
    start = durations[2] if len(durations) > 2 else 0
    shown = f"window({args[0].text}, {size}, {slide}, {start})"
    for name, value in (("window_duration", size), ("slide_duration", slide)):
        if value <= 0:
            message = (
                f'Cannot resolve "{shown}": the `{name}` must be between (0, {_LONG_MAX}] (current value = {value}).'
            )
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE")
    for left, value, sign, right, limit in (
        ("slide_duration", slide, "<=", "window_duration", size),
        ("abs(start_time)", abs(start), "<", "slide_duration", slide),
    ):
        if value > limit or (sign == "<" and value == limit):
            message = f'Cannot resolve "{shown}": the `{left}`({value}) must be {sign} the `{right}`({limit}).'
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION")
    return _Tumbling(time, size, slide, start)


def _duration_us(bound: Bound) -> int:
    value = value_of(bound.expression)
    if isinstance(value, str):
        return fixed_duration_us(value)
    if isinstance(value, int) and bound.expression.type in INTEGRAL:
        return value
    message = f"A window's size, slide and start are constants such as '10 seconds'; seen: {bound.text}."
    raise StreamError("SQL_ANALYSIS", message, condition="_LEGACY_ERROR_TEMP_1207")


def _gap(bound: Bound, time: Expression) -> Expression:
    value = value_of(bound.expression)
    if isinstance(value, str):
        return Literal(DAY_TIME_INTERVAL, fixed_duration_us(value))
    if bound.expression.type not in (STRING, NULL, CALENDAR_INTERVAL):
        message = f"The gap of a session is a text such as '10 seconds'; seen: {bound.text}."
        raise StreamError("SQL_ANALYSIS", message, condition="_LEGACY_ERROR_TEMP_1040")
    if isinstance(bound.expression, Case) and bound.expression.type == STRING:
        return _gap_by_case(bound.expression, time)
    return call("session_gap", [bound.expression, time])


def _gap_by_case(case: Case, time: Expression) -> Expression:
    """The CASE over intervals, where its texts are constants; other texts are read row by row."""

    def gap(value: Expression) -> Expression:
        text = value_of(value)
        if isinstance(text, str):
            with contextlib.suppress(StreamError):  # what is no length in every row is found in the row
                return Literal(DAY_TIME_INTERVAL, fixed_duration_us(text))
        return call("session_gap", [value, time])

    branches = tuple((when, gap(value)) for when, value in case.branches)
    otherwise = None if case.otherwise is None else gap(case.otherwise)
    return Case(DAY_TIME_INTERVAL, branches, otherwise)


def _wrong_type(shown: str, bound: Bound, allowed: str) -> StreamError:
    seen = bound.expression.type.sql()
    message = f'Cannot resolve "{shown}": {allowed} is required, however "{bound.text}" has the type "{seen}".'
    return StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE")
