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
from headrace.plan.expressions import Alias, Case, Expression
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import Filter, Generate, Join, Plan, Project, Values, walk
from headrace.plan.transform import expressions_of
from headrace.sql.grammar.pivots import IMPLIED
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


def is_left(node: exp.Join) -> bool:
    """Return True for LEFT JOIN."""
    return (node.side or "").upper() == "LEFT"


def keeps_empty(node: exp.Join) -> bool:
    """Return True for LEFT JOIN of a function that gives rows with ON TRUE written behind it.

    Spark keeps rows without elements then, and drops them where no ON stands there.
    """
    return is_left(node) and is_written(node)


def is_written(node: exp.Join) -> bool:
    """Return True where ON stands behind the join, be it ON TRUE."""
    on = node.args.get("on")
    return on is not None and not on.meta.get(IMPLIED)


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
        try:
            refuse_correlation(right, streaming=left.is_streaming, is_scalar=False)
        except StreamError as error:
            if left.is_streaming or error.condition is not None:
                raise


def without_from(node: exp.Join, left: Relation, right: Relation) -> Relation | None:
    """Return the row with what a query without FROM computes of it; None for a query that has one.

    None too for LEFT JOIN of one that may give no row.

    Raises:
        StreamError: ON stands behind it, over a stream.
    """
    if not _is_alone(right.plan):
        return None
    if is_written(node) and left.plan.is_streaming:
        raise unplanned("ON may not stand behind a lateral query without FROM")
    if keeps_empty(node) and any(isinstance(each, Generate) for each in walk(right.plan)):
        return None
    return Relation(_onto(right.plan, left.plan), (*left.visible, *right.visible))


def refuse_outer(node: exp.Join, left: Plan) -> None:
    """Raise for a function that gives rows behind LATERAL with ON, over a stream, where Spark fails when it runs.

    Raises:
        StreamError: UNSUPPORTED_STREAMING_OPERATOR_WITHOUT_WATERMARK.
    """
    if left.is_streaming and is_written(node):
        error = unplanned("Over a stream, LATERAL of a function stands without ON")
        error.hint = "Write LATERAL VIEW OUTER to keep rows without elements, and conditions in WHERE."
        raise error


def where_true(node: exp.Join, made: Relation, left: Relation, condition: Expression, ids: ColumnIds) -> Relation:
    """Return what a lateral function or a query without FROM made of the row, by the condition behind ON."""
    if not is_left(node):
        return replace(made, plan=Filter(made.plan, condition))
    before = frozenset(column.id for column in left.plan.columns)
    kept = tuple(Alias(column, column) for column in left.plan.columns)
    new = {c.id: ids.column(c.type, c.name) for c in made.plan.columns if c.id not in before}
    old = {column.id: column for column in made.plan.columns}
    tested = tuple(Alias(Case(column.type, ((condition, old[id_]),), None), column) for id_, column in new.items())
    visible = tuple(replace(item, column=new.get(item.column.id, item.column)) for item in made.visible)
    return Relation(Project(made.plan, (*kept, *tested)), visible)


def with_conditions(join: Join, left: Relation, right: Relation) -> Relation:
    """Return the join by ON and by what the query's WHERE says of the row before it.

    Raises:
        StreamError: SQL_UNSUPPORTED, the query reads that row elsewhere, and it is one of a stream.
    """
    apart = pulled(right.plan)
    if apart is None and not left.plan.is_streaming:
        return Relation(replace(join, right=right.plan, lateral=True), (*left.visible, *right.visible))
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
