"""Room 3: splits expressions at their aggregate calls.

Takes bound expressions over the rows of a group, gives expressions over an Aggregate node's columns; equal aggregate
calls share one column, and a column that is neither grouped nor aggregated is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.nested.correlation import outer_reference
from headrace.plan.expressions import (
    AggregateCall,
    Alias,
    Call,
    Cast,
    Column,
    Expression,
    Lambda,
    Literal,
    ScalarSubquery,
    WindowCall,
    children,
    walk,
)
from headrace.plan.ids import ColumnIds
from headrace.plan.rebuild import with_children
from headrace.types import BIGINT, TINYINT


def has_aggregate(expression: Expression) -> bool:
    """Return True when an aggregate call stands in it; the function of an OVER does not count, its arguments do."""
    if isinstance(expression, AggregateCall):
        return True
    if isinstance(expression, WindowCall):
        parts = (*children(expression.function), *expression.partition, *expression.order)
        return any(has_aggregate(part) for part in parts)
    return any(has_aggregate(part) for part in children(expression))


def refuse_grouping(bounds: Iterable[Bound]) -> None:
    """Raise when a query without aggregates calls grouping().

    Raises:
        StreamError: UNSUPPORTED_GROUPING_EXPRESSION.
    """
    for bound in bounds:
        for part in walk(bound.expression):
            if isinstance(part, Call) and part.function in ("grouping", "grouping_id"):
                raise _ungrouped(part)


def _ungrouped(call: Call) -> StreamError:
    message = f"{call.function}() belongs to GROUPING SETS, CUBE and ROLLUP."
    return StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GROUPING_EXPRESSION")


@dataclass(slots=True)
class Extraction:
    """The keys of one GROUP BY and the aggregate calls found so far."""

    keys: tuple[Alias, ...]
    ids: ColumnIds
    grouped: bool = True
    grouping_id: Column | None = None
    refused: tuple[Expression, ...] = ()
    given: frozenset[int] | None = None
    _calls: dict[AggregateCall, Alias] = field(default_factory=dict)

    @property
    def aggregates(self) -> tuple[Alias, ...]:
        """The distinct aggregate calls, in order of appearance."""
        return tuple(self._calls.values())

    def lower(self, bound: Bound) -> Bound:
        """Return the expression over the Aggregate's columns.

        Raises:
            StreamError: MISSING_AGGREGATION, or MISSING_GROUP_BY where there is no GROUP BY at all.
        """
        return replace(bound, expression=self._lower(bound.expression, bound, frozenset()))

    def refuse_correlated(self, bound: Bound) -> None:
        """Raise for a query that reads the row of no group: one outside of aggregates that is no key.

        Raises:
            StreamError: SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION.
        """
        self._refuse_correlated(bound.expression, frozenset(key.child for key in self.keys))

    def _refuse_correlated(self, expression: Expression, keys: frozenset[Expression]) -> None:
        if expression in keys or isinstance(expression, AggregateCall):
            return
        if isinstance(expression, ScalarSubquery) and expression.outer:
            message = "A query that reads the row around it stands neither in GROUP BY nor in an aggregate function."
            condition = "SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION"
            raise StreamError("SQL_ANALYSIS", message, hint="Put first() around it.", condition=condition)
        for child in children(expression):
            self._refuse_correlated(child, keys)

    def _lower(self, expression: Expression, whole: Bound, parameters: frozenset[int]) -> Expression:
        for key in self.keys:
            if expression == key.child:
                return key.column
        if isinstance(expression, AggregateCall):
            return self._aggregate(expression, whole)
        if isinstance(expression, Call) and expression.function in ("grouping", "grouping_id"):
            return self._grouping(expression)
        if expression in self.refused:
            raise self._missing(whole)
        if isinstance(expression, Column):
            if expression.id in parameters:
                return expression
            raise self._ungrouped_column(expression, whole)
        if isinstance(expression, Lambda):
            parameters = parameters | {parameter.id for parameter in expression.parameters}
            return replace(expression, body=self._lower(expression.body, whole, parameters))
        if isinstance(expression, WindowCall):
            return self._over(expression, whole, parameters)
        return with_children(expression, lambda child: self._lower(child, whole, parameters))

    def _over(self, call: WindowCall, whole: Bound, parameters: frozenset[int]) -> Expression:
        def lowered(items: Iterable[Expression]) -> tuple[Expression, ...]:
            return tuple(self._lower(item, whole, parameters) for item in items)

        function = with_children(call.function, lambda child: self._lower(child, whole, parameters))
        return replace(call, function=function, partition=lowered(call.partition), order=lowered(call.order))

    def _aggregate(self, call: AggregateCall, whole: Bound) -> Column:
        if call not in self._calls:
            name = whole.text if whole.expression == call else f"{call.function}(...)"
            self._calls[call] = Alias(call, self.ids.column(call.type, name))
        return self._calls[call].column

    def _grouping(self, call: Call) -> Expression:
        if self.grouping_id is None:
            raise _ungrouped(call)
        keys = [key.child for key in self.keys if key.column != self.grouping_id]
        if call.function == "grouping_id":
            if call.args and list(call.args) != keys:
                message = "grouping_id() takes all grouping columns, in their order, or none."
                raise StreamError("SQL_ANALYSIS", message, condition="GROUPING_ID_COLUMN_MISMATCH")
            return self.grouping_id
        if call.args[0] not in keys:
            message = "grouping() takes one of the grouping columns."
            raise StreamError("SQL_ANALYSIS", message, condition="GROUPING_COLUMN_MISMATCH")
        # The first key is the highest bit of the id.
        place = len(keys) - 1 - keys.index(call.args[0])
        power = Literal(BIGINT, 1 << place)
        masked = Call(BIGINT, "bit_and_op", (self.grouping_id, power))
        return Cast(TINYINT, Call(BIGINT, "div", (masked, power)))

    def _ungrouped_column(self, column: Column, whole: Bound) -> StreamError:
        of_the_row_around = self.given is not None and column.id not in self.given
        return outer_reference() if of_the_row_around else self._missing(whole)

    def _missing(self, whole: Bound) -> StreamError:
        if not self.grouped:
            message = f'The query has aggregates and no GROUP BY, and "{whole.text}" is not aggregated.'
            hint = "Add GROUP BY, or put any_value() around it."
            return StreamError("SQL_ANALYSIS", message, hint=hint, condition="MISSING_GROUP_BY")
        message = (
            f'The non-aggregating expression "{whole.text}" is based on columns which are not participating in the '
            "GROUP BY clause."
        )
        hint = "Add it to GROUP BY, aggregate it, or put any_value() around it."
        return StreamError("SQL_ANALYSIS", message, hint=hint, condition="MISSING_AGGREGATION")
