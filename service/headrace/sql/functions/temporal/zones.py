"""Room 2: wall times moved between time zones.

Takes rendered moments and zone names; gives DuckDB text. Source: Spark FromUTCTimestamp, ConvertTimezone.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.instant import instant_in
from headrace.sql.functions.signature import rewritten, table, takes
from headrace.sql.settings import SqlSettings
from headrace.types import STRING, TIMESTAMP, TIMESTAMP_NTZ, DataType


def _from_utc(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    # The instant is taken for a wall time in UTC, whatever the session zone shows it as.
    return f"make_timestamptz(epoch_us(timezone({arguments[1].sql}, {arguments[0].sql})))"


def _to_utc(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return instant_in(f"make_timestamp(epoch_us({arguments[0].sql}))", arguments[1].sql)


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
