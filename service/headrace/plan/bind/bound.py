"""Room 3: a bound expression beside the text that Spark shows for it."""

from __future__ import annotations

from dataclasses import replace

from headrace.dataclass import dataclass
from headrace.plan.expressions import AggregateCall, Expression
from headrace.values import Position


@dataclass(frozen=True, slots=True)
class Bound:
    """A typed expression and Spark's pretty SQL of it, which is its default column name.

    `name` is the name of a struct field or column that the expression only reads; such an item needs no alias.
    """

    expression: Expression
    text: str
    name: str | None = None

    def placed(self, at: Position | None) -> Bound:
        """Return the same with its place in the SQL, where the expression has room for one."""
        made = self.expression
        return replace(self, expression=replace(made, at=at)) if isinstance(made, AggregateCall) else self
