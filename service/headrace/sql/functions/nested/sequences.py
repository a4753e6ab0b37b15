"""Room 2: sequence of numbers, dates and moments.

Takes rendered values and a step; gives DuckDB text. Source: Spark Sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import back, local
from headrace.sql.functions.signature import accept, as_type, common, fail, null_if_any, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    DATE,
    DAY_TIME_INTERVAL,
    INTEGRAL,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
)

_DAY_US = 86_400_000_000
_MOMENTS = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
_WRONG = fail("INTERNAL_ERROR", "'Illegal sequence boundaries.'")


def _types(arguments: Sequence[Argument]) -> Resolved:
    kind = common(arguments[:2])
    if kind in INTEGRAL:
        return Resolved(tuple(accept(a, kind, i) for i, a in enumerate(arguments)), ArrayType(kind))
    if kind in _MOMENTS and (len(arguments) == 2 or arguments[2].type in (YEAR_MONTH_INTERVAL, DAY_TIME_INTERVAL)):
        return Resolved((kind, kind, *(a.type for a in arguments[2:])), ArrayType(kind))
    raise unsupported(f'sequence of "{kind.sql()}" needs an INTERVAL step of constant units.')


def _sequence(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    if arguments[0].type in INTEGRAL:
        return _numbers(arguments, kind)
    if arguments[0].type != DATE and len(arguments) == 3 and arguments[2].type == DAY_TIME_INTERVAL:
        return _by_micros(arguments, kind)
    return _by_calendar(arguments, kind, settings)


def _numbers(arguments: Sequence[Rendered], kind: DataType) -> str:
    first, last = (a.sql for a in arguments[:2])
    step = arguments[2].sql if len(arguments) == 3 else f"(CASE WHEN {first} <= {last} THEN 1 ELSE -1 END)"
    made = f"generate_series({first}::BIGINT, {last}::BIGINT, {step}::BIGINT)"
    return null_if_any(arguments, as_type(f"CASE WHEN {_leads(first, last, step)} THEN {made} ELSE {_WRONG} END", kind))


def _by_micros(arguments: Sequence[Rendered], kind: DataType) -> str:
    first, last, step = (f"epoch_us({arguments[0].sql})", f"epoch_us({arguments[1].sql})", arguments[2].sql)
    maker = "make_timestamptz" if arguments[0].type == TIMESTAMP else "make_timestamp"
    made = f"list_transform(generate_series({first}, {last}, {step}), lambda u: {maker}(u))"
    return null_if_any(arguments, as_type(f"CASE WHEN {_leads(first, last, step)} THEN {made} ELSE {_WRONG} END", kind))


def _by_calendar(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    """The moments by days or months, which are of different lengths."""
    element = arguments[0].type
    first, last = (local(a.sql, a.type, settings) for a in arguments[:2])
    step, unit = f"(CASE WHEN {first} <= {last} THEN 1 ELSE -1 END)", "to_days"
    if len(arguments) == 3 and arguments[2].type == YEAR_MONTH_INTERVAL:
        step, unit = arguments[2].sql, "to_months"
    elif len(arguments) == 3:
        step = f"({arguments[2].sql} // {_DAY_US})"
    apart = f"abs(datediff('{unit[3:-1]}', {first}, {last}))"
    moments = (
        f"list_transform(range({apart} // abs({step}) + 2), lambda i: {first} + {unit}(CAST(i * {step} AS INTEGER)))"
    )
    kept = f"list_filter({moments}, lambda t: CASE WHEN {step} > 0 THEN t <= {last} ELSE t >= {last} END)"
    made = f"list_transform({kept}, lambda t: {back('t', element, settings)})"
    guarded = f"CASE WHEN {step} = 0 OR NOT ({_leads(first, last, step)}) THEN {_WRONG} ELSE {made} END"
    return null_if_any(arguments, f"CAST({guarded} AS {duckdb_type(kind)})")


def _leads(first: str, last: str, step: str) -> str:
    """Return the condition that the step leads from the first to the last."""
    return f"({first} <= {last} AND {step} > 0) OR ({first} >= {last} AND {step} < 0) OR {first} = {last}"


FUNCTIONS = table(rewritten("sequence", (2, 3), _types, _sequence))
