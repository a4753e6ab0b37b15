"""Room 3, rule: filters go as far down as their meaning allows, and below the watermark.

Rows that a filter below the watermark drops do not move it; a condition on the event-time column stays above, and the
rows it drops do move it. IN and EXISTS over tables are filters too: they become joins when filters have moved. A semi
join, written as a join, moves like them, though never below a watermark nor a filter that stays. What is expensive is
computed once, and a condition on it stays above.
Source: Spark PushPredicateThroughNonJoin, PushPredicateThroughJoin, RewritePredicateSubquery, PushDownLeftSemiAntiJoin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from headrace.plan.conditions import all_of, conjuncts, filtered
from headrace.plan.expressions import Alias, Expression, Membership, Subquery, references, substitute, walk
from headrace.plan.facts.determinism import computed_once, is_deterministic, is_expensive
from headrace.plan.nodes import (
    Aggregate,
    Filter,
    Generate,
    Join,
    JoinType,
    Plan,
    Project,
    SessionAssign,
    SetOperation,
    Sort,
    Union,
    Watermark,
    WindowAssign,
)
from headrace.plan.transform import map_inputs
from headrace.types import BOOLEAN

_Parts = Sequence[Expression]

# Whose conditions of WHERE, and of ON, may go to the left and to the right input.
_FROM_WHERE = {
    JoinType.INNER: (True, True),
    JoinType.LEFT: (True, False),
    JoinType.RIGHT: (False, True),
    JoinType.FULL: (False, False),
    JoinType.SEMI: (True, False),
    JoinType.ANTI: (True, False),
}
_TESTS = (JoinType.SEMI, JoinType.ANTI)
_FROM_ON = {
    JoinType.INNER: (True, True),
    JoinType.LEFT: (False, True),
    JoinType.RIGHT: (True, False),
    JoinType.FULL: (False, False),
    JoinType.SEMI: (True, True),
    JoinType.ANTI: (False, True),
}


def apply(plan: Plan) -> Plan:
    """Return the plan with every filter pushed down."""
    return _push(plan, ())


def _push(plan: Plan, parts: _Parts) -> Plan:
    """Return the plan under the conditions, each as far down as it goes."""
    match plan:
        case Filter():
            return _through_filter(plan, parts)
        case Project():
            return _through_project(plan, parts)
        case Watermark():
            event_time = plan.event_time.id
            return _split(plan, parts, lambda part: event_time not in references(part) and not _is_join(part))
        case WindowAssign() | SessionAssign() | Generate():
            child = {column.id for column in plan.child.columns}
            return _split(plan, parts, lambda part: references(part) <= child)
        case Aggregate():
            return _through_aggregate(plan, parts)
        case Sort():
            return _split(plan, parts, lambda _: True)
        case Union():
            return _through_union(plan, parts)
        case SetOperation():
            return _through_set_operation(plan, parts)
        case Join():
            return _through_join(plan, parts)
        case _:
            return _under(map_inputs(plan, apply), parts)


def _through_filter(plan: Filter, parts: _Parts) -> Plan:
    own = conjuncts(plan.condition)
    once = computed_once(own)
    if not once:
        return _push(plan.child, (*own, *parts))
    joins = [part for part in parts if _is_join(part)]
    down = [part for part in (*own, *parts) if part not in once and part not in joins]
    return _under(_push(plan.child, down), [*once, *joins])


def _under(plan: Plan, parts: _Parts) -> Plan:
    """Return the plan under the conditions; those that ask a table are joins again."""
    plan = filtered(plan, [part for part in parts if not isinstance(part, Membership)])
    for part in dict.fromkeys(part for part in parts if isinstance(part, Membership)):
        how = JoinType.ANTI if part.negated else JoinType.SEMI
        plan = Join(plan, part.plan, how, part.condition, part.null_aware, in_where=part.in_where, at=part.at)
    return plan


def _split(
    plan: Watermark | WindowAssign | SessionAssign | Generate | Sort, parts: _Parts, may: Callable[[Expression], bool]
) -> Plan:
    down, stay = _parted(parts, may)
    return _under(replace(plan, child=_push(plan.child, down)), stay)


def _parted(parts: _Parts, may: Callable[[Expression], bool]) -> tuple[list[Expression], list[Expression]]:
    """Return the conditions that go down and those that stay; a join stays above a condition below it that stays."""
    down: list[Expression] = []
    stay: list[Expression] = []
    for part in parts:
        goes = is_deterministic(part) and may(part) and not (_is_join(part) and stay)
        (down if goes else stay).append(part)
    return down, stay


def _is_join(part: Expression) -> bool:
    return isinstance(part, Membership) and not part.in_where


def _has_state(part: Expression) -> bool:
    return isinstance(part, Membership) and part.plan.is_streaming


def _through_project(plan: Project, parts: _Parts) -> Plan:
    if not all(is_deterministic(item.child) for item in plan.items):
        return _under(replace(plan, child=apply(plan.child)), parts)
    by_id = {item.column.id: item.child for item in plan.items}
    once = {each for each, child in by_id.items() if is_expensive(child)}
    down: list[Expression] = []
    stay: list[Expression] = []
    for part in parts:
        goes = not (stay or references(part) & once) if _is_join(part) else not references(part) & once
        (down if goes else stay).append(part)
    return _under(replace(plan, child=_push(plan.child, [substitute(part, by_id) for part in down])), stay)


def _through_aggregate(plan: Aggregate, parts: _Parts) -> Plan:
    plan = _with_keys_below(plan, frozenset().union(*(references(part) for part in parts)))
    by_id = {key.column.id: key.child for key in plan.keys}
    down, stay = _parted(
        parts, lambda part: bool(references(part)) and references(part) <= by_id.keys() and not _has_state(part)
    )
    child = _push(plan.child, [substitute(part, by_id) for part in down])
    return _under(replace(plan, child=child), stay)


def _with_keys_below(plan: Aggregate, tested: frozenset[int]) -> Aggregate:
    """Return the aggregate with its expensive keys that are tested computed in a projection below it.

    Source: Spark PullOutGroupingExpressions.
    """
    keys = [key for key in plan.keys if key.column.id in tested and is_expensive(key.child)]
    if not keys:
        return plan
    child = Project(plan.child, (*(Alias(column, column) for column in plan.child.columns), *keys))
    named = tuple(Alias(key.column, key.column) if key in keys else key for key in plan.keys)
    return replace(plan, child=child, keys=named)


def _through_union(plan: Union, parts: _Parts) -> Plan:
    down, stay = _parted(parts, lambda part: not _has_state(part))
    children = []
    for child in plan.children:
        by_id: dict[int, Expression] = {out.id: old for out, old in zip(plan.output, child.columns, strict=True)}
        children.append(_push(child, [substitute(part, by_id) for part in down]))
    return _under(replace(plan, children=tuple(children)), stay)


def _through_set_operation(plan: SetOperation, parts: _Parts) -> Plan:
    down, stay = _parted(parts, lambda part: not _is_join(part))
    return _under(replace(plan, left=_push(plan.left, down), right=apply(plan.right)), stay)


def _through_join(join: Join, parts: _Parts) -> Plan:
    if join.how in _TESTS and (join.how is JoinType.SEMI or not join.right.is_streaming):
        return _as_test(join, parts)
    left = frozenset(column.id for column in join.left.columns)
    right = frozenset(column.id for column in join.right.columns)
    # A condition without columns decides about all rows: Spark folds it, and what is below reads nothing.
    fixed = _constants(parts)
    parts = [part for part in parts if part not in fixed]
    joins = _above_the_join(join, parts, left, right)
    to_left, to_right, above = _by_side([p for p in parts if p not in joins], left, right, _FROM_WHERE[join.how])
    # NOT IN tests nulls of both sides, so its condition stays whole.
    on = () if join.null_aware else conjuncts(join.condition)
    constants = _constants(on) if _FROM_ON[join.how][0] else []
    on_left, on_right, within = _by_side([p for p in on if p not in constants], left, right, _FROM_ON[join.how])
    if join.how is JoinType.INNER:
        joined = [part for part in above if is_deterministic(part) and not _is_join(part)]
        within = [*within, *joined]
        above = [part for part in above if part not in joined]
    condition = join.condition if join.null_aware else all_of(within)
    changed = replace(
        join,
        left=_push(join.left, (*fixed, *constants, *on_left, *to_left)),
        right=_push(join.right, (*fixed, *on_right, *to_right)),
        condition=condition,
    )
    return _under(changed, [*above, *joins])


def _above_the_join(join: Join, parts: _Parts, left: frozenset[int], right: frozenset[int]) -> list[Expression]:
    """Return the joins among the conditions that may not move into this one."""
    if join.how is JoinType.INNER:
        return []
    joins = [part for part in parts if _is_join(part)]
    filters = [part for part in parts if part not in joins]
    above = _by_side(filters, left, right, _FROM_WHERE[join.how])[2]
    first = next((at for at, part in enumerate(parts) if part in above), len(parts))
    return [part for part in joins if join.how in _TESTS or part in parts[first:]]


def _as_test(join: Join, parts: _Parts) -> Plan:
    """Push a semi or anti join as the filter it is; what its condition says of one side alone goes further."""
    ids = [frozenset(column.id for column in side.columns) for side in (join.left, join.right)]
    is_anti = join.how is JoinType.ANTI
    constants = [] if is_anti or join.null_aware else _constants(conjuncts(join.condition))
    on = [part for part in conjuncts(join.condition) if part not in constants] if join.right.is_streaming else ()
    on_left, on_right, within = _by_side(on, ids[0], ids[1], _FROM_ON[join.how])
    condition = all_of(within) if join.right.is_streaming else join.condition
    right = _push(join.right, on_right)
    tested = Membership(BOOLEAN, condition, right, is_anti, join.null_aware, join.in_where, join.at)
    return _push(join.left, (*constants, *on_left, tested, *parts))


def _constants(parts: _Parts) -> list[Expression]:
    return [part for part in parts if not references(part) and is_deterministic(part) and not _asks_a_table(part)]


def _asks_a_table(part: Expression) -> bool:
    return any(isinstance(each, Subquery | Membership) for each in walk(part))


def _by_side(
    parts: _Parts, left: frozenset[int], right: frozenset[int], allowed: tuple[bool, bool]
) -> tuple[list[Expression], list[Expression], list[Expression]]:
    sides: tuple[list[Expression], list[Expression], list[Expression]] = ([], [], [])
    for part in parts:
        ids = references(part)
        place = 2
        if ids and is_deterministic(part):
            place = 0 if ids <= left and allowed[0] else 1 if ids <= right and allowed[1] else 2
        sides[place].append(part)
    return sides
