"""Room 2: single bits, and the places of numbers in bitmaps.

Takes rendered numbers and byte strings; gives DuckDB text. Source: Spark BitwiseGet, bitmapExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.arithmetic import BITS
from headrace.sql.functions.signature import WHOLE, accept, fail, null_if_any, rewritten, table, takes, text
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, BINARY, BOOLEAN, INT, TINYINT, DataType

_MAP_BITS = 32_768


def _get(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, place = arguments
    bits = BITS[value.type]
    shown = f"'The value of the bit position is {place.sql.replace(chr(39), '')}, and 0 to {bits - 1} are allowed.'"
    wrong = fail("INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE", shown)
    found = f"CAST((CAST({value.sql} AS BIGINT) >> {place.sql}) & 1 AS TINYINT)"
    return null_if_any(arguments, f"(CASE WHEN {place.sql} BETWEEN 0 AND {bits - 1} THEN {found} ELSE {wrong} END)")


def _get_types(arguments: Sequence[Argument]) -> Resolved:
    return Resolved((accept(arguments[0], WHOLE, 0), accept(arguments[1], INT, 1)), TINYINT)


def _count_types(arguments: Sequence[Argument]) -> Resolved:
    kind = BOOLEAN if arguments[0].type == BOOLEAN else accept(arguments[0], WHOLE, 0)
    return Resolved((kind,), INT)


_POSITION = (
    f"(CASE WHEN {{0}} > 0 THEN ({{0}} - 1) % {_MAP_BITS} ELSE (CAST(abs({{0}}::HUGEINT) % {_MAP_BITS} AS BIGINT)) END)"
)
_BUCKET = f"(CASE WHEN {{0}} > 0 THEN 1 + ({{0}} - 1) // {_MAP_BITS} ELSE {{0}} // {_MAP_BITS} END)"

FUNCTIONS = table(
    rewritten("bit_get", (2, 2), _get_types, _get),
    rewritten("bit_count", (1, 1), _count_types, text("CAST(bit_count(CAST({0} AS BIGINT)) AS INTEGER)")),
    rewritten("bitmap_bit_position", (1, 1), takes(BIGINT, gives=BIGINT), text(_POSITION)),
    rewritten("bitmap_bucket_number", (1, 1), takes(BIGINT, gives=BIGINT), text(_BUCKET)),
    rewritten("bitmap_count", (1, 1), takes(BINARY, gives=BIGINT), text("CAST(bit_count(CAST({0} AS BIT)) AS BIGINT)")),
    getbit="bit_get",
)
