"""Room 3, rule: hash(CAST(binary AS STRING)) hashes the bytes themselves.

A Spark string keeps bytes that are no UTF-8, a DuckDB string cannot; the hash of a string is that of its bytes.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.plan.expressions import Call, Cast, Expression, rewrite
from headrace.plan.nodes import Plan
from headrace.plan.transform import map_expressions, rewrite_plan
from headrace.types import BINARY, STRING

_HASHES = frozenset({"hash", "xxhash64"})


def apply(plan: Plan) -> Plan:
    """Return the plan whose hashes of texts made from bytes read the bytes."""
    return rewrite_plan(plan, lambda node: map_expressions(node, lambda whole: rewrite(whole, _rule)))


def _rule(expression: Expression) -> Expression:
    if not isinstance(expression, Call) or expression.function not in _HASHES:
        return expression
    return replace(expression, args=tuple(_bytes(arg) for arg in expression.args))


def _bytes(arg: Expression) -> Expression:
    if isinstance(arg, Cast) and arg.type == STRING and arg.child.type == BINARY:
        return arg.child
    return arg
