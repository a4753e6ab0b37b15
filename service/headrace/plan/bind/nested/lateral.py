"""Room 3: LATERAL (SELECT ...) in FROM: a query over the columns of what stands before it.

Takes the bound query and what stands before; gives a projection where it has no FROM of its own, and else a join.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.nested.correlation import category, pulled, refuse_correlation, unplanned
from headrace.plan.bind.nested.subqueries import refuse_stream
from headrace.plan.bind.scope import Relation
from headrace.plan.conditions import all_of
from headrace.plan.expressions import Alias
from headrace.plan.nodes import Generate, Join, Plan, Project, Values, walk
from headrace.plan.rewrite.determinism import is_deterministic
from headrace.plan.transform import expressions_of
from headrace.sql.parse import position_of


def refuse_kind(node: exp.Join) -> None:
    """Raise for a join that LATERAL does not have.

    Raises:
        StreamError: INVALID_LATERAL_JOIN_TYPE, INCOMPATIBLE_JOIN_TYPES or UNSUPPORTED_FEATURE.LATERAL_JOIN_USING.
    """
    kind = (node.side or node.kind or "").upper()
    condition = None
    if (node.method or "").upper() == "NATURAL":
        condition = "INCOMPATIBLE_JOIN_TYPES"
    elif kind in ("RIGHT", "FULL", "SEMI", "ANTI"):
        condition = "INVALID_LATERAL_JOIN_TYPE"
    elif node.args.get("using"):
        condition = "UNSUPPORTED_FEATURE.LATERAL_JOIN_USING"
    if condition is not None:
        message = "LATERAL stands behind a comma, JOIN, CROSS JOIN or LEFT JOIN, with ON at most."
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))


def refuse_left(node: exp.Join) -> None:
    """Raise for LEFT JOIN of a function that gives rows.

    Spark keeps rows without elements where ON TRUE is written, and drops them else; the tree is the same for both.

    Raises:
        StreamError: SQL_UNSUPPORTED.
    """
    if (node.side or "").upper() == "LEFT":
        message = "LEFT JOIN LATERAL of a function that gives rows is not done."
        hint = "Write LATERAL VIEW OUTER to keep rows without elements, a comma and LATERAL to drop them."
        raise StreamError("SQL_UNSUPPORTED", message, hint=hint, at=position_of(node))


def has_condition(node: exp.Join) -> bool:
    """Return True for ON with anything but TRUE."""
    on = node.args.get("on")
    return on is not None and not (isinstance(on, exp.Boolean) and on.this)


def refuse_lateral(left: Plan, right: Plan) -> None:
    """Raise for a query that may not stand behind LATERAL.

    Raises:
        StreamError: the query reads a stream, or the row around it where it may not.
    """
    refuse_stream(right)
    if not all(is_deterministic(each) for node in walk(right) for each in expressions_of(node)):
        message = "A lateral query may not hang on chance."
        raise category("NON_DETERMINISTIC_LATERAL_SUBQUERIES", message)
    if not _is_alone(right):
        refuse_correlation(right, streaming=left.is_streaming, is_scalar=False)


def without_from(node: exp.Join, left: Relation, right: Relation) -> Relation | None:
    """Return the row with what a query without FROM computes of it; None for a query that has one."""
    if not _is_alone(right.plan):
        return None
    if has_condition(node):
        if left.plan.is_streaming:
            raise unplanned("ON may not stand behind a lateral query without FROM")
        message = "ON may not stand behind a lateral query without FROM."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Write the condition in WHERE.", at=position_of(node))
    if any(isinstance(each, Generate) for each in walk(right.plan)):
        refuse_left(node)
    return Relation(_onto(right.plan, left.plan), (*left.visible, *right.visible))


def with_conditions(join: Join, left: Relation, right: Relation) -> Relation:
    """Return the join by ON and by what the query's WHERE says of the row before it.

    Raises:
        StreamError: SQL_UNSUPPORTED, the query reads that row elsewhere.
    """
    apart = pulled(right.plan)
    if apart is None:
        message = "A lateral query may read the row before it in the conditions of its WHERE only."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Write it as a join.", at=join.at)
    plan, conditions = apart
    on = [join.condition] if join.condition is not None else []
    joined = replace(join, right=plan, condition=all_of([*on, *conditions]))
    return Relation(joined, (*left.visible, *right.visible))


def _is_alone(plan: Plan) -> bool:
    """Return True for projections and generators over SELECT's own single row."""
    while isinstance(plan, Project | Generate):
        plan = plan.child
    return isinstance(plan, Values) and plan.rows == ((),)


def _onto(plan: Plan, left: Plan) -> Plan:
    match plan:
        case Project():
            passed = tuple(Alias(column, column) for column in left.columns)
            return replace(plan, child=_onto(plan.child, left), items=(*passed, *plan.items))
        case Generate():
            return replace(plan, child=_onto(plan.child, left))
    return left
