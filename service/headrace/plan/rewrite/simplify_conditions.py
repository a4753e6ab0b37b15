"""Room 3, rule: conditions lose what is always true, and filters that keep every row vanish.

The columns that are left decide whether a condition goes below the watermark: one that is false whatever the rows hold
goes all the way down, and what it drops moves no watermark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.plan.conditions import conjuncts, filtered
from headrace.plan.expressions import Call, Case, Column, Expression, Literal, references, rewrite
from headrace.plan.facts.constraints import constraints
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.facts.nullability import is_null_for_a_null, needed_columns, value_for_nulls
from headrace.plan.nodes import Filter, Join, Plan, Project, SessionAssign, WindowAssign
from headrace.plan.transform import map_expressions, map_inputs, rewrite_plan
from headrace.types import BOOLEAN

_TRUE, _FALSE = True, False
_OF_ITSELF = {
    "equal": _TRUE,
    "greater_equal": _TRUE,
    "less_equal": _TRUE,
    "not_equal": _FALSE,
    "greater": _FALSE,
    "less": _FALSE,
}
"""What a value that is not NULL gives when it is compared with itself."""


def apply(plan: Plan) -> Plan:
    """Return the plan with ``true AND x`` and its kin simplified.

    Source: Spark BooleanSimplification, SimplifyConditionals, ReplaceNullWithFalseInPredicate, ConstantFolding.
    """
    return rewrite_plan(plan, _node)


def compare_with_themselves(plan: Plan) -> Plan:
    """Return the plan without comparisons of a column with itself where it is not NULL, as above a window of it.

    Source: Spark SimplifyBinaryComparison, NullPropagation.
    """
    return _compared(plan, frozenset())


def _compared(plan: Plan, known: frozenset[int]) -> Plan:
    """Return the plan with such comparisons decided; `known` are columns of it of which NULL is dropped above."""
    match plan:
        case WindowAssign(time=Column() as time) | SessionAssign(time=Column() as time):
            known |= {time.id}
        case Project():
            passed = {item.column.id: item.child.id for item in plan.items if isinstance(item.child, Column)}
            known = frozenset(passed[each] for each in known & passed.keys())
        case Filter():
            own = _not_null(conjuncts(plan.condition))
            known |= own.keys() | _not_null(constraints(plan.child)).keys()
            decided = _filter(plan, known, own)
            if not isinstance(decided, Filter):
                return _compared(decided, known)
            plan = decided
        case _:
            known = frozenset()
    return map_inputs(plan, lambda child: _compared(child, known))


def _not_null(parts: Iterable[Expression]) -> dict[int, Column]:
    return {column.id: column for part in parts if is_deterministic(part) for column in needed_columns(part)}


def _filter(node: Filter, known: frozenset[int], own: Mapping[int, Column]) -> Plan:
    """Return the filter with its comparisons decided; that its `own` columns are not NULL stays a part of it."""
    changed = map_expressions(
        node, lambda condition: rewrite(condition, lambda part: _simplified(_of_itself(part, known)))
    )
    if changed is node:
        return node
    told = _not_null(conjuncts(changed.condition))
    tests = [Call(BOOLEAN, "is_not_null", (column,)) for each, column in own.items() if each not in told]
    return _node(filtered(node.child, [*conjuncts(changed.condition), *tests]))


def _of_itself(expression: Expression, known: frozenset[int]) -> Expression:
    if is_null_for_a_null(expression):
        return Literal(expression.type, None)
    match expression:
        case Call(function=function, args=(Column(id=left), Column(id=right))) if left == right and left in known:
            if function == "nullif":
                return Literal(expression.type, None)
            if function in _OF_ITSELF:
                return Literal(BOOLEAN, _OF_ITSELF[function])
    return expression


def _node(node: Plan) -> Plan:
    if isinstance(node, Filter) or (isinstance(node, Join) and not node.null_aware):
        node = map_expressions(node, _null_is_false)
    node = map_expressions(node, lambda expression: rewrite(expression, _simplified))
    if isinstance(node, Filter) and _is(node.condition, _TRUE):
        return node.child
    return node


def _null_is_false(condition: Expression) -> Expression:
    """Return a condition that is true for the same rows, with false where it was NULL."""
    match condition:
        case Literal(value=None):
            return Literal(BOOLEAN, _FALSE)
        case Call(function="and" | "or", args=args):
            return Call(condition.type, condition.function, tuple(_null_is_false(arg) for arg in args))
        case Call(function="if", args=(test, then, otherwise)):
            return Call(condition.type, "if", (test, _null_is_false(then), _null_is_false(otherwise)))
        case Case(branches=branches, otherwise=otherwise):
            values = tuple((test, _null_is_false(value)) for test, value in branches)
            return Case(condition.type, values, _null_is_false(otherwise or Literal(BOOLEAN, None)))
    return condition


def _is(expression: Expression, value: bool) -> bool:
    return isinstance(expression, Literal) and expression.value is value


def _simplified(expression: Expression) -> Expression:
    match expression:
        case Call(function="and" | "or" as function, args=(left, right)):
            neutral, deciding = (_TRUE, _FALSE) if function == "and" else (_FALSE, _TRUE)
            if _is(left, neutral) or _is(right, deciding):
                return right
            if _is(right, neutral) or _is(left, deciding):
                return left
        case Call(function="if", args=(test, then, otherwise)) if then == otherwise and is_deterministic(test):
            return then
        case Call(function="if", args=(Literal(value=value), then, otherwise)):
            return then if value is _TRUE else otherwise
        case Call(function="null_safe_equal", args=(one, other)) if one == other and is_deterministic(one):
            return Literal(BOOLEAN, _TRUE)
        case Case():
            return _case(expression)
    return _folded(expression)


def _case(case: Case) -> Expression:
    branches = tuple((test, value) for test, value in case.branches if not _never(test))
    if not branches:
        return case.otherwise or Literal(case.type, None)
    if _is(branches[0][0], _TRUE):
        return branches[0][1]
    tests_are_safe = all(is_deterministic(test) for test, _ in branches)
    if case.otherwise and tests_are_safe and all(value == case.otherwise for _, value in branches):
        return case.otherwise
    return _folded(case if branches == case.branches else Case(case.type, branches, case.otherwise))


def _never(test: Expression) -> bool:
    return isinstance(test, Literal) and test.value is not _TRUE


def _folded(expression: Expression) -> Expression:
    """Return the literal that a condition without columns is, where it is known."""
    if expression.type != BOOLEAN or isinstance(expression, Literal) or references(expression):
        return expression
    value = value_for_nulls(expression)
    return Literal(BOOLEAN, value) if value is None or isinstance(value, bool) else expression
