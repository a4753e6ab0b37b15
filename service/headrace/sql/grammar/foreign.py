"""Room 2: what sqlglot's grammar takes and Spark's does not.

Takes a tree, gives Spark's refusal of what Spark's parser does not read; what it reads in another order is put right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError

SYNTAX = "PARSE_SYNTAX_ERROR"
_PREDICATES = (exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.NullSafeNEQ, exp.Escape)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ)
_KINDS = frozenset({"", "INNER", "OUTER", "SEMI", "ANTI", "CROSS"})
_SIDED = frozenset({"", "OUTER", "SEMI", "ANTI"})


def refuse_foreign(node: exp.Expr) -> None:
    """Refuse a node that Spark's grammar has not.

    Raises:
        StreamError: PARSE_SYNTAX_ERROR, or the name Spark has for it, without a place.
    """
    if isinstance(node, (*_COMPARISONS, *_PREDICATES)):
        _refuse_chain(node)
    rule = _RULES.get(type(node))
    what = rule(node) if rule is not None else None
    if what is not None:
        condition = _NAMED.get(type(node), SYNTAX)
        widget = isinstance(node, exp.Placeholder) and node.args.get("widget")
        raise StreamError("SQL_SYNTAX", f"Syntax error: {what}.", condition=SYNTAX if widget else condition)


def order_as_spark(tree: exp.Expr) -> None:
    """Put each predicate over the comparison to its left: ``a = b IN (1)`` is ``(a = b) IN (1)``."""
    for node in list(tree.find_all(*_COMPARISONS)):
        outer = node.expression
        predicate = _predicate(outer)
        if predicate is not None:
            child = predicate.this
            node.replace(outer)
            node.set("expression", child)
            predicate.set("this", node)


def _predicate(node: object) -> exp.Expr | None:
    """Return the predicate that the node is, negated or not; None for what stands in brackets or is none."""
    inner = node.this if isinstance(node, exp.Not) else node
    return inner if isinstance(inner, _PREDICATES) else None


def _refuse_chain(node: exp.Expr) -> None:
    """Refuse a predicate of a predicate without brackets, such as ``a IS NULL IS NULL`` or ``a IN (1) = b``."""
    if not isinstance(node, exp.Escape) and _predicate(node.this) is not None:
        message = f"Syntax error: a predicate stands behind {node.this.sql(dialect='spark')!r}."
        raise StreamError("SQL_SYNTAX", message, hint="Put brackets around it.", condition=SYNTAX)


def _join(node: exp.Join) -> str | None:
    side, kind, method = (part.upper() for part in (node.side or "", node.kind or "", node.method or ""))
    if method not in ("", "NATURAL") or kind not in _KINDS:
        return f"{method or kind} JOIN"
    if side and (kind not in _SIDED or (side != "LEFT" and kind in ("SEMI", "ANTI"))):
        return f"{side} {kind} JOIN"
    if kind == "OUTER" and not side:
        return "OUTER JOIN without LEFT, RIGHT or FULL"
    if node.args.get("on") is not None and (node.args.get("using") or method == "NATURAL"):
        return "JOIN with both ON and another way to match rows"
    return None


def _in(node: exp.In) -> str | None:
    some = node.expressions or any(node.args.get(part) is not None for part in ("query", "field", "unnest"))
    return None if some else "IN takes at least one value"


def _is(node: exp.Is) -> str | None:
    against = node.expression.this if isinstance(node.expression, exp.Not) else node.expression
    words = (exp.Null, exp.Boolean, exp.Column, exp.Var)
    return None if isinstance(against, words) else "IS takes NULL, TRUE, FALSE or UNKNOWN"


def _escape(node: exp.Escape) -> str | None:
    mark = node.expression
    wrong = isinstance(mark, exp.Literal) and mark.is_string and len(mark.name) != 1
    return f"the escape of LIKE is one character, and got {mark.name!r}" if wrong else None


def _star(node: exp.Star) -> str | None:
    if isinstance(node.parent, exp.Dot) and isinstance(node.parent.this, exp.Func | exp.Paren | exp.Bracket):
        return "* after what is no name"
    return "EXCEPT () names no column" if node.args.get("except_") == [] else None


def _set_operation(node: exp.SetOperation) -> str | None:
    if node.args.get("by_name"):
        return "BY NAME"
    left = node.this
    ends = next((word for word in ("order", "limit", "offset", "sort", "cluster") if left.args.get(word)), None)
    return (
        f"{ends.upper()} before {type(node).__name__.upper()}" if ends and not isinstance(left, exp.Subquery) else None
    )


def _quantified(node: exp.Expr) -> str | None:
    inner = node.this.unnest() if isinstance(node.this, exp.Expr) else node.this
    return "a comparison with ANY or ALL of a query" if isinstance(inner, exp.Query) else None


def _call(node: exp.Expr) -> str | None:
    bare = next((item for item in node.expressions if isinstance(item, exp.Select | exp.SetOperation)), None)
    return None if bare is None else "a query as an argument needs brackets of its own"


def _select(node: exp.Select) -> str | None:
    return next((word.upper() for word in ("into", "locks") if node.args.get(word)), None)


def _empty(node: exp.Expr) -> str | None:
    within = isinstance(node.parent, exp.GroupingSets)  # where () is the set of no column
    return None if within or any(node.args.values()) else f"{type(node).__name__.upper()} of nothing"


def _never(node: exp.Expr) -> str:
    return f"{node.sql(dialect='spark')!r} is nothing that Spark reads"


_RULES: Mapping[type[exp.Expr], Callable[..., str | None]] = MappingProxyType(
    {
        **dict.fromkeys((exp.All, exp.Any), _quantified),
        **dict.fromkeys((exp.Except, exp.Intersect, exp.Union), _set_operation),
        **dict.fromkeys((exp.Array, exp.Fetch, exp.National, exp.Parameter, exp.Placeholder, exp.Slice), _never),
        **dict.fromkeys((exp.Group, exp.Tuple), _empty),
        exp.Anonymous: _call,
        exp.Escape: _escape,
        exp.In: _in,
        exp.Is: _is,
        exp.Join: _join,
        exp.Select: _select,
        exp.Star: _star,
    }
)
_NAMED: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.Escape: "INVALID_ESC",
        exp.In: "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE",
        exp.National: "UNSUPPORTED_TYPED_LITERAL",
        exp.Placeholder: "UNBOUND_SQL_PARAMETER",
    }
)
"""Spark's names for what is no plain syntax error."""
