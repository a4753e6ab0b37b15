"""Room 3: a query as a value: (SELECT ...), EXISTS (SELECT ...) and IN (SELECT ...).

Takes tree nodes and the binding of the clause around; gives expressions that hold the plan. IN as a value is never
NULL: IN is true for a row that equals, NOT IN for none that equals or may, as Spark runs them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call, is_generator
from headrace.plan.bind.nested.correlation import category, outer_columns, refuse_correlation
from headrace.plan.conditions import both
from headrace.plan.expressions import Call, Column, Existence, Expression, Literal, ScalarSubquery, walk
from headrace.plan.nodes import Filter, Limit, Plan, Project, Sort, Values
from headrace.plan.text import format_plan
from headrace.plan.transform import rewrite_plan, substitute_columns
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN


def scalar_subquery(binding: Binding, node: exp.Expr) -> Bound:
    """Return (SELECT ...) as a value.

    Raises:
        StreamError: it gives several columns, reads a stream, or the row around it where it may not.
    """
    plan = _bound(binding, node)
    columns = plan.columns
    if len(columns) != 1:
        message = f"A scalar subquery returns one column; this one returns {len(columns)}."
        condition = "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    outer = outer_columns(plan)
    shown = f"scalarsubquery({', '.join(column.name for column in outer)})"
    alone = _single_value(plan) if outer else None
    if alone is not None:
        return Bound(alone, shown)
    refuse_correlation(plan, streaming=binding.scope.relation.plan.is_streaming, is_scalar=True)
    ids = tuple(column.id for column in outer)
    return Bound(ScalarSubquery(columns[0].type, plan, _identity(plan, outer), outer, ids), shown)


def exists(binding: Binding, node: exp.Exists) -> Bound:
    """Return EXISTS (SELECT ...) as a value.

    Raises:
        StreamError: as for `scalar_subquery`.
    """
    plan = without_limit(_bound(binding, node.this))
    refuse_correlation(plan, streaming=binding.scope.relation.plan.is_streaming, is_scalar=False)
    outer = outer_columns(plan)
    ids = tuple(column.id for column in outer)
    shown = f"exists({', '.join(column.name for column in outer)})"
    return Bound(Existence(BOOLEAN, plan, _identity(plan, outer), outer, ids), shown)


def without_limit(plan: Plan) -> Plan:
    """Return the plan of a query that is only asked whether it has rows."""
    while isinstance(plan, Sort) or (isinstance(plan, Limit) and plan.count > 0):
        plan = plan.child
    return plan


def in_subquery(binding: Binding, node: exp.In) -> Bound:
    """Return IN (SELECT ...) as a value.

    Raises:
        StreamError: as for `scalar_subquery`, and DATATYPE_MISMATCH.… of what is compared.
    """
    plan = _bound(binding, node.args["query"])
    refuse_correlation(plan, streaming=binding.scope.relation.plan.is_streaming, is_scalar=False)
    tested = [binding.bind(item) for item in tested_nodes(node, plan.columns)]
    ids = binding.session.ids
    stand_ins = [ids.column(item.expression.type, f"tested{place}") for place, item in enumerate(tested)]
    pairs = zip(tested, stand_ins, plan.columns, strict=True)
    equal = [equal_to(replace(item, expression=column), other, binding) for item, column, other in pairs]
    outer = outer_columns(plan)
    whole: Plan = Filter(plan, functools.reduce(both, equal))
    parameters = (*outer, *stand_ins)
    values = (*outer, *(item.expression for item in tested))
    shown = ", ".join(item.text for item in tested)
    shown = f"(({shown}) IN (listquery()))" if len(tested) > 1 else f"({shown} IN (listquery()))"
    found = Existence(BOOLEAN, whole, _identity(whole, parameters), values, tuple(c.id for c in parameters), is_in=True)
    return Bound(found, shown)


def tested_nodes(node: exp.In, columns: Sequence[Column]) -> list[exp.Expr]:
    """Return what stands before IN, one a column of the query.

    Raises:
        StreamError: DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH.
    """
    left = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this.unnest()]
    if len(left) != len(columns):
        message = f"IN compares {len(left)} values with a query of {len(columns)} columns."
        name = "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=name, at=position_of(node))
    return left


def equal_to(tested: Bound, column: Column, binding: Binding) -> Expression:
    """Return the comparison of a value with a column of the query behind IN.

    Raises:
        StreamError: DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH.
    """
    try:
        return call("equal", [tested.expression, column], ansi=binding.ansi)
    except StreamError as error:
        if (error.condition or "").startswith("DATATYPE_MISMATCH."):
            error.condition = "DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH"
        raise


def or_unknown(condition: Expression) -> Expression:
    """Return the condition as NOT IN asks it, where what is NULL counts as equal.

    Source: Spark RewritePredicateSubquery.
    """
    return Call(BOOLEAN, "or", (condition, Call(BOOLEAN, "is_null", (condition,))))


def negated(expression: Expression) -> Expression | None:
    """Return NOT of IN (SELECT ...), also through AND and OR; None for any other expression.

    Deeper than that it stands as it is written. Source: BooleanSimplification, before RewritePredicateSubquery.

    Raises:
        StreamError: IN is compared with = below.
    """
    if not _has_in(expression):
        return None
    match expression:
        case Existence():
            assert isinstance(expression.plan, Filter)  # what IN is bound to
            unknown = replace(expression.plan, condition=or_unknown(expression.plan.condition))
            return Call(BOOLEAN, "not", (replace(expression, plan=unknown, text=f"{_NOT_IN}{expression.text}"),))
        case Call(function="not", args=(Existence() as tested,)) if tested.text.startswith(_NOT_IN):
            plain = replace(tested.plan, condition=tested.plan.condition.args[0])
            return replace(tested, plan=plain, text=tested.text.removeprefix(_NOT_IN))
        case Call(function="and" | "or" as function, args=args):
            other = "or" if function == "and" else "and"
            return Call(BOOLEAN, other, tuple(negated(arg) or Call(BOOLEAN, "not", (arg,)) for arg in args))
        case Call(function="equal" | "not_equal"):
            raise _compared()
    return None


def refuse_compared(operands: Sequence[Bound]) -> None:
    """Raise for a comparison of IN (SELECT ...) with a constant, which Spark turns into IN or NOT IN at times.

    Raises:
        StreamError: SQL_UNSUPPORTED.
    """
    expressions = [operand.expression for operand in operands]
    if any(isinstance(each, Literal) for each in expressions) and any(_has_in(each) for each in expressions):
        raise _compared()


def refuse_correlated_value(expression: Expression, node: exp.Expr) -> None:
    """Raise for a value of a query that reads the row, where no filter and no projection stands.

    Raises:
        StreamError: UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.UNSUPPORTED_CORRELATED_SCALAR_SUBQUERY.
    """
    if any(isinstance(part, ScalarSubquery) and part.outer for part in walk(expression)):
        message = "A query that reads the row around it may give a value in SELECT, WHERE, HAVING and GROUP BY only."
        error = category("UNSUPPORTED_CORRELATED_SCALAR_SUBQUERY", message)
        error.at = position_of(node)
        raise error


def refuse_asking(expression: Expression, node: exp.Expr) -> None:
    """Raise for queries that ORDER BY and generators do not take: what asks a table for the row.

    Raises:
        StreamError: UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.….
    """
    refuse_correlated_value(expression, node)
    if any(isinstance(part, Existence) for part in walk(expression)):
        message = "IN (SELECT ...) and EXISTS may stand in SELECT, WHERE, HAVING, ON and GROUP BY only."
        error = category("UNSUPPORTED_IN_EXISTS_SUBQUERY", message)
        error.at = position_of(node)
        raise error


def _compared() -> StreamError:
    message = "IN (SELECT ...) is not compared with = and <>."
    return StreamError("SQL_UNSUPPORTED", message, hint="Write IN or NOT IN as a condition of its own.")


_NOT_IN = "not in "


def _has_in(expression: Expression) -> bool:
    return any(isinstance(part, Existence) and part.is_in for part in walk(expression))


def _bound(binding: Binding, node: exp.Expr) -> Plan:
    if binding.scope.parameters:
        raise category("HIGHER_ORDER_FUNCTION", "A lambda may not hold a query.")
    tree = node.this if isinstance(node, exp.Subquery) else node
    plan = binding.session.bind_query(tree, binding.session, binding.scope).plan
    refuse_stream(plan)
    return plan


def refuse_stream(plan: Plan) -> None:
    """Raise when a query inside an expression reads a stream.

    Raises:
        StreamError: INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY.
    """
    if plan.is_streaming:
        message = "A query inside an expression may not read a stream."
        hint = "Join the stream instead, for example with LEFT SEMI JOIN."
        condition = "INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)


def _single_value(plan: Plan) -> Expression | None:
    """Return the value of a SELECT without FROM, which needs no query. Source: OptimizeOneRowRelationSubquery."""
    if not isinstance(plan, Project) or not isinstance(plan.child, Values) or plan.child.rows != ((),):
        return None
    value = plan.items[0].child
    return None if any(is_generator(part) for part in walk(value)) else value


def _identity(plan: Plan, parameters: Sequence[Column]) -> str:
    """Return a text that two plans share only when they ask the same of the same values."""
    places: dict[int, Expression] = {c.id: Column(c.type, c.id, f"outer{i}") for i, c in enumerate(parameters)}
    return format_plan(rewrite_plan(plan, lambda node: substitute_columns(node, places)), types=True)
