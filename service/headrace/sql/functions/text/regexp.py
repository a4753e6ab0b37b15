"""Room 2: rlike and the functions whose names begin with regexp_.

Takes rendered texts and patterns; gives DuckDB text. Source: Spark regexpExpressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.function import Rendered
from headrace.sql.functions.signature import constant, rewritten, table, takes, unsupported
from headrace.sql.functions.text.pattern import by_pattern, groups
from headrace.sql.settings import SqlSettings
from headrace.types import BOOLEAN, INT, STRING, ArrayType, DataType


def _rlike(arguments: Sequence[Rendered], pattern: str) -> str:
    if pattern.endswith("$") and not pattern.endswith("\\$") and "|" not in pattern:
        pattern = pattern[:-1] + "\\n?$"  # Java's $ also stands before a last line feed
    return f"regexp_matches({arguments[0].sql}, {quote_text(pattern)})"


def _extract(arguments: Sequence[Rendered], pattern: str) -> str:
    group = _group(arguments, pattern, "regexp_extract")
    return f"regexp_extract({arguments[0].sql}, {quote_text(pattern)}, {group})"


def _extract_all(arguments: Sequence[Rendered], pattern: str) -> str:
    group = _group(arguments, pattern, "regexp_extract_all")
    every = f"regexp_extract_all({arguments[0].sql}, {quote_text(pattern)}, {group})"
    return f"list_transform({every}, lambda m: coalesce(m, ''))"


def _group(arguments: Sequence[Rendered], pattern: str, what: str) -> int:
    group = 1 if len(arguments) < 3 else constant(arguments[2], f"The group of {what}")
    if not isinstance(group, int) or not 0 <= group <= groups(pattern):
        message = f"{what} names group {group} of {pattern!r}, which has {groups(pattern)}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX")
    return group


def _first_group(name: str) -> Callable[[Sequence[Rendered]], Sequence[str]]:
    """Return what the Arrow function gets more: group 1 where none is written, and Spark's name for its errors."""
    return lambda arguments: [*(["1"] if len(arguments) == 2 else []), quote_text(name)]


def _replace(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    if len(arguments) == 4:
        raise unsupported("regexp_replace with a position is not done.")
    return _REPLACED(arguments, kind, settings)


def _replaced(arguments: Sequence[Rendered], pattern: str) -> str:
    into = constant(arguments[2], "The replacement of regexp_replace")
    if into is None:
        return "CAST(NULL AS VARCHAR)"
    new = quote_text(_replacement(str(into), pattern))
    return f"regexp_replace({arguments[0].sql}, {quote_text(pattern)}, {new}, 'g')"


_REPLACED = by_pattern("replace", _replaced)


def _replacement(java: str, pattern: str) -> str:
    r"""Java's ``$1`` and ``\\x`` as RE2's ``\\1`` and ``x``."""
    parts, i, count = [], 0, groups(pattern)
    while i < len(java):
        mark = java[i]
        if mark == "\\":
            i += 1
            parts.append(_literal(java[i : i + 1]))
        elif mark == "$":
            digit = java[i + 1 : i + 2]
            if not digit.isdecimal() or int(digit) > count:
                raise unsupported(f"The replacement {java!r} names a group that {pattern!r} does not have.")
            if java[i + 2 : i + 3].isdecimal() and int(java[i + 1 : i + 3]) <= count:
                raise unsupported("More than nine groups in a replacement are not done.")
            parts.append(f"\\{digit}")
            i += 1
        else:
            parts.append(mark)
        i += 1
    return "".join(parts)


def _literal(mark: str) -> str:
    if not mark:
        raise unsupported("A replacement of regexp_replace cannot end with a backslash.")
    return "\\\\" if mark == "\\" else mark


def _count(arguments: Sequence[Rendered], pattern: str) -> str:
    return f"CAST(len(regexp_extract_all({arguments[0].sql}, {quote_text(pattern)})) AS INTEGER)"


def _substr(arguments: Sequence[Rendered], pattern: str) -> str:
    return f"nullif(regexp_extract_all({arguments[0].sql}, {quote_text(pattern)})[1], '')"


def _instr(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    found = _PLACE(arguments[:2], kind, settings)
    return found if len(arguments) == 2 else f"(CASE WHEN {arguments[2].sql} IS NOT NULL THEN {found} END)"


def _place(arguments: Sequence[Rendered], pattern: str) -> str:
    value, shape = arguments[0].sql, quote_text(pattern)
    place = f"length(string_split_regex({value}, {shape})[1]) + 1"
    there = f"WHEN regexp_matches({value}, {shape}) THEN {place} ELSE 0"
    return f"CAST(CASE WHEN {value} IS NULL THEN NULL {there} END AS INTEGER)"


_PLACE = by_pattern("instr", _place)
_TEXT = takes(STRING, STRING, gives=STRING)
_TEXTS = takes(STRING, STRING, INT, gives=STRING)
_LISTS = takes(STRING, STRING, INT, gives=ArrayType(STRING))
_EVERY = by_pattern("extract_all", _extract_all, more=_first_group("regexp_extract_all"))

FUNCTIONS = table(
    rewritten("rlike", (2, 2), takes(STRING, STRING, gives=BOOLEAN), by_pattern("rlike", _rlike, named="rlike")),
    rewritten("regexp_extract", (2, 3), _TEXTS, by_pattern("extract", _extract, more=_first_group("regexp_extract"))),
    rewritten("regexp_extract_all", (2, 3), _LISTS, _EVERY),
    rewritten("regexp_replace", (3, 4), takes(STRING, STRING, STRING, INT, gives=STRING), _replace),
    rewritten("regexp_count", (2, 2), takes(STRING, STRING, gives=INT), by_pattern("count", _count)),
    rewritten("regexp_substr", (2, 2), _TEXT, by_pattern("substr", _substr)),
    rewritten("regexp_instr", (2, 3), takes(STRING, STRING, INT, gives=INT), _instr),
    regexp="rlike",
    regexp_like="rlike",
)
