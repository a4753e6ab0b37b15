"""Room 3: typed expressions of the logical plan.

Every column has an id that is unique inside its plan; names are for the edges only. `function` in a `Call` is a key of
the function table in `headrace.sql.functions`, arguments are already cast to the types that function was resolved with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, fields, replace
from typing import Any

from headrace.dataclass import dataclass
from headrace.types import DataType
from headrace.values import Position


@dataclass(frozen=True, slots=True)
class Expression:
    """A value of a Spark type for each row."""

    type: DataType


@dataclass(frozen=True, slots=True)
class Column(Expression):
    """A column of an input. Law: two columns are the same column exactly when their ids are equal."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    """A constant: None, bool, int, float, Decimal, str, bytes, date, datetime (UTC), or µs/months for intervals."""

    value: Any


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A scalar or generator function of the function table, in canonical lower-case name."""

    function: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class UserCall(Expression):
    """A function of the pipeline's author, by its name inside DuckDB; arguments are cast to its parameters."""

    function: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    """CAST or TRY_CAST to `type`; whether a bad value raises is the session's ANSI mode unless `try_`.

    `fields` are the names of both types where these are intervals, whose types are equal whatever their fields.
    """

    child: Expression
    try_: bool = False
    fields: str = ""


@dataclass(frozen=True, slots=True)
class Case(Expression):
    """Searched CASE: the first true condition's value, else `otherwise` (None: NULL)."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class GetField(Expression):
    """A struct's field by position; `name` is the struct's own spelling."""

    child: Expression
    ordinal: int
    name: str


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """x -> body, or (x, y) -> body; `type` is the body's."""

    parameters: tuple[Column, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class AggregateCall(Expression):
    """An aggregate function of `headrace.sql.aggregates`."""

    function: str
    args: tuple[Expression, ...]
    condition: Expression | None = None  # FILTER (WHERE ...)
    distinct: bool = False
    ignore_nulls: bool = False
    at: Position | None = field(default=None, compare=False, repr=False)  # in the SQL


@dataclass(frozen=True, slots=True)
class Subquery(Expression):
    """A static plan inside an expression.

    `outer` are values of the row around it, which the plan reads as columns with the ids `parameters`. The ids in two
    plans always differ, so that `text` says whether they are one.
    """

    plan: Any = field(compare=False, repr=False)  # headrace.plan.nodes.Plan; the two modules may not import each other
    text: str
    outer: tuple[Expression, ...] = ()
    parameters: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class ScalarSubquery(Subquery):
    """The single value of a plan, NULL without a row; more than one row is an error."""


@dataclass(frozen=True, slots=True)
class Existence(Subquery):
    """Whether the plan has a row: EXISTS, or IN, whose plan is a Filter by what is compared. Never NULL."""

    is_in: bool = False


@dataclass(frozen=True, slots=True)
class Membership(Expression):
    """Whether a row has a match in a static plan: IN, EXISTS or a semi join, as the filter it is while filters move.

    Between rules it is a semi join, or an anti join where negated; `condition` reads the row and the plan's columns.
    `in_where`: written as a filter, not as a join, and so allowed below the watermark.
    """

    condition: Expression | None
    plan: Any  # headrace.plan.nodes.Plan
    negated: bool
    null_aware: bool
    in_where: bool
    at: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WindowCall(Expression):
    """function OVER (PARTITION BY ... ORDER BY ... frame); `function` is a Call or an AggregateCall.

    `descending` and `nulls_first` are one flag an ORDER BY expression; `frame` is SQL text, None for the default frame.
    """

    function: Expression
    partition: tuple[Expression, ...]
    order: tuple[Expression, ...]
    descending: tuple[bool, ...]
    nulls_first: tuple[bool, ...]
    frame: str | None


@dataclass(frozen=True, slots=True)
class Alias:
    """An expression that becomes a column of its own id."""

    child: Expression
    column: Column


_names_of: dict[type, tuple[str, ...]] = {}


def field_names(node: Any) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, in order; looked up once a class, since every walk over a plan asks."""
    kind = type(node)
    if kind not in _names_of:
        _names_of[kind] = tuple(item.name for item in fields(kind))
    return _names_of[kind]


def children(expression: Expression) -> Iterator[Expression]:
    """Yield the direct sub-expressions in order."""
    for name in field_names(expression):
        yield from _expressions_in(getattr(expression, name))


def _expressions_in(value: Any) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _expressions_in(part)


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and everything below it, outermost first."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def references(expression: Expression) -> frozenset[int]:
    """Return the ids of the input columns that the expression reads (lambda parameters, tables of IN left out)."""
    bound = {p.id for e in walk(expression) if isinstance(e, Lambda) for p in e.parameters}
    bound |= {column.id for e in walk(expression) if isinstance(e, Membership) for column in e.plan.columns}
    return frozenset(e.id for e in walk(expression) if isinstance(e, Column)) - bound


def rewrite(expression: Expression, rule: Callable[[Expression], Expression]) -> Expression:
    """Return the expression with rule applied to every node, innermost first."""
    changes: dict[str, Any] = {}
    for name in field_names(expression):
        old = getattr(expression, name)
        new = _rewritten(old, rule)
        if new is not old:
            changes[name] = new
    return rule(replace(expression, **changes) if changes else expression)


def _rewritten(value: Any, rule: Callable[[Expression], Expression]) -> Any:
    if isinstance(value, Expression):
        return rewrite(value, rule)
    if isinstance(value, tuple):
        parts = tuple(_rewritten(part, rule) for part in value)
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    return value


def substitute(expression: Expression, by_id: dict[int, Expression]) -> Expression:
    """Return the expression with columns replaced by what their ids stand for."""
    return rewrite(expression, lambda e: by_id.get(e.id, e) if isinstance(e, Column) else e)
