"""Room 2: regular expressions: which of them mean the same to both engines, and what runs the others.

DuckDB runs RE2, Spark java.util.regex: a constant pattern that the two read differently is refused. Patterns that are
no constants go to `vectorised.java_regex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.function import Render, Rendered
from headrace.sql.functions.signature import constant, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.java_regex import NOT_DONE
from headrace.types import DataType

_ESCAPED = re.compile(r"\\.", re.DOTALL)

_Texts = Sequence[str]


def by_pattern(
    name: str,
    render: Callable[[Sequence[Rendered], str], str],
    *,
    named: str | None = None,
    more: Callable[[Sequence[Rendered]], _Texts] = lambda _: (),
) -> Render:
    """Return the renderer of a function of a text, a pattern, and what else there may be.

    Args:
        name: The Arrow function that runs what is no constant, without ``headrace_regexp_``.
        render: Gives DuckDB text from the arguments and a pattern that means the same to both engines.
        named: Spark's name of the function, where it is not ``regexp_`` and the name.
        more: What the Arrow function gets behind the arguments.
    """

    def rendered(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        if not all(argument.constant for argument in arguments[1:]):
            return f"headrace_regexp_{name}({', '.join((*(a.sql for a in arguments), *more(arguments)))})"
        pattern = regex(arguments[1], named or f"regexp_{name}")
        return f"CAST(NULL AS {duckdb_type(kind)})" if pattern is None else render(arguments, pattern)

    return rendered


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


def groups(pattern: str) -> int:
    """Return the number of capturing groups of a pattern."""
    plain = re.sub(r"\[(?:[^\]\\]|\\.)*\]", ".", _ESCAPED.sub("..", pattern))
    return len(re.findall(r"\((?!\?)|\(\?P?<(?![=!])", plain))


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
