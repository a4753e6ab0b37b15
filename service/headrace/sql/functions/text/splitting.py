"""Room 2: split, with a limit and without.

Takes rendered texts and a pattern; gives DuckDB text. Source: Spark StringSplit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.duck import let, quote_text
from headrace.sql.function import Rendered
from headrace.sql.functions.signature import constant, rewritten, table, takes, unsupported
from headrace.sql.functions.text.pattern import by_pattern
from headrace.types import INT, STRING, ArrayType


def _split(arguments: Sequence[Rendered], pattern: str) -> str:
    value = arguments[0].sql
    given = constant(arguments[2], "The limit of split") if len(arguments) == 3 else -1
    if given is None:
        return "CAST(NULL AS VARCHAR[])"
    limit = int(str(given))
    if limit <= 0:
        return _parts(value, pattern)
    if pattern == "":
        raise unsupported("split with a positive limit is not done.")
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

    return let(_parts(value, pattern), cut)


def _parts(value: str, pattern: str) -> str:
    if pattern == "":
        return f"(CASE WHEN {value} = '' THEN [''] ELSE string_split({value}, '') END)"
    if re.match(pattern, "") is not None:
        raise unsupported(f"split by {pattern!r}, which matches the empty text, is not done.")
    plain = re.fullmatch(r"(?:[^\\\[\](){}.*+?^$|]|\\[^a-zA-Z0-9])+", pattern)
    if plain:
        mark = re.sub(r"\\(.)", r"\1", pattern)
        return f"string_split({value}, {quote_text(mark)})"
    return f"string_split_regex({value}, {quote_text(pattern)})"


def _without_limit(arguments: Sequence[Rendered]) -> Sequence[str]:
    return () if len(arguments) == 3 else ("-1",)


_RENDER = by_pattern("split", _split, named="split", more=_without_limit)

FUNCTIONS = table(rewritten("split", (2, 3), takes(STRING, STRING, INT, gives=ArrayType(STRING)), _RENDER))
