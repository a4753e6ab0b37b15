"""Room 3: the top of a SELECT: window functions, a generator, the projection, DISTINCT and ORDER BY."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_generator
from headrace.plan.bind.nested.subqueries import refuse_asking
from headrace.plan.bind.refused.ordered import refuse_compared_rows
from headrace.plan.bind.select.items import Item
from headrace.plan.bind.select.order import sort_key
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.generate import generate, split_outer
from headrace.plan.expressions import (
    AggregateCall,
    Alias,
    Call,
    Column,
    Expression,
    WindowCall,
    rewrite,
    walk,
)
from headrace.plan.nodes import Aggregate, Filter, Plan, Project, Sort, WindowFunctions
from headrace.sql.parse import position_of

_Keys = list[tuple[Bound, exp.Expr]]


@dataclass(frozen=True, slots=True)
class Output:
    """What SELECT and ORDER BY ask for, over the columns of one plan."""

    items: list[Item]
    keys: _Keys
    distinct: bool
    qualify: Bound | None = None


def finish(child: Plan, output: Output, session: Session) -> Plan:
    """Return the plan of the items, sorted.

    Raises:
        StreamError: a generator inside an expression, or ORDER BY on what DISTINCT leaves out.
    """
    calls = _Calls(session)
    child, items, keys = calls.over(child, output.items, output.keys)
    child, items = calls.generated(child, items)
    if output.qualify is not None:
        child, _, _ = calls.over(child, [], [], calls.read(output.qualify))
    aliases = _aliases(items, child, session)
    by_expression = {alias.child: alias.column for alias in reversed(aliases)}
    extra: list[Alias] = []
    sort = []
    for bound, node in keys:
        column = by_expression.get(bound.expression)
        if column is None:
            if output.distinct:
                message = f'ORDER BY "{bound.text}" is not among the columns of SELECT DISTINCT.'
                condition = "UNRESOLVED_COLUMN.WITH_SUGGESTION"
                raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
            column = _column(bound, session)
            extra.append(Alias(bound.expression, column))
            by_expression[bound.expression] = column
        sort.append(sort_key(replace(bound, expression=column), node))
    plan: Plan = Project(child, (*aliases, *extra))
    if output.distinct:
        first = position_of(output.items[0].node)
        refuse_compared_rows([alias.column for alias in aliases], first)
        keys_of = tuple(Alias(alias.column, alias.column) for alias in aliases)
        plan = Aggregate(plan, keys_of, (), distinct=True, at=first)
    if sort:
        plan = Sort(plan, tuple(sort), at=position_of(keys[0][1]))
    if extra:
        plan = Project(plan, tuple(Alias(alias.column, alias.column) for alias in aliases))
    return plan


def _aliases(items: list[Item], child: Plan, session: Session) -> tuple[Alias, ...]:
    """Return the items as aliases; a plain column keeps its id unless it stands there twice."""
    found: list[Alias] = []
    used: set[int] = set()
    given = {column.id for column in child.columns}  # a column of the query around is none of them
    for item in items:
        expression = item.bound.expression
        keeps = isinstance(expression, Column) and expression.name == item.name and expression.id in given - used
        column = expression if keeps else session.ids.column(expression.type, item.name)
        assert isinstance(column, Column)  # what the line above says
        used.add(column.id)
        found.append(Alias(expression, column))
    return tuple(found)


def _column(bound: Bound, session: Session) -> Column:
    if isinstance(bound.expression, Column):
        return bound.expression
    return session.ids.column(bound.expression.type, bound.text)


class _Calls:
    """The calls of a SELECT that are nodes below its projection, and the columns that stand for them there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._columns: dict[Expression, Column] = {}

    def read(self, bound: Bound) -> Bound:
        """Return what is bound over the columns that stand for calls."""
        return replace(bound, expression=rewrite(bound.expression, lambda e: self._columns.get(e, e)))

    def over(
        self, child: Plan, items: list[Item], keys: _Keys, qualify: Bound | None = None
    ) -> tuple[Plan, list[Item], _Keys]:
        """Return the plan with a node for the OVER calls, filtered by QUALIFY; and the items and keys over it."""
        bounds = [*(item.bound for item in items), *(key for key, _ in keys), *([qualify] if qualify else [])]
        calls = {call: None for bound in bounds for call in walk(bound.expression) if isinstance(call, WindowCall)}
        if calls:
            made = tuple(Alias(call, self._session.ids.column(call.type, _function(call))) for call in calls)
            self._columns |= {alias.child: alias.column for alias in made}
            at = next((position_of(item.node) for item in items if _has_over(item.bound)), None)
            child = WindowFunctions(child, made, tuple(_function(call) for call in calls), at=at)
        if qualify is not None:
            child = Filter(child, self.read(qualify).expression)
        read = [replace(item, bound=self.read(item.bound)) for item in items]
        return child, read, [(self.read(key), node) for key, node in keys]

    def generated(self, child: Plan, items: list[Item]) -> tuple[Plan, list[Item]]:
        """Return the plan with the generators, each over the rows of those before, and their columns as items."""
        found = [item for item in items if any(is_generator(part) for part in walk(item.bound.expression))]
        for item in found:
            if not is_generator(item.bound.expression):
                message = f'A function that gives rows may not stand inside an expression; seen: "{item.bound.text}".'
                condition = "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS"
                raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(item.node))
        for item in found:
            refuse_asking(item.bound.expression, item.node)
            call, outer = split_outer(item.bound.expression, item.node)
            node = generate(child, call, item.names, self._session, outer)
            made = [Item(Bound(column, column.name, column.name), item.node) for column in node.output]
            if len(made) == 1:
                self._columns[item.bound.expression] = node.output[0]
            child, items = node, list(_replaced(items, item, made))
        return child, items


def _has_over(bound: Bound) -> bool:
    return any(isinstance(part, WindowCall) for part in walk(bound.expression))


def _function(call: WindowCall) -> str:
    assert isinstance(call.function, Call | AggregateCall)  # the binder lets nothing else stand before OVER
    return call.function.function


def _replaced(items: list[Item], old: Item, new: list[Item]) -> Iterator[Item]:
    for item in items:
        if item is old:
            yield from new
        else:
            yield item
