"""Room 2: LIKE and ILIKE, with an escape character or against several patterns.

Takes rendered texts and patterns; gives DuckDB text.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.function import Function, Rendered
from headrace.sql.functions.signature import constant, rewritten, table, takes
from headrace.sql.settings import SqlSettings
from headrace.types import BOOLEAN, STRING, DataType

_ESCAPE = "\\"


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


def _like_many(name: str, word: str, negated: bool) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        single = _LIKE.render
        tests = [single([arguments[0], pattern], kind, settings) for pattern in arguments[1:]]
        return "(" + f" {word} ".join(f"NOT {t}" if negated else t for t in tests) + ")"

    return rewritten(name, (2, None), takes(STRING, STRING, gives=BOOLEAN), render)


_LIKE = _like("LIKE")

FUNCTIONS = table(
    _LIKE,
    _like("ILIKE"),
    _like_many("like_any", "OR", negated=False),
    _like_many("like_all", "AND", negated=False),
)
