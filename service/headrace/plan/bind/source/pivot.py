"""Room 3: PIVOT: a relation of FROM with one column for each value of a column, as groupings below a projection.

Takes the relation and its clause, gives the relation of groups. Source: Spark PivotTransformer: numbers and booleans
are grouped twice, first with the column and then without it; anything else is grouped once, by conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import Modifiers, aggregate, call
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.expression.leaves import check_cast
from headrace.plan.bind.refused.ordered import refuse_group_key
from headrace.plan.bind.refused.typed import refuse_no_number
from headrace.plan.bind.scope import Relation, Scope, Visible
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.conditions import all_of
from headrace.plan.constant import cast_to, fold_whole, value_of
from headrace.plan.expressions import (
    AggregateCall,
    Alias,
    Cast,
    Column,
    Expression,
    Literal,
    Subquery,
    WindowCall,
    children,
    references,
    rewrite,
    walk,
)
from headrace.plan.nodes import Aggregate, Plan, Project
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, DataType, is_numeric
from headrace.values import Position

_NAMELESS = (AggregateCall, Column, Subquery, WindowCall)
"""What no value behind IN may hold."""


@dataclass(frozen=True, slots=True)
class _Value:
    """One value behind IN, or one of each column: what its columns are called, and the values."""

    name: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class _Pivot:
    """The bound clause over its relation."""

    columns: tuple[Column, ...]
    values: tuple[_Value, ...]
    aggregates: tuple[Bound, ...]
    kept: tuple[Visible, ...]
    session: Session
    at: Position | None

    @property
    def keys(self) -> tuple[Alias, ...]:
        """The columns that are grouped by beside those of FOR."""
        return tuple(Alias(item.column, item.column) for item in self.kept)

    def names(self, value: _Value) -> list[str]:
        """Return the names of the columns that one value gives, an aggregate each."""
        if len(self.aggregates) == 1:
            return [value.name]
        return [f"{value.name}_{bound.name or bound.text}" for bound in self.aggregates]

    def is_value(self, value: _Value) -> Expression:
        """Return the condition that a row has this value."""
        pairs = zip(self.columns, value.parts, strict=True)
        condition = all_of(call("null_safe_equal", [column, part]) for column, part in pairs)
        assert condition is not None  # FOR names a column at least
        return condition


def pivoted(relation: Relation, node: exp.Pivot, session: Session, outer: Scope | None) -> Relation:
    """Return the relation under PIVOT.

    Raises:
        StreamError: by Spark's condition, what may not be pivoted, or SQL_UNSUPPORTED for a value without a name.
    """
    refuse_unread(node)
    pivot = _bound(relation, node, session, outer)
    by_number = all(_is_simple(bound.expression.type) for bound in pivot.aggregates)
    if by_number:
        _refuse_repeated(pivot)
    plan = _twice(relation.plan, pivot) if by_number else _once(relation.plan, pivot)
    alias = node.args.get("alias")
    if alias is not None:
        return Relation.of(plan, alias.name)
    made = plan.columns[len(pivot.kept) :]
    return Relation(plan, (*pivot.kept, *(Visible(column) for column in made)))


def _refuse_repeated(pivot: _Pivot) -> None:
    """Raise for a value that stands twice, for which Spark finds no column when it runs."""
    seen = [value.parts for value in pivot.values]
    repeated = next((value for value in pivot.values if seen.count(value.parts) > 1), None)
    if repeated is not None:
        message = f"The value {repeated.name} of PIVOT stands there twice."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_ARRAY_INDEX", at=pivot.at)


def _bound(relation: Relation, node: exp.Pivot, session: Session, outer: Scope | None) -> _Pivot:
    scope = Scope(relation, outer=outer, ids=session.ids)
    binder = Binder(session, scope, TimeWindows(session.ids), scope)
    field = node.args["fields"][0]
    named = field.this.expressions if isinstance(field.this, exp.Tuple) else [field.this]
    columns = tuple(_column(binder.bind(each), position_of(each)) for each in named)
    values = tuple(_value(each, columns, binder) for each in field.expressions)
    aggregates = tuple(_aggregate(each, binder) for each in node.expressions)
    used = frozenset(column.id for column in columns).union(*(references(each.expression) for each in aggregates))
    shown = {item.column.id: item for item in relation.visible if not item.hidden}
    kept = tuple(item for id_, item in shown.items() if id_ not in used)
    for item in kept:
        refuse_group_key(Bound(item.column, item.column.name), position_of(node))
    return _Pivot(columns, values, aggregates, kept, session, position_of(node))


def _column(bound: Bound, at: Position | None) -> Column:
    if not isinstance(bound.expression, Column):
        raise StreamError("SQL_UNSUPPORTED", f'PIVOT is FOR a column; seen: "{bound.text}".', at=at)
    try:
        refuse_group_key(bound, at)
        call("null_safe_equal", [bound.expression, bound.expression])
    except StreamError as error:
        message = f'Invalid pivot column "{bound.text}": values of {bound.expression.type.sql()} cannot be compared.'
        raise StreamError("SQL_ANALYSIS", message, condition="INCOMPARABLE_PIVOT_COLUMN", at=at) from error
    return bound.expression


def _aggregate(node: exp.Expr, binder: Binder) -> Bound:
    named = isinstance(node, exp.Alias)
    bound = binder.bind(node.this if named else node)
    if not any(isinstance(part, AggregateCall) for part in walk(bound.expression)) or _is_bare(bound.expression):
        message = f'PIVOT takes aggregates; "{bound.text}" does not appear in any aggregate function.'
        raise StreamError("SQL_ANALYSIS", message, condition="_LEGACY_ERROR_TEMP_1006", at=position_of(node))
    return replace(bound, name=node.alias if named else None)


def _is_bare(expression: Expression) -> bool:
    """Return True when the expression reads a column outside of its aggregates."""
    if isinstance(expression, AggregateCall):
        return False
    return isinstance(expression, Column | WindowCall) or any(_is_bare(part) for part in children(expression))


def _value(node: exp.Expr, columns: Sequence[Column], binder: Binder) -> _Value:
    inner = node.this if isinstance(node, exp.Alias) else node
    several = len(columns) > 1 and isinstance(inner, exp.Tuple)
    bounds = [binder.bind(part) for part in (inner.expressions if several else [inner])]
    if any(isinstance(part, _NAMELESS) for bound in bounds for part in walk(bound.expression)):
        message = f"A value of PIVOT must be a constant; seen: {inner.sql(dialect='spark')}."
        raise StreamError("SQL_ANALYSIS", message, condition="NON_LITERAL_PIVOT_VALUES", at=position_of(node))
    if len(bounds) != len(columns):
        seen, wanted = inner.sql(dialect="spark"), ", ".join(f"`{column.name}`" for column in columns)
        message = f"The value {seen} of PIVOT does not fit {wanted}: a value for each column is wanted, in brackets."
        condition = "PIVOT_VALUE_DATA_TYPE_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
    typed = tuple(_typed(bound, column, binder, node) for bound, column in zip(bounds, columns, strict=True))
    if isinstance(node, exp.Alias):
        return _Value(node.alias, typed)
    texts = [_text(bound, part) for bound, part in zip(bounds, inner.expressions if several else [inner], strict=True)]
    return _Value(f"{{{', '.join(texts)}}}" if several else texts[0], typed)


def _typed(bound: Bound, column: Column, binder: Binder, node: exp.Expr) -> Expression:
    settings = binder.session.catalog.settings
    try:
        check_cast(bound, column.type, settings, try_=False)
    except StreamError as error:
        seen = bound.expression.type.sql()
        message = f'The value "{bound.text}" of PIVOT is a {seen}, and `{column.name}` is a {column.type.sql()}.'
        condition = "PIVOT_VALUE_DATA_TYPE_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node)) from error
    made = replace(bound, expression=cast_to(fold_whole(bound.expression), column.type))
    if settings.ansi:
        refuse_no_number(made)
    return made.expression


def _text(bound: Bound, node: exp.Expr) -> str:
    """Return a value as the text that Spark casts it to."""
    folded = fold_whole(bound.expression)
    if value_of(folded) is None:
        return "null"
    if isinstance(folded, Literal) and isinstance(bound.expression, Literal):
        return bound.text
    if isinstance(folded, Literal):
        return str(folded.value)
    if isinstance(folded, Cast) and isinstance(folded.child, Literal) and isinstance(folded.child.value, str):
        return folded.child.value
    shown = node.sql(dialect="spark")
    message = f"The value {shown} of PIVOT is computed, which gives its column no name."
    raise StreamError("SQL_UNSUPPORTED", message, hint=f"Write {shown} AS name.", at=position_of(node))


def _is_simple(kind: DataType) -> bool:
    """Return True for what Spark puts into one array by value. Source: PivotFirst.supportsDataType."""
    return kind == BOOLEAN or is_numeric(kind)


def _twice(child: Plan, pivot: _Pivot) -> Plan:
    """Group with the column, then pick each group's value for each of its columns."""
    ids = pivot.session.ids
    found = (part for bound in pivot.aggregates for part in walk(bound.expression))
    distinct = dict.fromkeys(part for part in found if isinstance(part, AggregateCall))
    calls = {each: Alias(each, ids.column(each.type, each.function)) for each in distinct}
    by = tuple(Alias(column, column) for column in pivot.columns)
    grouped: Plan = Aggregate(child, (*pivot.keys, *by), tuple(calls.values()), at=pivot.at)
    outer = [_above(bound.expression, calls) for bound in pivot.aggregates]
    computed = tuple(Alias(value, ids.column(value.type, "value")) for value in outer)
    grouped = Project(grouped, (*pivot.keys, *by, *computed))
    picked = []
    for value in pivot.values:
        condition = pivot.is_value(value)
        for item, name in zip(computed, pivot.names(value), strict=True):
            pick = aggregate("max", [item.column], Modifiers(condition=condition), ansi=True)
            picked.append(Alias(pick, ids.column(pick.type, name)))
    return Aggregate(grouped, pivot.keys, tuple(picked), at=pivot.at)


