"""Room 3: what a query inside a query reads of the row around it, and where it may.

Takes a bound plan; gives its columns from outside, or the plan without the conditions on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.conditions import conjuncts, filtered
from headrace.plan.expressions import (
    AggregateCall,
    Alias,
    Call,
    Cast,
    Column,
    Expression,
    children,
    references,
    substitute,
    walk,
)
from headrace.plan.nodes import Aggregate, Filter, Join, JoinType, Plan, Project, Sort
from headrace.plan.nodes import walk as walk_plan
from headrace.plan.transform import expressions_of, free_columns, read_columns

_Ids = frozenset[int]
_CATEGORY = "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY"


def outer_columns(plan: Plan) -> tuple[Column, ...]:
    """Return the columns of the row around it that the plan reads, in the order of their ids."""
    return tuple(column for _, column in sorted(free_columns(plan).items()))


def pulled(plan: Plan) -> tuple[Plan, list[Expression]] | None:
    """Return the plan without the conditions that read the row around it, and those; None where it reads more."""
    outer = frozenset(free_columns(plan))
    return _pulled(plan, outer)


def _pulled(plan: Plan, outer: _Ids) -> tuple[Plan, list[Expression]] | None:
    if not _reads(plan, outer):
        return plan, []
    if isinstance(plan, Filter):
        below = _pulled(plan.child, outer)
        if below is None:
            return None
        child, found = below
        parts = conjuncts(plan.condition)
        inside = [part for part in parts if not references(part) & outer]
        return filtered(child, inside), found + [part for part in parts if references(part) & outer]
    if isinstance(plan, Project) and not read_columns(plan) & outer:
        below = _pulled(plan.child, outer)
        if below is None:
            return None
        child, found = below
        given = {column.id for column in plan.columns}
        needed = frozenset().union(*(references(part) for part in found)) - outer - given
        passed = tuple(Alias(column, column) for column in child.columns if column.id in needed)
        return replace(plan, child=child, items=(*plan.items, *passed)), found
    return _pulled_from_groups(plan, outer) if isinstance(plan, Aggregate) else None


def _pulled_from_groups(plan: Aggregate, outer: _Ids) -> tuple[Plan, list[Expression]] | None:
    """Pull equalities out of a grouping: the columns they compare become keys of it, one more group for each value."""
    below = _pulled(plan.child, outer) if plan.keys and not read_columns(plan) & outer else None
    if below is None or not all(_pairs_columns(part, outer) for part in below[1]):
        return None
    child, found = below
    needed = frozenset().union(*(references(part) for part in found)) - outer
    there = {key.child.id: key.column for key in plan.keys if isinstance(key.child, Column)}
    more = tuple(Alias(column, column) for column in child.columns if column.id in needed - there.keys())
    names: dict[int, Expression] = {old: new for old, new in there.items() if old != new.id}
    return replace(plan, child=child, keys=(*plan.keys, *more)), [substitute(part, names) for part in found]


def _pairs_columns(part: Expression, outer: _Ids) -> bool:
    """Return True for ``column = outer``, and for what reads one query alone."""
    read = references(part)
    if not read & outer or read <= outer:
        return True
    if not isinstance(part, Call) or part.function not in ("equal", "null_safe_equal"):
        return False
    sides = [side.child if isinstance(side, Cast) else side for side in part.args]
    return any(isinstance(one, Column) and references(other) <= outer for one, other in (sides, sides[::-1]))


def _reads(plan: Plan, outer: _Ids) -> bool:
    return any(read_columns(node) & outer for node in walk_plan(plan))


def refuse_correlation(plan: Plan, *, streaming: bool, is_scalar: bool) -> None:
    """Raise where the plan reads the row around it in a place where Spark does not let it, or headrace cannot.

    Args:
        plan: Of the query inside.
        streaming: The row is one of a stream: Spark then takes fewer forms, for it would have to aggregate the stream.
        is_scalar: The query gives a value, and is not asked for its rows.

    Raises:
        StreamError: with Spark's condition where it has one.
    """
    outer = frozenset(free_columns(plan))
    if outer:
        _Refusing(outer, streaming).at(plan, grouped=False, top=is_scalar)


@dataclass(frozen=True, slots=True)
class _Refusing:
    """The walk from the top of a query down to where it reads the row around it."""

    outer: _Ids
    streaming: bool

    def at(self, plan: Plan, *, grouped: bool, top: bool) -> None:
        """Look at a node; `grouped` below an aggregate, `top` where a row is there for each row around."""
        if not _reads(plan, self.outer):
            return
        match plan:
            case Project() | Sort():
                self._row(plan)
                self.at(plan.child, grouped=grouped, top=top)
            case Filter() | Join(how=JoinType.INNER, null_aware=False):
                if grouped:
                    self._below_aggregate(conjuncts(plan.condition))
                for node in plan.inputs:
                    self.at(node, grouped=grouped, top=False)
            case Join(how=JoinType.SEMI | JoinType.ANTI) if not (
                read_columns(plan) & self.outer or _reads(plan.right, self.outer)
            ):
                self.at(plan.left, grouped=grouped, top=False)
            case Aggregate():
                self._aggregate(plan, top=top)
                self.at(plan.child, grouped=True, top=False)
            case _:
                message = "A query inside a query may read the row around it in the conditions of its WHERE only."
                raise StreamError("SQL_UNSUPPORTED", message, hint="Write it as a join.")

    def _row(self, plan: Project | Sort) -> None:
        if not read_columns(plan) & self.outer:
            return
        if isinstance(plan, Sort) or any(isinstance(node, Aggregate) for node in walk_plan(plan.child)):
            raise outer_reference()
        if self.streaming:
            raise unplanned("A query inside a query over a stream may not compute with the row around it")

    def _aggregate(self, plan: Aggregate, *, top: bool) -> None:
        if read_columns(plan) & self.outer:
            raise self._aggregated(plan)
        if self.streaming and not plan.keys and not top:
            raise unplanned("An aggregate without GROUP BY may only be the value of a query inside SELECT")

    def _below_aggregate(self, parts: Sequence[Expression]) -> None:
        if self.streaming and not all(_pairs_columns(part, self.outer) for part in parts):
            raise unplanned("Below an aggregate, the row around is compared as  column = outer.column")

    def _aggregated(self, plan: Aggregate) -> StreamError:
        for expression in expressions_of(plan):
            for call in (part for part in walk(expression) if isinstance(part, AggregateCall)):
                read = frozenset().union(*(references(part) for part in children(call)))
                if read & self.outer and read - self.outer:
                    message = "An aggregate function may not read columns of two queries."
                    condition = f"{_CATEGORY}.AGGREGATE_FUNCTION_MIXED_OUTER_LOCAL_REFERENCES"
                    return StreamError("SQL_ANALYSIS", message, condition=condition)
        return outer_reference()


def outer_reference() -> StreamError:
    """Return the refusal of a column of the row around in an aggregate, or above one."""
    message = "A query inside a query may read the row around it below its aggregates only, in WHERE."
    return StreamError("SQL_ANALYSIS", message, condition=f"{_CATEGORY}.CORRELATED_REFERENCE")


def unplanned(what: str) -> StreamError:
    """Return the refusal of a form for which Spark joins the stream with itself, and fails in the first batch."""
    message = f"{what}; for anything else Spark would have to aggregate the stream."
    condition = "UNSUPPORTED_STREAMING_OPERATOR_WITHOUT_WATERMARK"
    return StreamError("SQL_UNSUPPORTED", message, hint="Write it as a join.", condition=condition)


def category(name: str, message: str) -> StreamError:
    """Return a refusal of a query inside an expression, by Spark's name."""
    return StreamError("SQL_ANALYSIS", message, condition=f"{_CATEGORY}.{name}")
