"""Room 2: wall times moved between time zones.

Takes rendered moments and zone names; gives DuckDB text. Source: Spark FromUTCTimestamp, ConvertTimezone.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import back, instant_in, local
from headrace.sql.functions.signature import rewritten, table, takes
from headrace.sql.settings import SqlSettings
from headrace.types import STRING, TIMESTAMP, TIMESTAMP_NTZ, DataType


def _from_utc(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    # The wall time in the session zone is taken for one in UTC.
    moment, zone = local(arguments[0].sql, TIMESTAMP, settings), arguments[1].sql
    return back(f"timezone({zone}, timezone('UTC', {moment}))", TIMESTAMP, settings)


def _to_utc(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    instant = instant_in(local(arguments[0].sql, TIMESTAMP, settings), arguments[1].sql)
    return back(f"timezone('UTC', {instant})", TIMESTAMP, settings)


def _converted_types(arguments: Sequence[Argument]) -> Resolved:
    if len(arguments) == 2:
        return takes(STRING, TIMESTAMP_NTZ, gives=TIMESTAMP_NTZ)(arguments)
    return takes(STRING, STRING, TIMESTAMP_NTZ, gives=TIMESTAMP_NTZ)(arguments)


def _converted(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    source = arguments[0].sql if len(arguments) == 3 else quote_text(settings.time_zone)
    target, moment = arguments[-2].sql, arguments[-1].sql
    return f"timezone({target}, {instant_in(moment, source)})"


_PAIR = takes(TIMESTAMP, STRING, gives=TIMESTAMP)

FUNCTIONS = table(
    rewritten("from_utc_timestamp", (2, 2), _PAIR, _from_utc),
    rewritten("to_utc_timestamp", (2, 2), _PAIR, _to_utc),
    rewritten("convert_timezone", (2, 3), _converted_types, _converted),
)
