"""Room 3: arguments of functions, lambdas among them: their parameters' types come from the other arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call
from headrace.plan.bind.scope import Scope
from headrace.plan.constant import argument_of
from headrace.plan.expressions import Call, Expression, Lambda, Literal
from headrace.sql.functions import FUNCTIONS
from headrace.types import STRING, DataType


def bind_arguments(binding: Binding, name: str, args: list[exp.Expr]) -> list[Bound]:
    """Return the bound arguments in order.

    Raises:
        StreamError: what an argument raises, or a lambda where the function takes none.
    """
    bound: list[Bound | None] = [None if isinstance(arg, exp.Lambda) else binding.bind(arg) for arg in args]
    plain = [argument_of(item.expression, ansi=binding.ansi) for item in bound if item is not None]
    for place, arg in enumerate(args):
        if isinstance(arg, exp.Lambda):
            parameters = arg.expressions
            function = FUNCTIONS.get(name)
            if function is None or function.lambda_types is None:
                message = f"{name} takes no lambda."
                condition = "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION"
                raise StreamError("SQL_ANALYSIS", message, condition=condition)
            if place == 0:
                message = f"{name} takes its lambda behind the values."
                condition = "INVALID_LAMBDA_FUNCTION_CALL.PARAMETER_DOES_NOT_ACCEPT_LAMBDA_FUNCTION"
                raise StreamError("SQL_ANALYSIS", message, condition=condition)
            kinds = function.lambda_types(plain, place)
            bound[place] = _bind_lambda(binding, arg, kinds[: len(parameters)])
    return [item for item in bound if item is not None]


def refuse_star_of_relation(args: list[exp.Expr]) -> None:
    """Raise for ``count(t.*)`` with nothing beside it.

    Raises:
        StreamError: INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT.
    """
    if len(args) == 1 and isinstance(args[0], exp.Column) and isinstance(args[0].this, exp.Star):
        condition = "INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT"
        message = f"count({args[0].table}.*) is not allowed."
        raise StreamError("SQL_ANALYSIS", message, hint="Write count(*), or the columns.", condition=condition)


def expanded(args: list[exp.Expr], scope: Scope) -> Iterator[exp.Expr]:
    """Yield the arguments with ``*`` and ``t.*`` put as the columns they stand for."""
    for arg in args:
        if isinstance(arg, exp.Star) and not arg.args.get("except_"):
            for item in scope.relation.visible:
                if not item.hidden:
                    yield exp.column(item.column.name, table=item.qualifier or None, quoted=True)
        elif isinstance(arg, exp.Column) and isinstance(arg.this, exp.Star):
            for item in scope.relation.visible:
                if item.qualifier.lower() == arg.table.lower():
                    yield exp.column(item.column.name, table=item.qualifier, quoted=True)
        else:
            yield arg


def named_struct(bound: list[Bound], *, ansi: bool) -> Call:
    """Return struct(...) with the names Spark gives its fields: of a column, a field or an alias, or col1, col2."""
    args: list[Expression] = []
    for place, item in enumerate(bound, start=1):
        args += [Literal(STRING, item.name or f"col{place}"), item.expression]
    return call("named_struct", args, ansi=ansi)


def _bind_lambda(binding: Binding, node: exp.Lambda, kinds: tuple[DataType, ...]) -> Bound:
    names = [parameter.name for parameter in node.expressions]
    if len({name.lower() for name in names}) < len(names):
        message = "The parameters of a lambda have different names."
        condition = "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    if len(kinds) != len(names):
        message = f"A lambda with {len(names)} parameters stands where one with {len(kinds)} is expected."
        condition = "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    if node.this.find(exp.Query) is not None:
        message = "A query may not stand inside a lambda."
        hint = "Join the table, and use its column in the lambda."
        condition = "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.HIGHER_ORDER_FUNCTION"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)
    ids = binding.session.ids
    parameters = tuple(ids.column(kind, name) for kind, name in zip(kinds, names, strict=True))
    scope = replace(binding.scope, parameters=(*binding.scope.parameters, *parameters))
    body = replace(binding, scope=scope).bind(node.this)
    shown = ", ".join([body.text, *("namedlambdavariable()" for _ in names)])
    return Bound(Lambda(body.expression.type, parameters, body.expression), f"lambdafunction({shown})")
