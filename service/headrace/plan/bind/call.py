"""Room 3: from a function's name and bound arguments to a typed call, by the tables of the SQL room."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.constant import argument_of, cast_to
from headrace.plan.expressions import AggregateCall, Call, Expression, Lambda, UserCall
from headrace.sql.aggregates import AGGREGATES
from headrace.sql.aggregates.forms.distinct import distinct
from headrace.sql.coercion import can_implicitly_cast
from headrace.sql.function import How
from headrace.sql.functions import FUNCTIONS
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import NULL, DataType

RANKING = frozenset(
    {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "nth_value"}
)
"""Functions that stand before OVER only."""


def is_aggregate(name: str) -> bool:
    """Return True when the lower-case name is an aggregate function."""
    return name in AGGREGATES


def is_function(name: str) -> bool:
    """Return True when the lower-case name is a scalar or generator function."""
    return name in FUNCTIONS


def is_generator(expression: Expression) -> bool:
    """Return True for a call that gives rows."""
    function = FUNCTIONS.get(expression.function) if isinstance(expression, Call) else None
    return function is not None and function.generator


def call(name: str, args: Sequence[Expression], shown: str | None = None, *, ansi: bool = True) -> Call:
    """Return the call with its arguments cast to the types that the function takes.

    Args:
        name: Lower-case canonical name.
        args: Bound arguments; lambdas already typed.
        shown: The name as written, for messages.
        ansi: The session's ANSI mode, which types of strings beside numbers depend on.

    Raises:
        StreamError: UNRESOLVED_ROUTINE, WRONG_NUM_ARGS.WITHOUT_SUGGESTION, DATATYPE_MISMATCH.…, or SQL_UNSUPPORTED.
    """
    function = FUNCTIONS.get(name)
    if function is None:
        raise without_over(name) if name in RANKING else unresolved_routine(shown or name)
    if function.how is How.REFUSED:
        raise StreamError("SQL_UNSUPPORTED", f"The function {shown or name} is not supported: {function.why}")
    check_arity(shown or name, function.arity, len(args))
    if any(is_generator(arg) for arg in args):
        message = f"A function that gives rows may not stand inside an expression; seen inside {shown or name}."
        raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS")
    resolved = function.resolve([argument_of(arg, ansi=ansi) for arg in args])
    typed = tuple(_typed(arg, resolved.arguments[place]) for place, arg in enumerate(args))
    return Call(resolved.type, function.name, typed)


def user_call(function: UserFunction, args: Sequence[Bound], text: str, settings: SqlSettings) -> UserCall:
    """Return the call of a function of the pipeline's author, its arguments cast to the declared types.

    Raises:
        StreamError: WRONG_NUM_ARGS.WITHOUT_SUGGESTION, or DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE.
    """
    parameters = function.parameters.fields
    check_arity(function.name, (len(parameters), len(parameters)), len(args))
    for place, (arg, field) in enumerate(zip(args, parameters, strict=True), 1):
        given = arg.expression.type
        if given not in (field.type, NULL) and not can_implicitly_cast(given, field.type, settings):
            message = (
                f'Cannot resolve "{text}": parameter {place} ({field.name}) takes "{field.type.sql()}", however '
                f'"{arg.text}" has the type "{given.sql()}".'
            )
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE")
    typed = tuple(cast_to(arg.expression, field.type) for arg, field in zip(args, parameters, strict=True))
    return UserCall(function.returns, function.sql_name, typed)


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What may stand around an aggregate's arguments."""

    distinct: bool = False
    ignore_nulls: bool = False
    condition: Expression | None = None


def aggregate(name: str, args: Sequence[Expression], modifiers: Modifiers, *, ansi: bool) -> AggregateCall:
    """Return the aggregate call with its arguments cast.

    Raises:
        StreamError: as `call` raises.
    """
    function = AGGREGATES[name]
    if function.why:
        raise StreamError("SQL_UNSUPPORTED", f"The aggregate function {name} is not supported: {function.why}")
    if name == "count" and not args:
        message = "The `count` requires >= 1 parameters but the actual number is 0."
        raise StreamError("SQL_ANALYSIS", message, hint="Write count(*).", condition="WRONG_NUM_ARGS.WITH_SUGGESTION")
    check_arity(name, function.arity, len(args))
    arguments = [argument_of(arg, ansi=ansi) for arg in args]
    form = function.resolve(arguments, modifiers.ignore_nulls)
    if modifiers.distinct:
        form = distinct(form, arguments)
    typed = tuple(_typed(arg, form.arguments[place]) for place, arg in enumerate(args))
    return AggregateCall(
        form.type, function.name, typed, modifiers.condition, modifiers.distinct, modifiers.ignore_nulls
    )


def check_arity(name: str, arity: tuple[int, int | None], count: int) -> None:
    """Raise WRONG_NUM_ARGS.WITHOUT_SUGGESTION when the count is not allowed.

    Raises:
        StreamError: the count is below or above what the function takes.
    """
    least, most = arity
    if least <= count and (most is None or count <= most):
        return
    if most is None:
        allowed = f"> {least - 1}"
    elif least == most:
        allowed = str(least)
    else:
        allowed = f"[{', '.join(str(n) for n in range(least, most + 1))}]"
    message = f"The `{name}` requires {allowed} parameters but the actual number is {count}."
    raise StreamError("SQL_ANALYSIS", message, condition="WRONG_NUM_ARGS.WITHOUT_SUGGESTION")


def without_over(name: str) -> StreamError:
    """Return Spark's error for a function that only means something before OVER."""
    message = f"Window function {name}() requires an OVER clause."
    hint = f"Write {name}(...) OVER (ORDER BY ...)."
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition="WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE")


def unresolved_routine(name: str) -> StreamError:
    """Return Spark's error for a name that is no function, with the closest names."""
    if name.count(".") > 1:
        message = f"spark_catalog requires a single-part namespace, but got identifier `{name}`."
        return StreamError("SQL_ANALYSIS", message, condition="REQUIRES_SINGLE_PART_NAMESPACE")
    close = difflib.get_close_matches(name.lower(), [*FUNCTIONS, *AGGREGATES], n=3)
    hint = f"Did you mean {', '.join(close)}?" if close else "docs/compatibility.md says what there is."
    message = f"Cannot resolve routine `{name}`; it is no function of Spark SQL that headrace knows."
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition="UNRESOLVED_ROUTINE")


def _typed(arg: Expression, kind: DataType) -> Expression:
    if isinstance(arg, Lambda):
        body = cast_to(arg.body, kind)
        return arg if body is arg.body else Lambda(body.type, arg.parameters, body)
    return cast_to(arg, kind)
