"""Room 2: date-time patterns that stand in a column; each distinct one is read and written as a constant one is.

Takes texts or µs with patterns; gives µs or texts. The rows of a pattern go through DuckDB together, with the text that
`headrace.sql.datetime_text` makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import StreamError
from headrace.sql.cast import CastMode
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.by_value import ConditionError
from headrace.types import DATE, TIMESTAMP, TIMESTAMP_NTZ

_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "threads": 1,
}
_KINDS = {kind.name: kind for kind in (DATE, TIMESTAMP, TIMESTAMP_NTZ)}


def read_times(texts: Any, patterns: Any, kinds: Any, zones: Any, modes: Any) -> pa.Array:
    """Return the µs of texts, each read in its pattern.

    Args:
        texts: What is read.
        patterns: Spark's patterns; a NULL gives NULL.
        kinds: The same name of a type in every row: DATE, TIMESTAMP or TIMESTAMP_NTZ.
        zones: The session time zone, in every row.
        modes: A `CastMode`, by its value, in every row.

    Raises:
        ConditionError: what Spark raises for a pattern, or for a text where the mode is ANSI.
    """
    kind, zone, mode = _KINDS[_first(kinds)], _first(zones), CastMode(_first(modes))

    def read(pattern: str) -> str:
        settings = SqlSettings(time_zone=zone)
        moment = parse_sql("v", pattern, kind, mode=mode, settings=settings)
        return f"epoch_us(CAST({moment} AS TIMESTAMP))" if kind == DATE else f"epoch_us({moment})"

    return _by_pattern(texts, patterns, zone, read, pa.int64())


def write_times(micros: Any, patterns: Any, zones: Any) -> pa.Array:
    """Return wall times, µs since 1970 as the session's clock shows them, each written in its pattern.

    Raises:
        ConditionError: what Spark raises for a pattern.
    """
    zone = _first(zones)

    def write(pattern: str) -> str:
        return format_sql("make_timestamp(v)", pattern, settings=SqlSettings(time_zone=zone))

    return _by_pattern(micros, patterns, zone, write, pa.string())


def _first(column: Any) -> str:
    return str(column[0].as_py()) if len(column) else ""


def _by_pattern(values: Any, patterns: Any, zone: str, text_of: Callable[[str], str], kind: pa.DataType) -> pa.Array:
    found, places = [], []
    with duckdb.connect(config=_LOCKED) as scratch:
        scratch.execute("SET TimeZone = $1", [zone or "UTC"])
        for pattern in pc.unique(patterns).drop_null().to_pylist():
            mine = np.flatnonzero(np.asarray(pc.equal(patterns, pattern).fill_null(False)))
            rows = scratch.from_arrow(pa.table({"v": values.take(pa.array(mine))}))
            try:
                made = rows.project(f"{text_of(pattern)} AS made").to_arrow_table()
            except StreamError as error:
                raise ConditionError(error.condition or "UNSUPPORTED_PATTERN", error.message) from error
            found.append(made.column(0).cast(kind))
            places.append(mine)
    if not found:
        return pa.nulls(len(patterns), kind)
    order = np.full(len(patterns), -1)
    order[np.concatenate(places)] = np.arange(sum(len(mine) for mine in places))
    together = pa.chunked_array([chunk for column in found for chunk in column.chunks], kind)
    return together.take(pa.array(order, mask=order < 0)).combine_chunks()
