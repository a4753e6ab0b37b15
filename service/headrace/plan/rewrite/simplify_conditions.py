"""Room 3, rule: conditions lose what is always true, and filters that keep every row vanish.

The columns that are left decide whether a condition goes below the watermark: one that is false whatever the rows hold
goes all the way down, and what it drops moves no watermark.
"""

from __future__ import annotations

from headrace.plan.expressions import Call, Case, Expression, Literal, references, rewrite
from headrace.plan.nodes import Filter, Join, Plan
from headrace.plan.rewrite.determinism import is_deterministic
from headrace.plan.rewrite.nullability import value_for_nulls
from headrace.plan.transform import map_expressions, rewrite_plan
from headrace.types import BOOLEAN

_TRUE, _FALSE = True, False


def apply(plan: Plan) -> Plan:
    """Return the plan with ``true AND x`` and its kin simplified.

    Source: Spark BooleanSimplification, SimplifyConditionals, ReplaceNullWithFalseInPredicate, ConstantFolding.
    """
    return rewrite_plan(plan, _node)


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
        case Case(branches=branches, otherwise=Expression() as otherwise):
            tests_are_safe = all(is_deterministic(test) for test, _ in branches)
            if tests_are_safe and all(value == otherwise for _, value in branches):
                return otherwise
    return _folded(expression)


def _folded(expression: Expression) -> Expression:
    """Return the literal that a condition without columns is, where it is known."""
    if expression.type != BOOLEAN or isinstance(expression, Literal) or references(expression):
        return expression
    value = value_for_nulls(expression)
    return Literal(BOOLEAN, value) if value is None or isinstance(value, bool) else expression
