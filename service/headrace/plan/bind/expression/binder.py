"""Room 3: binds one expression tree against a scope.

Takes sqlglot nodes, gives typed expressions beside Spark's text of them. What an operator or a function means the SQL
room's tables say; what a query inside an expression means `Session.bind_query` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.aggregate.written import Ordering, Written
from headrace.plan.bind.expression import leaves, operators, predicates
from headrace.plan.bind.expression.bound import Bound
from headrace.plan.bind.expression.call import (
    Modifiers,
    aggregate,
    call,
    check_arity,
    is_aggregate,
    is_function,
    is_generator,
    unresolved_routine,
    user_call,
)
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.expression.lambdas import bind_arguments, expanded, named_struct
from headrace.plan.bind.expression.over import bind_over, nulls_first
from headrace.plan.bind.expression.time_window import NAMES, TimeWindows
from headrace.plan.bind.named import positional
from headrace.plan.bind.nested import subqueries
from headrace.plan.bind.refused.exact import refuse_arguments
from headrace.plan.bind.refused.mistaken import (
    IN_AGGREGATE,
    IN_FILTER,
    IN_WHERE,
    function_mistake,
    misplaced_aggregate,
    operator_mistake,
    refuse_in_aggregate,
)
from headrace.plan.bind.refused.typed import check_typed
from headrace.plan.bind.scope import Scope, field_of, named_element
from headrace.plan.bind.session import Session
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Call, Cast, Literal
from headrace.sql.grammar.variant_path import VariantField
from headrace.sql.parse import position_of
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import BIGINT, BOOLEAN, INT, TINYINT, ArrayType, DataType, MapType

_GROUPING: Mapping[str, DataType] = MappingProxyType({"grouping": TINYINT, "grouping_id": BIGINT})


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds expressions of one clause; `inside` is the scope of an aggregate's arguments, None where none may stand."""

    session: Session
    scope: Scope
    windows: TimeWindows
    inside: Scope | None = None
    refusing: str = IN_WHERE  # the condition of an aggregate where none may stand
    beneath: Scope | None = None  # `inside` of an aggregate's arguments: before OVER there may be aggregates in them

    def bind(self, node: exp.Expr) -> Bound:
        """Return the typed expression.

        Raises:
            StreamError: the first thing that does not resolve, with its place in the SQL.
        """
        rule = _RULES.get(type(node))
        try:
            refuse_unread(node)
            if rule is not None:
                return rule(self, node)
            if isinstance(node, exp.Func):
                return self.function(node.sql_name().lower(), node, _arguments(node))
            message = f"headrace does not know this SQL: {node.sql(dialect='spark')}."
            raise StreamError("SQL_UNSUPPORTED", message)
        except StreamError as error:
            if error.at is None:
                error.at = position_of(node)
            raise

    @property
    def ansi(self) -> bool:
        """The session's ANSI mode."""
        return self.session.catalog.settings.ansi

    def operator(self, function: str, shown: str, *operands: Bound) -> Bound:
        """Return the call that an operator is, with Spark's text of it."""
        try:
            made = call(function, [operand.expression for operand in operands], ansi=self.ansi)
        except StreamError as error:
            raise operator_mistake(error, function, shown, operands) from error.__cause__
        return Bound(made, shown)

    def with_parameters(self, scope: Scope) -> Binder:
        """Return the binder for the body of a lambda."""
        return replace(self, scope=scope)

    def function(self, name: str, node: exp.Expr, args: list[exp.Expr], modifiers: _Around | None = None) -> Bound:
        """Return the call of a function by its lower-case name."""
        around = modifiers or _Around()
        args = positional(name, args)
        args = (
            args
            if name == "count"
            else list(expanded(args, self.inside if is_aggregate(name) and self.inside else self.scope))
        )
        if name in NAMES and not is_function(name):
            return self.windows.call(name, [self.bind(arg) for arg in args])
        if name in _GROUPING:
            return _grouping(self, name, args)
        if is_aggregate(name) and not (is_function(name) and self.inside is None):
            return self._aggregate(name, args, around).placed(position_of(node))
        if around.given:
            message = f"`{name}` is no aggregate function; DISTINCT, FILTER and IGNORE NULLS belong to those."
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX")
        canonical = name if is_function(name) else operators.SYNONYMS.get(name, name)
        if canonical != name and is_aggregate(canonical):
            return self._aggregate(canonical, args, around).placed(position_of(node))
        user = self.session.catalog.function(name)
        if user is not None:
            return self._user_call(user, args)
        bound = bind_arguments(self, canonical, args)
        refuse_arguments(canonical, bound, ansi=self.ansi)
        text = f"{name}({', '.join(arg.text for arg in bound)})"
        if name in leaves.CAST_FUNCTIONS and not is_function(name):
            check_arity(name, (1, 1), len(bound))
            kind = leaves.CAST_FUNCTIONS[name]
            leaves.check_cast(bound[0], kind, self.session.catalog.settings, try_=False)
            return Bound(Cast(kind, bound[0].expression), text)
        if canonical == "struct":
            return Bound(named_struct(bound, ansi=self.ansi), text)
        try:
            made = call(canonical, [arg.expression for arg in bound], _written(node, name), ansi=self.ansi)
        except StreamError as error:
            raise function_mistake(error, canonical) from error.__cause__
        return Bound(made, text)

    def _user_call(self, function: UserFunction, args: list[exp.Expr]) -> Bound:
        bound = [self.bind(arg) for arg in args]
        text = f"{function.name}({', '.join(arg.text for arg in bound)})"
        return Bound(user_call(function, bound, text, self.session.catalog.settings), text)

    def _aggregate(self, name: str, args: list[exp.Expr], around: _Around) -> Bound:
        if self.inside is None:
            raise misplaced_aggregate(name, self.refusing)
        binder = replace(self, scope=self.inside, inside=self.beneath, beneath=None, refusing=IN_AGGREGATE)
        stars = [isinstance(arg, exp.Star) for arg in args]
        if around.distinct and any(stars):
            message = f"{name}(DISTINCT *) is not done."
            raise StreamError("SQL_UNSUPPORTED", message, hint="Name the columns instead of *.")
        streaming = self.inside.relation.plan.is_streaming
        refuse_in_aggregate(name, args, ignore_nulls=around.ignore_nulls, streaming=streaming)
        bound = [
            Bound(Literal(INT, 1), "1") if star else binder.bind(arg) for star, arg in zip(stars, args, strict=True)
        ]
        if any(is_generator(item.expression) for item in bound):
            message = f"A function that gives rows may not stand inside {name}."
            raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS")
        orderings = [Ordering(binder.bind(o.this), bool(o.args.get("desc")), nulls_first(o)) for o in around.order]
        written = Written(name, bound, orderings, distinct=around.distinct)
        condition, text = around.condition(replace(binder, refusing=IN_FILTER)), written.text
        called, values = written.call
        typed = None if condition is None else condition.expression
        modifiers = Modifiers(around.distinct, around.ignore_nulls, typed)
        made = aggregate(called, values, modifiers, ansi=self.ansi)
        if condition is not None:
            text += f" FILTER (WHERE {condition.text})"
        return Bound(made, text)


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a function: f(DISTINCT x) WITHIN GROUP (ORDER BY ...) IGNORE NULLS FILTER (WHERE ...)."""

    distinct: bool = False
    ignore_nulls: bool = False
    where: exp.Expr | None = None
    order: tuple[exp.Expr, ...] = ()

    @property
    def given(self) -> bool:
        """True when anything stands there."""
        return self != _Around()

    def condition(self, binder: Binder) -> Bound | None:
        """Return the FILTER condition, None where there is none."""
        if self.where is None:
            return None
        bound = binder.bind(self.where)
        if bound.expression.type != BOOLEAN:
            message = f'The FILTER expression "{bound.text}" is {bound.expression.type.sql()}, and must be BOOLEAN.'
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_AGGREGATE_FILTER.NOT_BOOLEAN")
        return replace(bound, expression=cast_to(bound.expression, BOOLEAN))


def _grouping(binder: Binder, name: str, args: list[exp.Expr]) -> Bound:
    bound = [binder.bind(arg) for arg in args]
    if name == "grouping":
        check_arity(name, (1, 1), len(bound))
    made = Call(_GROUPING[name], name, tuple(arg.expression for arg in bound))
    return Bound(made, f"{name}({', '.join(arg.text for arg in bound)})")


def _arguments(node: exp.Func) -> list[exp.Expr]:
    """Return the arguments of a parsed function in the order of its class."""
    found: list[exp.Expr] = []
    for name in node.arg_types:
        value = node.args.get(name)
        found.extend(value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else [])
    return found


def _written(node: exp.Expr, name: str) -> str:
    return node.this if isinstance(node, exp.Anonymous) and isinstance(node.this, str) else name


def _anonymous(binder: Binder, node: exp.Expr) -> Bound:
    return _called(binder, node, _Around())


def _called(binder: Binder, node: exp.Expr, around: _Around) -> Bound:
    """Bind a function with what stands around it, from the outside in."""
    while isinstance(node, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        if isinstance(node, exp.Filter):
            around = replace(around, where=node.expression.this)
        elif isinstance(node, exp.WithinGroup):
            around = replace(around, order=tuple(node.expression.expressions))
        elif isinstance(node, exp.IgnoreNulls):
            around = replace(around, ignore_nulls=True)
        node = node.this
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()  # type: ignore[attr-defined]
    args = list(node.expressions) if isinstance(node, exp.Anonymous) else _arguments(node)  # type: ignore[arg-type]
    if len(args) == 1 and isinstance(args[0], exp.Distinct):
        args, around = list(args[0].expressions), replace(around, distinct=True)
    return binder.function(name, node, args, around)


def _binary(binder: Binder, node: exp.Expr) -> Bound:
    function, text = operators.BINARY[type(node)]
    left, right = binder.bind(node.left), binder.bind(node.right)  # type: ignore[attr-defined]
    shown = text.format(left.text, right.text)
    if function in ("equal", "not_equal"):
        subqueries.refuse_compared((left, right))
    return binder.operator(function, shown, left, right)


def _unary(binder: Binder, node: exp.Expr) -> Bound:
    function, text = operators.UNARY[type(node)]
    if function == "negative" and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return leaves.bind_number(f"-{node.this.this}")
    child = binder.bind(node.this)
    if function == "not" and child.text.startswith("(") and child.text.endswith(" IS NULL)"):
        shown = f"{child.text[:-9]} IS NOT NULL)"
        return binder.operator("is_not_null", shown, Bound(child.expression.args[0], ""))  # type: ignore[attr-defined]
    if function == "not" and (made := subqueries.negated(child.expression)) is not None:
        return Bound(made, text.format(child.text))
    return binder.operator(function, text.format(child.text), child)


def _paren(binder: Binder, node: exp.Expr) -> Bound:
    return binder.bind(node.this)


def _column(binder: Binder, node: exp.Expr) -> Bound:
    parts = [part.name for part in node.parts]  # type: ignore[attr-defined]
    return binder.scope.resolve(parts)


def _dot(binder: Binder, node: exp.Expr) -> Bound:
    parts: list[str] = []
    inner: Any = node
    while isinstance(inner, exp.Dot):
        if isinstance(inner.expression, exp.Anonymous):
            raise unresolved_routine(f"{inner.this.sql()}.{inner.expression.name}")
        parts.insert(0, inner.expression.name)
        inner = inner.this
    if isinstance(inner, exp.Column):
        return binder.scope.resolve([*(part.name for part in inner.parts), *parts])
    if isinstance(inner, exp.Identifier):
        return binder.scope.resolve([inner.name, *parts])
    bound = binder.bind(inner)
    for part in parts:
        bound = field_of(bound, part, binder.session.ids)
    return bound


def _bracket(binder: Binder, node: exp.Expr) -> Bound:
    bound = binder.bind(node.this)
    for key in node.expressions:
        index = binder.bind(key)
        named = named_element(bound, index, binder.session.ids)
        if named is None and not isinstance(bound.expression.type, ArrayType | MapType):
            message = f'Nothing can be taken out of "{bound.text}", which has the type {bound.expression.type.sql()}.'
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_EXTRACT_BASE_FIELD_TYPE")
        bound = named or binder.operator("get_item", f"{bound.text}[{index.text}]", bound, index)
    return bound


def _cast(binder: Binder, node: exp.Expr) -> Bound:
    child = binder.bind(node.this)
    kind = leaves.type_of(node.args["to"])
    try_ = isinstance(node, exp.TryCast)
    if isinstance(node.this, exp.Literal) and node.args["to"].this != exp.DType.USERDEFINED:
        check_typed(node.this.name, kind)
    leaves.check_cast(child, kind, binder.session.catalog.settings, try_=try_)
    text = f"{'TRY_CAST' if try_ else 'CAST'}({child.text} AS {kind.sql()})"
    return Bound(Cast(kind, child.expression, try_), text, child.name if isinstance(node.this, VariantField) else None)


def _case(binder: Binder, node: exp.Expr) -> Bound:
    subject = binder.bind(node.this) if node.this is not None else None
    branches: list[tuple[Bound, Bound]] = []
    for branch in node.args["ifs"]:
        condition = binder.bind(branch.this)
        if subject is not None:
            condition = binder.operator("equal", f"({subject.text} = {condition.text})", subject, condition)
        branches.append((condition, binder.bind(branch.args["true"])))
    default = node.args.get("default")
    otherwise = binder.bind(default) if default is not None else None
    return predicates.case(branches, otherwise, binder.session.catalog.settings)


def _like(binder: Binder, node: exp.Expr) -> Bound:
    return predicates.like(binder, node)


def _in(binder: Binder, node: exp.In) -> Bound:
    return predicates.bind_in(binder, node) if node.args.get("query") is None else subqueries.in_subquery(binder, node)


def _exists(binder: Binder, node: exp.Expr) -> Bound:
    if isinstance(node.this, exp.Query):
        return subqueries.exists(binder, node)  # type: ignore[arg-type]
    return binder.function("exists", node, _arguments(node))  # type: ignore[arg-type]


def _without_parentheses(binder: Binder, node: exp.Expr) -> Bound:
    return binder.function(operators.WITHOUT_PARENTHESES[type(node)], node, [])


def _star(_binder: Binder, node: exp.Expr) -> Bound:
    message = "* may only stand in SELECT and in count(*)."
    raise StreamError("SQL_ANALYSIS", message, condition="INVALID_USAGE_OF_STAR_OR_REGEX", at=position_of(node))


def _tuple(binder: Binder, node: exp.Expr) -> Bound:
    return binder.function("struct", node, list(node.expressions))


def _alias(binder: Binder, node: exp.Expr) -> Bound:
    return replace(binder.bind(node.this), name=node.alias)


def _leaf(_binder: Binder, node: exp.Expr) -> Bound:
    return leaves.bind_leaf(node)


_RULES: Mapping[type[exp.Expr], Callable[[Binder, Any], Bound]] = MappingProxyType(
    {
        **dict.fromkeys(operators.BINARY, _binary),
        **dict.fromkeys(operators.UNARY, _unary),
        **dict.fromkeys(operators.WITHOUT_PARENTHESES, _without_parentheses),
        **dict.fromkeys(leaves.LEAVES, _leaf),
        **dict.fromkeys((exp.Like, exp.ILike, exp.Escape), _like),
        **dict.fromkeys((exp.Cast, exp.TryCast), _cast),
        **dict.fromkeys((exp.Subquery, exp.Select, exp.Union), subqueries.scalar_subquery),
        **dict.fromkeys((exp.IgnoreNulls, exp.RespectNulls, exp.Filter, exp.WithinGroup, exp.Anonymous), _anonymous),
        exp.Alias: _alias,
        exp.Between: predicates.between,
        exp.Bracket: _bracket,
        exp.Case: _case,
        exp.Column: _column,
        exp.Dot: _dot,
        exp.Exists: _exists,
        exp.Extract: predicates.extract,
        exp.Identifier: lambda binder, node: binder.scope.resolve([node.name]),
        exp.In: _in,
        exp.Is: predicates.bind_is,
        exp.NullSafeNEQ: predicates.distinct_from,
        exp.Paren: _paren,
        exp.Star: _star,
        exp.Trim: predicates.trim,
        exp.Tuple: _tuple,
        exp.Window: bind_over,
        VariantField: predicates.variant_field,
    }
)
