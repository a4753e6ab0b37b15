"""Room 3, rule: conditions lose what is always true, and filters that keep every row vanish."""

from __future__ import annotations

from headrace.plan.expressions import Call, Expression, Literal, rewrite
from headrace.plan.nodes import Filter, Plan
from headrace.plan.transform import map_expressions, rewrite_plan

_TRUE, _FALSE = True, False


def apply(plan: Plan) -> Plan:
    """Return the plan with ``true AND x`` and its kin simplified. Source: Spark BooleanSimplification."""
    return rewrite_plan(plan, _node)


def _node(node: Plan) -> Plan:
    node = map_expressions(node, lambda expression: rewrite(expression, _simplified))
    if isinstance(node, Filter) and _is(node.condition, _TRUE):
        return node.child
    return node


def _is(expression: Expression, value: bool) -> bool:
    return isinstance(expression, Literal) and expression.value is value


def _simplified(expression: Expression) -> Expression:
    if not isinstance(expression, Call):
        return expression
    if expression.function in ("and", "or"):
        neutral, deciding = (_TRUE, _FALSE) if expression.function == "and" else (_FALSE, _TRUE)
        left, right = expression.args
        if _is(left, neutral) or _is(right, deciding):
            return right
        if _is(right, neutral) or _is(left, deciding):
            return left
    if expression.function == "not" and isinstance(expression.args[0], Literal):
        value = expression.args[0].value
        return Literal(expression.type, None if value is None else not value)
    return expression
