"""Room 3: a function by its name, with what stands around it: DISTINCT, WITHIN GROUP, IGNORE NULLS and FILTER.

Takes a tree node and the binding of its clause; gives a scalar call, an aggregate's, a cast or the call of a function
of the pipeline's author.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import (
    Modifiers,
    aggregate,
    call,
    check_arity,
    is_aggregate,
    is_function,
    is_generator,
    user_call,
)
from headrace.plan.bind.expression import leaves, operators
from headrace.plan.bind.expression.function.arguments import (
    bind_arguments,
    expanded,
    named_struct,
    refuse_star_of_relation,
)
from headrace.plan.bind.expression.function.named import positional
from headrace.plan.bind.expression.function.over import nulls_first
from headrace.plan.bind.expression.function.written import Ordering, Written
from headrace.plan.bind.refused.exact import refuse_arguments
from headrace.plan.bind.refused.mistaken import (
    IN_AGGREGATE,
    IN_FILTER,
    function_mistake,
    misplaced_aggregate,
    refuse_in_aggregate,
)
from headrace.plan.bind.time_window import NAMES
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Call, Cast, Literal
from headrace.sql.parse import position_of
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import BIGINT, BOOLEAN, INT, TINYINT, DataType

_GROUPING: Mapping[str, DataType] = MappingProxyType({"grouping": TINYINT, "grouping_id": BIGINT})


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a function: f(DISTINCT x) WITHIN GROUP (ORDER BY ...) IGNORE NULLS FILTER (WHERE ...)."""

    distinct: bool = False
    ignore_nulls: bool = False
    where: exp.Expr | None = None
    order: tuple[exp.Expr, ...] = ()

    def condition(self, binding: Binding) -> Bound | None:
        """Return the FILTER condition, None where there is none."""
        if self.where is None:
            return None
        bound = binding.bind(self.where)
        if bound.expression.type != BOOLEAN:
            message = f'The FILTER expression "{bound.text}" is {bound.expression.type.sql()}, and must be BOOLEAN.'
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_AGGREGATE_FILTER.NOT_BOOLEAN")
        return replace(bound, expression=cast_to(bound.expression, BOOLEAN))


_NOTHING = _Around()


def bind_invocation(binding: Binding, node: exp.Expr) -> Bound:
    """Return a function with what stands around it, read from the outside in.

    Raises:
        StreamError: as `bind_function`.
    """
    around = _NOTHING
    while isinstance(node, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        if isinstance(node, exp.Filter):
            around = replace(around, where=node.expression.this)
        elif isinstance(node, exp.WithinGroup):
            around = replace(around, order=tuple(node.expression.expressions))
        elif isinstance(node, exp.IgnoreNulls):
            around = replace(around, ignore_nulls=True)
        node = node.this
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()  # type: ignore[attr-defined]
    args = list(node.expressions) if isinstance(node, exp.Anonymous) else arguments(node)
    if len(args) == 1 and isinstance(args[0], exp.Distinct):
        args, around = list(args[0].expressions), replace(around, distinct=True)
    return bind_function(binding, name, node, args, around)


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """Return the arguments of a parsed function in the order of its class."""
    found: list[exp.Expr] = []
    for name in node.arg_types:
        value = node.args.get(name)
        found.extend(value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else [])
    return found


def bind_function(
    binding: Binding, name: str, node: exp.Expr, args: list[exp.Expr], around: _Around = _NOTHING
) -> Bound:
    """Return the call of a function by its lower-case name.

    Raises:
        StreamError: there is no such function, it does not take such arguments, or not what stands around it.
    """
    args = _written_out(binding, name, args)
    if name in NAMES and not is_function(name):
        return binding.windows.call(name, [binding.bind(arg) for arg in args])
    if name in _GROUPING:
        return _grouping(binding, name, args)
    if is_aggregate(name) and not (is_function(name) and binding.inside is None):
        return _aggregate(binding, name, args, around).placed(position_of(node))
    if around != _NOTHING:
        message = f"`{name}` is no aggregate function; DISTINCT, FILTER and IGNORE NULLS belong to those."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX")
    canonical = name if is_function(name) else operators.SYNONYMS.get(name, name)
    if canonical != name and is_aggregate(canonical):
        return _aggregate(binding, canonical, args, around).placed(position_of(node))
    user = binding.session.catalog.function(name)
    if user is not None:
        return _user_call(binding, user, args)
    return _scalar(binding, name, canonical, node, args)


def _written_out(binding: Binding, name: str, args: list[exp.Expr]) -> list[exp.Expr]:
    """Return the arguments in the order of the parameters, with ``*`` put as the columns it stands for."""
    args = positional(name, args)
    if name == "count":
        refuse_star_of_relation(args)
        return args
    scope = binding.inside if is_aggregate(name) and binding.inside else binding.scope
    return list(expanded(args, scope))


def _scalar(binding: Binding, name: str, canonical: str, node: exp.Expr, args: list[exp.Expr]) -> Bound:
    bound = bind_arguments(binding, canonical, args)
    refuse_arguments(canonical, bound, ansi=binding.ansi)
    text = f"{name}({', '.join(arg.text for arg in bound)})"
    if name in leaves.CAST_FUNCTIONS and not is_function(name):
        check_arity(name, (1, 1), len(bound))
        kind = leaves.CAST_FUNCTIONS[name]
        leaves.check_cast(bound[0], kind, binding.session.catalog.settings, try_=False)
        return Bound(Cast(kind, bound[0].expression), text)
    if canonical == "cast":
        message = f"The `cast` requires 0 parameters but the actual number is {len(bound)}."
        hint = "Write CAST(value AS type)."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="WRONG_NUM_ARGS.WITHOUT_SUGGESTION")
    if canonical == "struct":
        return Bound(named_struct(bound, ansi=binding.ansi), text)
    shown = node.this if isinstance(node, exp.Anonymous) and isinstance(node.this, str) else name
    try:
        made = call(canonical, [arg.expression for arg in bound], shown, ansi=binding.ansi)
    except StreamError as error:
        raise function_mistake(error, canonical) from error.__cause__
    return Bound(made, text)


