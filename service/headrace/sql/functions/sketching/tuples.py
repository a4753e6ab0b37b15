"""Room 2: functions of tuple sketches, by way of `vectorised.sketches.tuples`; each stands for DOUBLE and for INT.

Takes rendered sketches; gives DuckDB text. Source: Spark tuplesketchesExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import table
from headrace.sql.functions.sketching.constants import DEFAULT_LOG, log_of, mode_of, quoted, sketch
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, BINARY, DOUBLE, INT, STRING, DataType

KINDS = ("double", "integer")
"""What stands beside a key, as names of functions end."""


def _asked(name: str, call: str, gives: DataType) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((sketch(arguments[0], 0),), gives)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"headrace_{call}({arguments[0].sql}, {quoted(name)})"

    return Function(name, (1, 1), resolve, render, How.ARROW)


def _summary(kind: str) -> Function:
    name = f"tuple_sketch_summary_{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        for argument in arguments[1:]:
            mode_of(argument, name)
        return Resolved((sketch(arguments[0], 0), *(STRING for _ in arguments[1:])), _sum_type(kind))

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        mode = mode_of(arguments[1], name) if len(arguments) == 2 else "sum"
        return f"headrace_tuple_summary_{kind}({arguments[0].sql}, '{mode}', {quoted(name)})"

    return Function(name, (1, 2), resolve, render, How.ARROW)


def _sum_type(kind: str) -> DataType:
    return DOUBLE if kind == "double" else BIGINT


def _union(kind: str, other: str) -> Function:
    """`other` is empty, or ``theta_`` for a union with a theta sketch."""
    name = f"tuple_union_{other}{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        _constants(arguments, name)
        return Resolved(
            (sketch(arguments[0], 0), sketch(arguments[1], 1), *(INT, STRING)[: len(arguments) - 2]), BINARY
        )

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        log, mode = _constants(arguments, name)
        one, two = arguments[0].sql, arguments[1].sql
        if other:
            return f"headrace_tuple_union_theta_{kind}({one}, {two}, {log}, '{mode}', {quoted(name)})"
        return _if_both(one, two, f"headrace_tuple_union_{kind}([{one}, {two}], {log}, '{mode}', {quoted(name)})")

    return Function(name, (2, 4), resolve, render, How.ARROW)


def _constants(arguments: Sequence[Argument] | Sequence[Rendered], name: str) -> tuple[int, str]:
    log = log_of(arguments[2], name, hinted=True) if len(arguments) > 2 else DEFAULT_LOG
    return log, mode_of(arguments[3], name) if len(arguments) > 3 else "sum"


def _if_both(one: str, two: str, sql: str) -> str:
    return f"(CASE WHEN {one} IS NOT NULL AND {two} IS NOT NULL THEN {sql} END)"


def _intersection(kind: str, other: str) -> Function:
    name = f"tuple_intersection_{other}{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        for argument in arguments[2:]:
            mode_of(argument, name)
        return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1), *(STRING for _ in arguments[2:])), BINARY)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        mode = mode_of(arguments[2], name) if len(arguments) == 3 else "sum"
        one, two = arguments[0].sql, arguments[1].sql
        if other:
            return f"headrace_tuple_intersection_theta_{kind}({one}, {two}, '{mode}', {quoted(name)})"
        return _if_both(one, two, f"headrace_tuple_intersection_{kind}([{one}, {two}], '{mode}', {quoted(name)})")

    return Function(name, (2, 3), resolve, render, How.ARROW)


def _difference(kind: str, other: str) -> Function:
    name = f"tuple_difference_{other}{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1)), BINARY)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"headrace_tuple_difference_{other}{kind}({arguments[0].sql}, {arguments[1].sql}, {quoted(name)})"

    return Function(name, (2, 2), resolve, render, How.ARROW)


FUNCTIONS = table(
    *(_asked(f"tuple_sketch_estimate_{kind}", f"tuple_estimate_{kind}", DOUBLE) for kind in KINDS),
    *(_asked(f"tuple_sketch_theta_{kind}", f"tuple_theta_{kind}", DOUBLE) for kind in KINDS),
    *(_summary(kind) for kind in KINDS),
    *(made(kind, other) for made in (_union, _intersection, _difference) for kind in KINDS for other in ("", "theta_")),
)
