"""Room 3: the GROUP BY clause: keys by expression, alias or place, ALL, GROUPING SETS, CUBE and ROLLUP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_generator
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.refused.ordered import refuse_group_key
from headrace.plan.bind.select.extraction import has_aggregate
from headrace.plan.bind.select.order import ordinal
from headrace.plan.bind.time_window import NAMES
from headrace.plan.expressions import AggregateCall, Alias, Column, Expression, Literal, WindowCall, children, walk
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import Expand, Plan
from headrace.sql.parse import position_of
from headrace.types import BIGINT, INT

_Set = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What GROUP BY says: its distinct keys, and the sets of their places, None for a plain GROUP BY."""

    keys: tuple[Bound, ...]
    sets: tuple[_Set, ...] | None = None


class _Keys:
    """Keys in order of appearance, each once."""

    def __init__(self, bind: Callable[[exp.Expr], Bound]) -> None:
        self._bind = bind
        self.found: list[Bound] = []

    def place(self, node: exp.Expr) -> int:
        bound = self._bind(node)
        for place, key in enumerate(self.found):
            if key.expression == bound.expression:
                return place
        self.found.append(bound)
        return len(self.found) - 1

    def places(self, node: exp.Expr) -> _Set:
        inner = node.this if isinstance(node, exp.Paren) else node
        parts = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
        return tuple(self.place(part) for part in parts)


def bind_grouping(
    group: exp.Group, bind: Callable[[exp.Expr], Bound], outputs: Callable[[], Sequence[Bound]]
) -> Grouping:
    """Return what GROUP BY says.

    Args:
        group: The clause.
        bind: Binds one key, aliases of SELECT included.
        outputs: The bound SELECT items, for places and ALL.

    Raises:
        StreamError: a key does not resolve, or holds an aggregate (GROUP_BY_AGGREGATE).
    """
    refuse_unread(group)
    if group.args.get("all") or _is_word_all(group.expressions):
        keys = [item for item in outputs() if not has_aggregate(item.expression)]
        _refuse_mixed(outputs())
        for key in keys:
            refuse_group_key(key, position_of(group))
        return Grouping(tuple({key.expression: key for key in keys}.values()))
    for node in group.find_all(exp.Anonymous):  # its columns may be keys before it
        if node.name.lower() in NAMES:
            bind(node)
    found = _Keys(lambda node: _key(node, bind, outputs))
    plain: list[_Set] = []
    several: list[list[_Set]] = []
    for item in _items(group):
        if isinstance(item, exp.GroupingSets | exp.Rollup | exp.Cube):
            several.append(_sets(item, found))
        else:
            plain.append((found.place(item),))
    # Without a comma before GROUPING SETS, what stands there only lists the columns of the sets.
    plain = [] if group.args.get("grouping_sets") else plain
    for word, expand in (("rollup", _rollup), ("cube", _cube)):
        if any(not clause.expressions for clause in group.args.get(word) or []):
            several, plain = [expand(plain)], []
    if not several:
        return Grouping(tuple(found.found))
    return Grouping(tuple(found.found), tuple(_product([[_flat(plain)], *several])))


def _items(group: exp.Group) -> Iterable[exp.Expr]:
    yield from group.expressions
    for word in ("grouping_sets", "rollup", "cube"):
        yield from (clause for clause in group.args.get(word) or [] if clause.expressions)


def _is_word_all(items: Sequence[exp.Expr]) -> bool:
    return len(items) == 1 and isinstance(items[0], exp.Column) and items[0].sql().upper() == "ALL"


def _key(node: exp.Expr, bind: Callable[[exp.Expr], Bound], outputs: Callable[[], Sequence[Bound]]) -> Bound:
    number = node.this if isinstance(node, exp.Neg) else node
    bare = isinstance(number, exp.Literal) and not number.is_string and str(number.this).isdigit()
    place = ordinal(node, outputs(), "GROUP_BY") if bare else None
    bound = place or bind(node)
    if has_aggregate(bound.expression):
        message = f'GROUP BY may not hold an aggregate; seen: "{bound.text}".'
        condition = "GROUP_BY_POS_AGGREGATE" if place else "GROUP_BY_AGGREGATE"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
    if any(isinstance(part, WindowCall) or is_generator(part) for part in walk(bound.expression)):
        message = f'GROUP BY may hold no window function and none that gives rows; seen: "{bound.text}".'
        raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_EXPR_FOR_OPERATOR", at=position_of(node))
    refuse_group_key(bound, position_of(node))
    return bound


