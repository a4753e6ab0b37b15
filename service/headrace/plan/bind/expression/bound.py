"""Room 3: a bound expression beside the text that Spark shows for it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.plan.expressions import Expression


@dataclass(frozen=True, slots=True)
class Bound:
    """A typed expression and Spark's pretty SQL of it, which is its default column name.

    `name` is the name of a struct field or column that the expression only reads; such an item needs no alias.
    """

    expression: Expression
    text: str
    name: str | None = None
