"""Room 2: what DuckDB says when a row fails, told in Spark's words.

Takes a DuckDB exception, gives a StreamError. Text rendered in this room raises with ``[CONDITION] message``, where
CONDITION is Spark's; whatever DuckDB raises by itself is mapped by its kind.
"""

from __future__ import annotations

import re

import duckdb

from headrace.errors import Retry, StreamError

_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)?)\]\s*(.*)", re.DOTALL)
_NARROW = re.compile(r"Overflow in \w+ of INT(?:8|16) \((?!0 - )")
"""Spark names an overflow of TINYINT and SMALLINT otherwise; our text of a negation is ``0 - x``."""
_KINDS: tuple[tuple[type[Exception], str, str | None], ...] = (
    (duckdb.InterruptException, "QUERY_FAILED", None),
    (duckdb.ConversionException, "SQL_RUNTIME", "CAST_INVALID_INPUT"),
    (duckdb.OutOfRangeException, "SQL_RUNTIME", "ARITHMETIC_OVERFLOW"),
    (duckdb.IOException, "IO_FAILED", None),
    (duckdb.InternalException, "INTERNAL", None),
    (duckdb.ProgrammingError, "INTERNAL", None),  # binder, parser and catalog: we wrote that text
    (duckdb.NotSupportedError, "INTERNAL", None),
)


def translate(error: duckdb.Error) -> StreamError:
    """Return the error with Spark's condition where Spark has one."""
    text = str(error).strip()
    found = _CONDITION.search(text)
    if found is not None:
        told = found[2].split("\n")[0]
        if found[1] in ("FUNCTION_FAILED", "FUNCTION_FAILED.MAY_PASS"):
            return StreamError("FUNCTION_FAILED", told, retry=Retry.BACKOFF if "." in found[1] else None)
        return StreamError("SQL_RUNTIME", told, condition=found[1])
    if _NARROW.search(text):
        return StreamError("SQL_RUNTIME", text, condition="BINARY_ARITHMETIC_OVERFLOW")
    if "Unknown TimeZone" in text:
        hint = "Write a region such as Europe/Oslo, or an offset such as +05:30."
        return StreamError("SQL_RUNTIME", text.split("\n")[0], hint=hint, condition="INVALID_TIMEZONE")
    if "ivision by zero" in text:
        return StreamError("SQL_RUNTIME", text, condition="DIVIDE_BY_ZERO")
    if "returned by a subquery used as an expression" in text:
        message = "More than one row returned by a subquery used as an expression."
        return StreamError("SQL_RUNTIME", message, condition="SCALAR_SUBQUERY_TOO_MANY_ROWS")
    if "Out of Memory" in text:
        hint = "Lower the batch size with maxOffsetsPerTrigger, or give the process more memory."
        return StreamError("SQL_RUNTIME", text, hint=hint)
    for kind, code, condition in _KINDS:
        if isinstance(error, kind):
            return StreamError(code, text, condition=condition)
    return StreamError("SQL_RUNTIME", text)
