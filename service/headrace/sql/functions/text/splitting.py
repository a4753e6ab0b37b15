"""Room 2: split with a limit, and where a pattern is found.

Takes rendered texts and constant patterns; gives DuckDB text. Source: Spark StringSplit, RegExpInStr.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let, quote_text
from headrace.sql.function import Rendered
from headrace.sql.functions.signature import rewritten, table, takes
from headrace.sql.functions.text import pattern as patterns
from headrace.sql.settings import SqlSettings
from headrace.types import INT, STRING, ArrayType, DataType

_SPLIT = patterns.FUNCTIONS["split"]


def _split(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    limit = arguments[2].value if len(arguments) == 3 and arguments[2].constant else None
    pattern = patterns.regex(arguments[1], "split") if arguments[1].constant else None
    if not isinstance(limit, int) or limit <= 0 or not pattern:
        return _SPLIT.render(arguments, kind, settings)
    value = arguments[0].sql
    if limit == 1:
        return f"(CASE WHEN {value} IS NOT NULL THEN [{value}] END)"
    marks = f"regexp_extract_all({value}, {quote_text(pattern)})"

    def cut(parts: str) -> str:
        # What is left begins behind the parts and the marks before it.
        used = (
            f"list_sum(list_transform(list_concat({parts}[:{limit - 1}], {marks}[:{limit - 1}]), lambda t: length(t)))"
        )
        rest = f"substring({value}, CAST({used} AS BIGINT) + 1)"
        return f"(CASE WHEN len({parts}) <= {limit} THEN {parts} ELSE list_append({parts}[:{limit - 1}], {rest}) END)"

    return let(_SPLIT.render(arguments[:2], kind, settings), cut)


def _instr(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    found = patterns.varying("instr", arguments[:2])
    if found is not None:
        return found if len(arguments) == 2 else f"(CASE WHEN {arguments[2].sql} IS NOT NULL THEN {found} END)"
    pattern = patterns.regex(arguments[1], "regexp_instr")
    if pattern is None:
        return "CAST(NULL AS INTEGER)"
    value, shape = arguments[0].sql, quote_text(pattern)
    place = f"length(string_split_regex({value}, {shape})[1]) + 1"
    unknown = f"{value} IS NULL" + (f" OR {arguments[2].sql} IS NULL" if len(arguments) == 3 else "")
    there = f"WHEN regexp_matches({value}, {shape}) THEN {place} ELSE 0"
    return f"CAST(CASE WHEN {unknown} THEN NULL {there} END AS INTEGER)"


FUNCTIONS = table(
    rewritten("split", (2, 3), takes(STRING, STRING, INT, gives=ArrayType(STRING)), _split),
    rewritten("regexp_instr", (2, 3), takes(STRING, STRING, INT, gives=INT), _instr),
)
