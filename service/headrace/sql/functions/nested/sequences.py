"""Room 2: sequence of dates and of moments by months; numbers and moments by µs are in `arrays`.

Takes rendered moments and a step; gives DuckDB text. Source: Spark Sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import back, local
from headrace.sql.functions.nested import arrays
from headrace.sql.functions.signature import common, fail, null_if_any, rewritten, table
from headrace.sql.settings import SqlSettings
from headrace.types import (
    DATE,
    DAY_TIME_INTERVAL,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
)

_DAY_US = 86_400_000_000
_MOMENTS = (DATE, TIMESTAMP, TIMESTAMP_NTZ)


def _types(arguments: Sequence[Argument]) -> Resolved:
    kind = common(arguments[:2])
    if kind in _MOMENTS and (len(arguments) == 2 or arguments[2].type in (YEAR_MONTH_INTERVAL, DAY_TIME_INTERVAL)):
        return Resolved((kind, kind, *(a.type for a in arguments[2:])), ArrayType(kind))
    return arrays.FUNCTIONS["sequence"].resolve(arguments)


def _sequence(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    element = arguments[0].type
    by_us = element in (TIMESTAMP, TIMESTAMP_NTZ) and len(arguments) == 3 and arguments[2].type == DAY_TIME_INTERVAL
    if element not in _MOMENTS or by_us:
        return arrays.FUNCTIONS["sequence"].render(arguments, kind, settings)
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
    good = f"({first} <= {last} AND {step} > 0) OR ({first} >= {last} AND {step} < 0) OR {first} = {last}"
    wrong = fail("INTERNAL_ERROR", "'Illegal sequence boundaries.'")
    guarded = f"CASE WHEN {step} = 0 OR NOT ({good}) THEN {wrong} ELSE {made} END"
    return null_if_any(arguments, f"CAST({guarded} AS {duckdb_type(kind)})")


FUNCTIONS = table(rewritten("sequence", (2, 3), _types, _sequence))
