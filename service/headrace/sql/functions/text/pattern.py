"""Room 2: LIKE and regular expressions.

DuckDB runs RE2, Spark java.util.regex: a pattern that the two read differently is refused. Patterns that are no
constants go to `vectorised.java_regex`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.function import Function, Rendered
from headrace.sql.functions.signature import constant, rewritten, table, takes, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.java_regex import NOT_DONE
from headrace.types import BOOLEAN, INT, STRING, ArrayType, DataType

_ESCAPE = "\\"
_ESCAPED = re.compile(r"\\.", re.DOTALL)


def regex(argument: Rendered, what: str) -> str | None:
    """Return a constant pattern that means the same to both engines.

    Raises:
        StreamError: the pattern is not constant, not valid, or not RE2's.
    """
    value = constant(argument, f"The pattern of {what}")
    if value is None:
        return None
    pattern = str(value)
    found = NOT_DONE.search(re.sub(r"\\\\", "", pattern))
    if found:
        raise unsupported(f"The pattern {pattern!r} of {what} uses {found[0]!r}, which is not done.")
    _check_classes(pattern, what)
    return pattern


def _check_classes(pattern: str, what: str) -> None:
    plain = _ESCAPED.sub("..", pattern)
    inside = False
    for i, mark in enumerate(plain):
        if not inside:
            inside = mark == "["
        elif mark == "[" or plain[i : i + 2] == "&&":
            raise unsupported(f"The pattern {pattern!r} of {what} nests or intersects classes, which is not done.")
        elif mark == "]" and plain[i - 1] not in "[^":
            inside = False
    try:
        re.compile(re.sub(r"\\[pP]\{\w+\}|\\[pP]\w|\\[QEz]", ".", re.sub(r"\(\?<(\w)", r"(?P<\1", pattern)))
    except re.error as error:
        message = f"The pattern {pattern!r} of {what} is not a regular expression: {error}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_PARAMETER_VALUE.PATTERN") from None


def varying(name: str, arguments: Sequence[Rendered], *more: str) -> str | None:
    """Return the call of the Arrow function where a pattern, group or replacement is no constant, else None."""
    if all(argument.constant for argument in arguments[1:]):
        return None
    return f"headrace_regexp_{name}({', '.join((*(a.sql for a in arguments), *more))})"


def groups(pattern: str) -> int:
    """Return the number of capturing groups of a pattern."""
    plain = re.sub(r"\[(?:[^\]\\]|\\.)*\]", ".", _ESCAPED.sub("..", pattern))
    return len(re.findall(r"\((?!\?)|\(\?P?<(?![=!])", plain))


def _like(operator: str) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        value, pattern = arguments[0].sql, arguments[1]
        escape = _ESCAPE if len(arguments) == 2 else str(constant(arguments[2], "The escape character"))
        if len(escape) != 1:
            message = f"The escape of LIKE is one character, and got {escape!r}."
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_ESC")
        if pattern.constant and pattern.value is not None:
            _check_like(str(pattern.value), escape)
            if escape not in str(pattern.value):
                return f"({value} {operator} {pattern.sql})"
        return f"({value} {operator} {pattern.sql} ESCAPE {quote_text(escape)})"

    return Function(operator.lower(), (2, 3), takes(STRING, STRING, STRING, gives=BOOLEAN), render)


def _check_like(pattern: str, escape: str) -> None:
    rest = iter(pattern)
    for mark in rest:
        following = next(rest, "") if mark == escape else None
        if following is not None and following not in ("_", "%", escape):
            place = "ESC_IN_THE_MIDDLE" if following else "ESC_AT_THE_END"
            message = f"The LIKE pattern {pattern!r} is invalid: {escape!r} stands before _, % or itself only."
            raise StreamError("SQL_ANALYSIS", message, condition=f"INVALID_FORMAT.{place}")


def _rlike(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    found = varying("rlike", arguments)
    if found is not None:
        return found
    pattern = regex(arguments[1], "rlike")
    if pattern is None:
        return "CAST(NULL AS BOOLEAN)"
    if pattern.endswith("$") and not pattern.endswith("\\$") and "|" not in pattern:
        pattern = pattern[:-1] + "\\n?$"  # Java's $ also stands before a last line feed
    return f"regexp_matches({arguments[0].sql}, {quote_text(pattern)})"


def _group(arguments: Sequence[Rendered], pattern: str, what: str) -> int:
    group = 1 if len(arguments) < 3 else constant(arguments[2], f"The group of {what}")
    if not isinstance(group, int) or not 0 <= group <= groups(pattern):
        message = f"{what} names group {group} of {pattern!r}, which has {groups(pattern)}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX")
    return group


def _extract(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    first = ["1"] if len(arguments) == 2 else []
    found = varying("extract", arguments, *first, "'regexp_extract'")
    if found is not None:
        return found
    pattern = regex(arguments[1], "regexp_extract")
    if pattern is None:
        return "CAST(NULL AS VARCHAR)"
    group = _group(arguments, pattern, "regexp_extract")
    return f"regexp_extract({arguments[0].sql}, {quote_text(pattern)}, {group})"


def _extract_all(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    first = ["1"] if len(arguments) == 2 else []
    found = varying("extract_all", arguments, *first, "'regexp_extract_all'")
    if found is not None:
        return found
    pattern = regex(arguments[1], "regexp_extract_all")
    if pattern is None:
        return "CAST(NULL AS VARCHAR[])"
    group = _group(arguments, pattern, "regexp_extract_all")
    every = f"regexp_extract_all({arguments[0].sql}, {quote_text(pattern)}, {group})"
    return f"list_transform({every}, lambda m: coalesce(m, ''))"


def _replace(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) == 4:
        raise unsupported("regexp_replace with a position is not done.")
    found = varying("replace", arguments)
    if found is not None:
        return found
    pattern = regex(arguments[1], "regexp_replace")
    if pattern is None:
        return "CAST(NULL AS VARCHAR)"
    into = constant(arguments[2], "The replacement of regexp_replace")
    if into is None:
        return "CAST(NULL AS VARCHAR)"
    new = quote_text(_replacement(str(into), pattern))
    return f"regexp_replace({arguments[0].sql}, {quote_text(pattern)}, {new}, 'g')"


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


def _split(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    found = varying("split", arguments, *([] if len(arguments) == 3 else ["-1"]))
    if found is not None:
        return found
    value = arguments[0].sql
    pattern = regex(arguments[1], "split")
    if pattern is None:
        return "CAST(NULL AS VARCHAR[])"
    limit = constant(arguments[2], "The limit of split") if len(arguments) == 3 else -1
    if limit is None:
        return "CAST(NULL AS VARCHAR[])"
    if int(str(limit)) > 0:
        raise unsupported("split with a positive limit is not done.")
    if pattern == "":
        return f"(CASE WHEN {value} = '' THEN [''] ELSE string_split({value}, '') END)"
    if re.match(pattern, "") is not None:
        raise unsupported(f"split by {pattern!r}, which matches the empty text, is not done.")
    plain = re.fullmatch(r"(?:[^\\\[\](){}.*+?^$|]|\\[^a-zA-Z0-9])+", pattern)
    if plain:
        mark = re.sub(r"\\(.)", r"\1", pattern)
        return f"string_split({value}, {quote_text(mark)})"
    return f"string_split_regex({value}, {quote_text(pattern)})"


def _count(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    found = varying("count", arguments)
    if found is not None:
        return found
    pattern = regex(arguments[1], "regexp_count")
    if pattern is None:
        return "CAST(NULL AS INTEGER)"
    return f"CAST(len(regexp_extract_all({arguments[0].sql}, {quote_text(pattern)})) AS INTEGER)"


def _substr(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    found = varying("substr", arguments)
    if found is not None:
        return found
    pattern = regex(arguments[1], "regexp_substr")
    if pattern is None:
        return "CAST(NULL AS VARCHAR)"
    return f"nullif(regexp_extract_all({arguments[0].sql}, {quote_text(pattern)})[1], '')"


def _like_many(name: str, word: str, negated: bool) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        single = FUNCTIONS["like"].render
        tests = [single([arguments[0], pattern], kind, settings) for pattern in arguments[1:]]
        return "(" + f" {word} ".join(f"NOT {t}" if negated else t for t in tests) + ")"

    return rewritten(name, (2, None), takes(STRING, STRING, gives=BOOLEAN), render)


_TEXTS = takes(STRING, STRING, INT, gives=STRING)
_LISTS = takes(STRING, STRING, INT, gives=ArrayType(STRING))

FUNCTIONS = table(
    _like("LIKE"),
    _like("ILIKE"),
    _like_many("like_any", "OR", negated=False),
    _like_many("like_all", "AND", negated=False),
    rewritten("rlike", (2, 2), takes(STRING, STRING, gives=BOOLEAN), _rlike),
    rewritten("regexp_extract", (2, 3), _TEXTS, _extract),
    rewritten("regexp_extract_all", (2, 3), _LISTS, _extract_all),
    rewritten("regexp_replace", (3, 4), takes(STRING, STRING, STRING, INT, gives=STRING), _replace),
    rewritten("regexp_count", (2, 2), takes(STRING, STRING, gives=INT), _count),
    rewritten("regexp_substr", (2, 2), takes(STRING, STRING, gives=STRING), _substr),
    rewritten("split", (2, 3), _LISTS, _split),
    regexp="rlike",
    regexp_like="rlike",
)
