"""Room 3: f(...) OVER (...): the function, its partition, order and frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import check_arity, is_aggregate, is_generator
from headrace.plan.bind.refused.frames import refuse_frame, refuse_ranking
from headrace.plan.bind.refused.ordered import refuse_unordered
from headrace.plan.constant import cast_to
from headrace.plan.expressions import AggregateCall, Call, Expression, WindowCall
from headrace.types import DOUBLE, INT, DataType

_Arity = tuple[int, int | None]
_RANKING: Mapping[str, tuple[_Arity, Callable[[list[Expression]], DataType]]] = {
    "row_number": ((0, 0), lambda _: INT),
    "rank": ((0, None), lambda _: INT),
    "dense_rank": ((0, None), lambda _: INT),
    "percent_rank": ((0, None), lambda _: DOUBLE),
    "cume_dist": ((0, 0), lambda _: DOUBLE),
    "ntile": ((0, 1), lambda _: INT),
    "lag": ((1, 3), lambda args: args[0].type),
    "lead": ((1, 3), lambda args: args[0].type),
    "nth_value": ((2, 2), lambda args: args[0].type),
}
_WHOLE_PARTITION = ("percentile_cont(", "percentile_disc(", "median(")


def bind_over(binding: Binding, node: exp.Window) -> Bound:
    """Return the window function.

    Raises:
        StreamError: UNRESOLVED_ROUTINE or UNSUPPORTED_EXPR_FOR_WINDOW, the function is none that takes OVER.
    """
    function = _function(binding, node.this)
    made = function.expression
    _refuse(function)
    node = _named(node)
    if not isinstance(made, AggregateCall) and not (isinstance(made, Call) and made.function in _RANKING):
        message = f"{function.text} is no window or aggregate function; OVER belongs to those."
        raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_EXPR_FOR_WINDOW")
    partition = [binding.bind(item) for item in node.args.get("partition_by") or []]
    for item in partition:
        refuse_unordered(item, None, "EXPRESSION_TYPE_IS_NOT_ORDERABLE")
    order = node.args["order"].expressions if node.args.get("order") else []
    keys = [binding.bind(item.this) for item in order]
    for key in keys:
        refuse_unordered(key, None)
    spec = node.args.get("spec")
    refuse_frame(spec, keys)
    _refuse_order(function, is_ordered=bool(keys), has_frame=spec is not None)
    call = WindowCall(
        made.type,
        made,
        tuple(item.expression for item in partition),
        tuple(key.expression for key in keys),
        tuple(bool(item.args.get("desc")) for item in order),
        tuple(nulls_first(item) for item in order),
        _frame(spec),
    )
    return Bound(call, f"{function.text} OVER ({_shown(call, partition, keys)})")


def _shown(call: WindowCall, partition: Sequence[Bound], keys: Sequence[Bound]) -> str:
    """Return what stands in the brackets, as Spark writes it."""
    parts = []
    if partition:
        parts.append(f"PARTITION BY {', '.join(item.text for item in partition)}")
    if keys:
        order = zip(keys, call.descending, call.nulls_first, strict=True)
        shown = [f"{key.text} {'DESC' if d else 'ASC'} NULLS {'FIRST' if n else 'LAST'}" for key, d, n in order]
        parts.append(f"ORDER BY {', '.join(shown)}")
    parts.append(call.frame or "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")
    return " ".join(parts)


def _named(node: exp.Window) -> exp.Window:
    """Return the window of the query's WINDOW clause that OVER names, or the node itself.

    Raises:
        StreamError: MISSING_WINDOW_SPECIFICATION.
    """
    name = node.args.get("alias")
    if name is None:
        return node
    if any(node.args.get(part) for part in ("partition_by", "order", "spec")):
        message = f"Syntax error: the window {name.name} stands behind OVER with more beside it."
        hint = "Write the whole window, or name one with all of it in the WINDOW clause."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="PARSE_SYNTAX_ERROR")
    query = node.find_ancestor(exp.Select)
    windows = (query.args.get("windows") if query is not None else None) or []
    found = next((window for window in windows if window.this.name.lower() == name.name.lower()), None)
    if not isinstance(found, exp.Window):
        message = f"The window {name.name} is not defined in the WINDOW clause."
        raise StreamError("SQL_ANALYSIS", message, condition="MISSING_WINDOW_SPECIFICATION")
    return found


def _refuse(function: Bound) -> None:
    made = function.expression
    if is_generator(made):
        message = f"{function.text} gives rows, and may not stand before OVER."
        raise StreamError("SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.OUTSIDE_SELECT")
    if isinstance(made, AggregateCall) and made.distinct:
        message = f"{function.text} has DISTINCT, and may not stand before OVER."
        raise StreamError("SQL_ANALYSIS", message, condition="DISTINCT_WINDOW_FUNCTION_UNSUPPORTED")


def _refuse_order(function: Bound, *, is_ordered: bool, has_frame: bool) -> None:
    """Raise for an order or a frame that the function does not take, and for none where it needs one."""
    if function.text.startswith(_WHOLE_PARTITION) and (is_ordered or has_frame):
        message = f"{function.text} is of the whole partition: ORDER BY and a frame do not stand in its OVER."
        hint = "Write OVER (PARTITION BY ...) alone."
        condition = "INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)
    if not is_ordered and isinstance(function.expression, Call):
        message = f"{function.text} needs an order: without ORDER BY no row is the first."
        hint = "Write OVER (ORDER BY ...)."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="WINDOW_FUNCTION_FRAME_NOT_ORDERED")


def nulls_first(item: exp.Expr) -> bool:
    """Return where an ORDER BY item puts nulls: first ascending, last descending, unless it says otherwise."""
    return bool(item.args.get("nulls_first"))


def _function(binding: Binding, node: exp.Expr) -> Bound:
    name = _name(node)
    if name not in _RANKING or is_aggregate(name):
        return replace(binding, beneath=binding.inside).bind(node)
    arity, kind = _RANKING[name]
    inner = node.this if isinstance(node, exp.IgnoreNulls | exp.RespectNulls) else node
    args = [binding.bind(arg) for arg in inner.expressions]
    check_arity(name, arity, len(args))
    refuse_ranking(name, args, ansi=binding.ansi)
    typed = [arg.expression for arg in args]
    if name in ("lag", "lead") and len(typed) == 3:
        typed[2] = cast_to(typed[2], typed[0].type)
    shown = f"{name}({', '.join(arg.text for arg in args)})"
    return Bound(Call(kind(typed), name, tuple(typed)), shown)


def _name(node: exp.Expr) -> str:
    inner = node.this if isinstance(node, exp.IgnoreNulls | exp.RespectNulls) else node
    return str(inner.this).lower() if isinstance(inner, exp.Anonymous) else inner.key


def _frame(spec: exp.Expr | None) -> str | None:
    if spec is None:
        return None
    start, end = (_edge(spec, name) for name in ("start", "end"))
    kind = spec.args.get("kind") or "RANGE"
    return f"{kind} BETWEEN {start or 'UNBOUNDED PRECEDING'} AND {end or 'CURRENT ROW'}"


def _edge(spec: exp.Expr, name: str) -> str | None:
    edge = spec.args.get(name)
    if edge is None:
        return None
    shown = edge if isinstance(edge, str) else edge.sql(dialect="spark")
    side = spec.args.get(f"{name}_side")
    return f"{shown} {side}" if side else shown
