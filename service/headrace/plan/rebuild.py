"""Room 3: rebuilding one expression from changed parts, one level deep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headrace.plan.expressions import Expression, field_names


def with_children(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return the expression with `change` applied to each direct part; itself when nothing changes."""
    changes = {}
    for name in field_names(expression):
        old = getattr(expression, name)
        new = _changed(old, change)
        if new is not old:
            changes[name] = new
    return replace(expression, **changes) if changes else expression


def _changed(value: Any, change: Callable[[Expression], Expression]) -> Any:
    if isinstance(value, Expression):
        return change(value)
    if isinstance(value, tuple):
        parts = tuple(_changed(part, change) for part in value)
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    return value