def _refuse_mixed(outputs: Sequence[Bound]) -> None:
    """Refuse GROUP BY ALL over an item that holds an aggregate and columns beside it."""
    for item in outputs:
        if has_aggregate(item.expression) and _bare_columns(item.expression):
            message = f'GROUP BY ALL cannot tell what to group "{item.text}" by.'
            raise StreamError("SQL_ANALYSIS", message, condition="UNRESOLVED_ALL_IN_GROUP_BY")


def _bare_columns(expression: Expression) -> bool:
    if isinstance(expression, AggregateCall):
        return False
    return isinstance(expression, Column) or any(_bare_columns(part) for part in children(expression))


def _sets(node: exp.Expr, keys: _Keys) -> list[_Set]:
    if isinstance(node, exp.Rollup):
        return _rollup([keys.places(item) for item in node.expressions])
    if isinstance(node, exp.Cube):
        return _cube([keys.places(item) for item in node.expressions])
    found: list[_Set] = []
    for item in node.expressions:
        inner = isinstance(item, exp.GroupingSets | exp.Rollup | exp.Cube)
        found.extend(_sets(item, keys) if inner else [keys.places(item)])
    return found


def _rollup(parts: Sequence[_Set]) -> list[_Set]:
    return [_flat(parts[:count]) for count in range(len(parts), -1, -1)]


def _cube(parts: Sequence[_Set]) -> list[_Set]:
    return [_flat(chosen) for count in range(len(parts), -1, -1) for chosen in combinations(parts, count)]


def _flat(parts: Iterable[_Set]) -> _Set:
    return tuple(place for part in parts for place in part)


def _product(factors: Sequence[Sequence[_Set]]) -> list[_Set]:
    found: list[_Set] = [()]
    for factor in factors:
        found = [(*left, *right) for left in found for right in factor]
    return found


def key_columns(keys: Sequence[Bound], ids: ColumnIds) -> tuple[Alias, ...]:
    """Return the keys of a plain GROUP BY; a column keeps its id."""
    return tuple(
        Alias(key.expression, key.expression)
        if isinstance(key.expression, Column)
        else Alias(key.expression, ids.column(key.expression.type, key.text))
        for key in keys
    )


@dataclass(frozen=True, slots=True)
class Expanded:
    """Grouping sets as an Expand: the plan, what each key expression became, and the id of the set."""

    plan: Expand
    keys: tuple[Alias, ...]
    columns: tuple[Column, ...]
    grouping_id: Column


def expand(child: Plan, grouping: Grouping, ids: ColumnIds) -> Expanded:
    """Return each row once per grouping set, with the keys a set leaves out as NULL. Source: Spark Expand."""
    assert grouping.sets is not None
    copies = [ids.column(key.expression.type, key.name or key.text) for key in grouping.keys]
    set_id = ids.column(BIGINT, "spark_grouping_id")
    repeated = len({frozenset(chosen) for chosen in grouping.sets}) < len(grouping.sets)
    extra = (ids.column(INT, "_gen_grouping_pos"),) if repeated else ()
    projections: list[tuple[Expression, ...]] = []
    for number, chosen in enumerate(grouping.sets):
        values: list[Expression] = []
        bits = 0
        for place, key in enumerate(grouping.keys):
            inside = place in chosen
            bits = bits * 2 + (not inside)
            values.append(key.expression if inside else Literal(key.expression.type, None))
        position = (Literal(INT, number),) if repeated else ()
        projections.append((*child.columns, *values, Literal(BIGINT, bits), *position))
    plan = Expand(child, tuple(projections), (*child.columns, *copies, set_id, *extra))
    keys = tuple(Alias(key.expression, copy) for key, copy in zip(grouping.keys, copies, strict=True))
    return Expanded(plan, keys, (*copies, set_id, *extra), set_id)
