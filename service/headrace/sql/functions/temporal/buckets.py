"""Room 2: time_bucket: the start of the interval of a fixed grid that a moment falls in.

Takes a rendered interval and moments; gives DuckDB text. Source: Spark TimeBucket.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import back, local
from headrace.sql.functions.signature import (
    INSTANT_OR_DATE,
    accept,
    constant,
    mismatch,
    null_if_any,
    rewritten,
    table,
)
from headrace.sql.settings import SqlSettings
from headrace.types import DATE, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL, DataType


def _types(arguments: Sequence[Argument]) -> Resolved:
    step = arguments[0].type
    if step not in (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL):
        raise mismatch(f'Argument 1 must be an interval, and has the type "{step.sql()}".')
    kind = accept(arguments[1], INSTANT_OR_DATE, 1)
    if kind == DATE:
        raise mismatch('Argument 2 must be a timestamp, and has the type "DATE".')
    return Resolved((step, kind, kind)[: len(arguments)], kind)


def _bucket(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    step = int(str(constant(arguments[0], "The width of time_bucket")))
    if step <= 0:
        raise mismatch("The width of time_bucket must be above zero.", condition="VALUE_OUT_OF_RANGE")
    wall = local(arguments[1].sql, kind, settings)
    origin = local(arguments[2].sql, kind, settings) if len(arguments) == 3 else "TIMESTAMP '1970-01-01 00:00:00'"
    if arguments[0].type == DAY_TIME_INTERVAL:
        since = f"(epoch_us({wall}) - epoch_us({origin}))"
        floor = f"(({since} - (({since} % {step}) + {step}) % {step}))"
        made = f"make_timestamp(epoch_us({origin}) + {floor})"
    else:
        months = f"((year({wall}) - year({origin})) * 12 + month({wall}) - month({origin}))"
        floor = f"({months} - (({months} % {step}) + {step}) % {step})"
        at = f"({origin} + to_months(CAST({floor} AS INTEGER)))"
        made = f"(CASE WHEN {at} > {wall} THEN {origin} + to_months(CAST({floor} - {step} AS INTEGER)) ELSE {at} END)"
    return null_if_any(arguments[1:], back(made, kind, settings))


FUNCTIONS = table(rewritten("time_bucket", (2, 3), _types, _bucket))
