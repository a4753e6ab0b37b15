"""Room 3: which expressions may be evaluated elsewhere, and which twice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.plan.expressions import Call, Case, Expression, Literal, children, walk

_RANDOM = frozenset(
    {
        "monotonically_increasing_id",
        "rand",
        "randn",
        "random",
        "randstr",
        "shuffle",
        "spark_partition_id",
        "uniform",
        "uuid",
    }
)
_PLAIN_PATTERN = re.compile(r"[^_%]*|[^_%]+%+|%+[^_%]+%*|[^_%]+%+[^_%]+")
"""Patterns of LIKE that are a comparison, startswith, endswith or contains. Source: Spark LikeSimplification."""


def is_deterministic(expression: Expression) -> bool:
    """Return True when equal rows always give equal values."""
    return not any(isinstance(part, Call) and part.function in _RANDOM for part in walk(expression))


def is_expensive(expression: Expression) -> bool:
    """Return True when Spark evaluates the expression once rather than again in a filter below its projection.

    Source: Spark Expression.expensive, of StringRegexExpression and ArrayJoin.
    """
    return any(isinstance(part, Call) and _costs(part) for part in walk(expression))


def computed_once(parts: Sequence[Expression]) -> list[Expression]:
    """Return the conditions with BETWEEN or nullif of something expensive, which Spark computes below their filter.

    Source: Spark RewriteWithExpression.
    """
    return [part for part in parts if _holds_one(part)]


def _holds_one(condition: Expression) -> bool:
    match condition:
        case Call(function="between" | "nullif", args=(value, _)) if is_expensive(value):
            return True
        case Case() | Call(function="if" | "coalesce"):
            return False  # what may not be evaluated at all stays in its place
    return any(_holds_one(child) for child in children(condition))


def _costs(call: Call) -> bool:
    match call:
        case Call(function="rlike" | "array_join"):
            return True
        case Call(function="like" | "ilike", args=(_, Literal(value=pattern), *escape)):
            mark = escape[0].value if escape and isinstance(escape[0], Literal) else "\\"
            return pattern is not None and (str(mark) in pattern or not _PLAIN_PATTERN.fullmatch(pattern))
    return call.function in ("like", "ilike")