def _once(child: Plan, pivot: _Pivot) -> Plan:
    """Group by the other columns, each aggregate over the rows of one value."""
    ids = pivot.session.ids
    calls: dict[AggregateCall, Alias] = {}
    made: list[Alias] = []
    for value in pivot.values:
        condition = pivot.is_value(value)
        for bound, name in zip(pivot.aggregates, pivot.names(value), strict=True):
            narrowed = rewrite(bound.expression, lambda part, where=condition: _narrowed(part, where))  # type: ignore[misc]
            for part in walk(narrowed):
                if isinstance(part, AggregateCall) and part not in calls:
                    calls[part] = Alias(part, ids.column(part.type, name))
            expression = _above(narrowed, calls)
            made.append(Alias(expression, ids.column(expression.type, name)))
    grouped = Aggregate(child, pivot.keys, tuple(calls.values()), at=pivot.at)
    return Project(grouped, (*pivot.keys, *made))


def _narrowed(part: Expression, where: Expression) -> Expression:
    if not isinstance(part, AggregateCall):
        return part
    both = where if part.condition is None else call("and", [part.condition, where])
    picks = part.function in ("first", "last", "any_value")
    return replace(part, condition=both, ignore_nulls=part.ignore_nulls or picks)


def _above(expression: Expression, calls: dict[AggregateCall, Alias]) -> Expression:
    """Return the expression over the columns of a grouping."""
    if isinstance(expression, AggregateCall):
        return calls[expression].column
    return rewrite(expression, lambda part: calls[part].column if isinstance(part, AggregateCall) else part)