def _grouping(binding: Binding, name: str, args: list[exp.Expr]) -> Bound:
    bound = [binding.bind(arg) for arg in args]
    if name == "grouping":
        check_arity(name, (1, 1), len(bound))
    made = Call(_GROUPING[name], name, tuple(arg.expression for arg in bound))
    return Bound(made, f"{name}({', '.join(arg.text for arg in bound)})")


def _user_call(binding: Binding, function: UserFunction, args: list[exp.Expr]) -> Bound:
    bound = [binding.bind(arg) for arg in args]
    text = f"{function.name}({', '.join(arg.text for arg in bound)})"
    return Bound(user_call(function, bound, text, binding.session.catalog.settings), text)


def _aggregate(binding: Binding, name: str, args: list[exp.Expr], around: _Around) -> Bound:
    if binding.inside is None:
        raise misplaced_aggregate(name, binding.refusing)
    inner = replace(binding, scope=binding.inside, inside=binding.beneath, beneath=None, refusing=IN_AGGREGATE)
    bound = _aggregated(inner, name, args, around)
    orderings = [Ordering(inner.bind(o.this), bool(o.args.get("desc")), nulls_first(o)) for o in around.order]
    written = Written(name, bound, orderings, distinct=around.distinct)
    condition, text = around.condition(replace(inner, refusing=IN_FILTER)), written.text
    called, values = written.call
    typed = None if condition is None else condition.expression
    modifiers = Modifiers(around.distinct, around.ignore_nulls, typed)
    made = aggregate(called, values, modifiers, ansi=binding.ansi)
    if condition is not None:
        text += f" FILTER (WHERE {condition.text})"
    return Bound(made, text)


def _aggregated(inner: Binding, name: str, args: list[exp.Expr], around: _Around) -> list[Bound]:
    """Return what an aggregate is of, bound over the rows of a group."""
    stars = [isinstance(arg, exp.Star) for arg in args]
    if around.distinct and any(stars):
        message = f"{name}(DISTINCT *) is not done."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Name the columns instead of *.")
    streaming = inner.scope.relation.plan.is_streaming
    refuse_in_aggregate(name, args, ignore_nulls=around.ignore_nulls, streaming=streaming)
    bound = [Bound(Literal(INT, 1), "1") if star else inner.bind(arg) for star, arg in zip(stars, args, strict=True)]
    if any(is_generator(item.expression) for item in bound):
        message = f"A function that gives rows may not stand inside {name}."
        raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS")
    return bound
