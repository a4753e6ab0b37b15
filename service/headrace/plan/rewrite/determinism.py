"""Room 3: which expressions may be evaluated elsewhere or twice."""

from __future__ import annotations

from headrace.plan.expressions import Call, Expression, walk

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


def is_deterministic(expression: Expression) -> bool:
    """Return True when equal rows always give equal values."""
    return not any(isinstance(part, Call) and part.function in _RANDOM for part in walk(expression))
