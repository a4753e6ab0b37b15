"""Room 3: binds one expression tree against a scope.

Takes sqlglot nodes, gives typed expressions beside Spark's text of them. What an operator or a function means the SQL
room's tables say; what a query inside an expression means `Session.bind_query` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import unresolved_routine
from headrace.plan.bind.expression import leaves, operators, predicates
from headrace.plan.bind.expression.function.invocation import arguments, bind_function, bind_invocation
from headrace.plan.bind.expression.function.over import bind_over
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.nested import subqueries
from headrace.plan.bind.refused.typed import check_typed
from headrace.plan.bind.scope import field_of, named_element
from headrace.plan.constant import written_cast
from headrace.sql.grammar.variant_path import VariantField
from headrace.sql.parse import position_of
from headrace.types import ArrayType, MapType


@dataclass(frozen=True, slots=True)
class Binder(Binding):
    """The binding whose rules are those of this room: one for each class of the tree."""

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
                return bind_function(self, node.sql_name().lower(), node, arguments(node))
            message = f"headrace does not know this SQL: {node.sql(dialect='spark')}."
            raise StreamError("SQL_UNSUPPORTED", message)
        except StreamError as error:
            if error.at is None:
                error.at = position_of(node)
            raise


def _binary(binding: Binding, node: exp.Expr) -> Bound:
    function, text = operators.BINARY[type(node)]
    left, right = binding.bind(node.left), binding.bind(node.right)  # type: ignore[attr-defined]
    shown = text.format(left.text, right.text)
    if function in ("equal", "not_equal"):
        subqueries.refuse_compared((left, right))
    return binding.operator(function, shown, left, right)


def _unary(binding: Binding, node: exp.Expr) -> Bound:
    function, text = operators.UNARY[type(node)]
    if function == "negative" and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return leaves.bind_number(f"-{node.this.this}")
    child = binding.bind(node.this)
    if function == "not" and child.text.startswith("(") and child.text.endswith(" IS NULL)"):
        shown = f"{child.text[:-9]} IS NOT NULL)"
        return binding.operator("is_not_null", shown, Bound(child.expression.args[0], ""))  # type: ignore[attr-defined]
    if function == "not" and (made := subqueries.negated(child.expression)) is not None:
        return Bound(made, text.format(child.text))
    return binding.operator(function, text.format(child.text), child)


def _paren(binding: Binding, node: exp.Expr) -> Bound:
    return binding.bind(node.this)


def _column(binding: Binding, node: exp.Expr) -> Bound:
    parts = [part.name for part in node.parts]  # type: ignore[attr-defined]
    return binding.scope.resolve(parts)


def _dot(binding: Binding, node: exp.Expr) -> Bound:
    parts: list[str] = []
    inner: Any = node
    while isinstance(inner, exp.Dot):
        if isinstance(inner.expression, exp.Anonymous):
            where = inner.this.sql(dialect="spark").replace("`", "").lower()
            if node is inner and where in ("builtin", "system.builtin"):
                return bind_invocation(binding, inner.expression)
            raise unresolved_routine(f"{where}.{inner.expression.name}")
        parts.insert(0, inner.expression.name)
        inner = inner.this
    if isinstance(inner, exp.Column):
        return binding.scope.resolve([*(part.name for part in inner.parts), *parts])
    if isinstance(inner, exp.Identifier):
        return binding.scope.resolve([inner.name, *parts])
    bound = binding.bind(inner)
    for part in parts:
        bound = field_of(bound, part, binding.session.ids)
    return bound


def _bracket(binding: Binding, node: exp.Expr) -> Bound:
    bound = binding.bind(node.this)
    for key in node.expressions:
        index = binding.bind(key)
        named = named_element(bound, index, binding.session.ids)
        if named is None and not isinstance(bound.expression.type, ArrayType | MapType):
            message = f'Nothing can be taken out of "{bound.text}", which has the type {bound.expression.type.sql()}.'
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_EXTRACT_BASE_FIELD_TYPE")
        bound = named or binding.operator("get_item", f"{bound.text}[{index.text}]", bound, index)
    return bound


def _cast(binding: Binding, node: exp.Expr) -> Bound:
    child = binding.bind(node.this)
    kind = leaves.type_of(node.args["to"])
    try_ = isinstance(node, exp.TryCast)
    if isinstance(node.this, exp.Literal) and node.args["to"].this != exp.DType.USERDEFINED:
        if not node.this.is_string:
            message = f"{kind.sql()} takes a text, as in {kind.sql()} '2024-01-31'."
            raise StreamError("SQL_SYNTAX", message, condition="PARSE_SYNTAX_ERROR")
        check_typed(node.this.name, kind)
    leaves.check_cast(child, kind, binding.session.catalog.settings, try_=try_)
    text = f"{'TRY_CAST' if try_ else 'CAST'}({child.text} AS {kind.sql()})"
    cast = written_cast(child.expression, kind, try_=try_)
    return Bound(cast, text, child.name if isinstance(node.this, VariantField) else None)


def _case(binding: Binding, node: exp.Expr) -> Bound:
    subject = binding.bind(node.this) if node.this is not None else None
    branches: list[tuple[Bound, Bound]] = []
    for branch in node.args["ifs"]:
        condition = binding.bind(branch.this)
        if subject is not None:
            condition = binding.operator("equal", f"({subject.text} = {condition.text})", subject, condition)
        branches.append((condition, binding.bind(branch.args["true"])))
    default = node.args.get("default")
    otherwise = binding.bind(default) if default is not None else None
    return predicates.case(branches, otherwise, binding.session.catalog.settings)


def _in(binding: Binding, node: exp.In) -> Bound:
    return (
        predicates.bind_in(binding, node) if node.args.get("query") is None else subqueries.in_subquery(binding, node)
    )


def _exists(binding: Binding, node: exp.Expr) -> Bound:
    if isinstance(node.this, exp.Query):
        return subqueries.exists(binding, node)  # type: ignore[arg-type]
    return bind_function(binding, "exists", node, arguments(node))


def _without_parentheses(binding: Binding, node: exp.Expr) -> Bound:
    return bind_function(binding, operators.WITHOUT_PARENTHESES[type(node)], node, [])


def _star(_binding: Binding, node: exp.Expr) -> Bound:
    message = "* may only stand in SELECT and in count(*)."
    raise StreamError("SQL_ANALYSIS", message, condition="INVALID_USAGE_OF_STAR_OR_REGEX", at=position_of(node))


def _tuple(binding: Binding, node: exp.Expr) -> Bound:
    return bind_function(binding, "struct", node, list(node.expressions))


def _alias(binding: Binding, node: exp.Expr) -> Bound:
    return replace(binding.bind(node.this), name=node.alias)


def _leaf(_binding: Binding, node: exp.Expr) -> Bound:
    return leaves.bind_leaf(node)


_RULES: Mapping[type[exp.Expr], Callable[[Binding, Any], Bound]] = MappingProxyType(
    {
        **dict.fromkeys(operators.BINARY, _binary),
        **dict.fromkeys(operators.UNARY, _unary),
        **dict.fromkeys(operators.WITHOUT_PARENTHESES, _without_parentheses),
        **dict.fromkeys(leaves.LEAVES, _leaf),
        **dict.fromkeys((exp.Like, exp.ILike, exp.Escape), predicates.like),
        **dict.fromkeys((exp.Cast, exp.TryCast), _cast),
        **dict.fromkeys((exp.Subquery, exp.Select, exp.Union), subqueries.scalar_subquery),
        **dict.fromkeys(
            (exp.IgnoreNulls, exp.RespectNulls, exp.Filter, exp.WithinGroup, exp.Anonymous), bind_invocation
        ),
        exp.Alias: _alias,
        exp.Between: predicates.between,
        exp.Bracket: _bracket,
        exp.Case: _case,
        exp.Column: _column,
        exp.Dot: _dot,
        exp.Exists: _exists,
        exp.Extract: predicates.extract,
        exp.Identifier: lambda binding, node: binding.scope.resolve([node.name]),
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
