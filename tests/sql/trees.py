"""SQL: trees of expressions."""

from __future__ import annotations

from sqlglot import exp

from headrace.sql.parse import parse


def read(expression: str) -> exp.Expr:
    """The tree of one expression."""
    item: exp.Expr = parse(f"SELECT {expression}").expressions[0]
    return item
