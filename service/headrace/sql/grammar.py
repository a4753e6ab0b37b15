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
        StreamError: PARSE_SYNTAX_ERROR or INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE, without a place.
    """
    if isinstance(node, (*_COMPARISONS, *_PREDICATES)):
        _refuse_chain(node)
    rule = _RULES.get(type(node))
    what = rule(node) if rule is not None else None
    if what is not None:
        empty = isinstance(node, exp.In)
        condition = "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE" if empty else SYNTAX
        raise StreamError("SQL_SYNTAX", f"Syntax error: {what}.", condition=condition)


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


def _star(node: exp.Star) -> str | None:
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


_RULES: Mapping[type[exp.Expr], Callable[..., str | None]] = MappingProxyType(
    {
        exp.All: _quantified,
        exp.Anonymous: _call,
        exp.Any: _quantified,
        exp.Array: _call,
        exp.Except: _set_operation,
        exp.In: _in,
        exp.Intersect: _set_operation,
        exp.Join: _join,
        exp.Star: _star,
        exp.Union: _set_operation,
    }
)
