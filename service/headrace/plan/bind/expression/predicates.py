"""Room 3: CASE, BETWEEN, IN, IS, TRIM, and LIKE in its forms."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.binding import Binding
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call, is_function
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Call, Case, Expression, Literal
from headrace.plan.facts.determinism import is_expensive
from headrace.sql.coercion import common_types
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.variants import is_path
from headrace.types import BOOLEAN, NULL, STRING, VARIANT

_IS_TRUE = {True: "is_true", False: "is_false"}


def case(branches: Sequence[tuple[Bound, Bound]], otherwise: Bound | None, settings: SqlSettings) -> Bound:
    """Return a searched CASE with its values cast to their common type.

    Raises:
        StreamError: DATATYPE_MISMATCH, a condition is not boolean or the values have no common type.
    """
    values = [value for _, value in branches] + ([otherwise] if otherwise else [])
    shown = " ".join(f"WHEN {condition.text} THEN {value.text}" for condition, value in branches)
    shown = f"CASE {shown} ELSE {otherwise.text} END" if otherwise else f"CASE {shown} END"
    for condition, _ in branches:
        if condition.expression.type not in (BOOLEAN, NULL):
            message = f'Cannot resolve "{shown}": WHEN takes a BOOLEAN, "{condition.text}" has another type.'
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE")
    kind = common_types([value.expression.type for value in values], settings)
    if kind is None:
        seen = ", ".join(f'"{value.expression.type.sql()}"' for value in values)
        message = f'Cannot resolve "{shown}": its values should all be of one type; seen: {seen}.'
        raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.DATA_DIFF_TYPES")
    typed = tuple(
        (cast_to(condition.expression, BOOLEAN), cast_to(value.expression, kind)) for condition, value in branches
    )
    return Bound(Case(kind, typed, cast_to(otherwise.expression, kind) if otherwise else None), shown)


def between(binding: Binding, node: exp.Expr) -> Bound:
    """Return BETWEEN as two comparisons; of what is computed once, as one condition that stays whole."""
    child, low, high = (binding.bind(node.args[name]) for name in ("this", "low", "high"))
    least = binding.operator("greater_equal", f"({child.text} >= {low.text})", child, low)
    most = binding.operator("less_equal", f"({child.text} <= {high.text})", child, high)
    whole = "between" if is_expensive(child.expression) else "and"
    return binding.operator(whole, f"between({child.text}, {low.text}, {high.text})", least, most)


def bind_is(binding: Binding, node: exp.Expr) -> Bound:
    """Return IS NULL, IS TRUE or IS FALSE."""
    child = binding.bind(node.this)
    against = node.expression
    if isinstance(against, exp.Not):  # IS NOT x, where a dialect keeps it so
        return binding.bind(exp.Not(this=exp.Is(this=node.this, expression=against.this)))
    if isinstance(against, exp.Boolean):
        if child.expression.type not in (BOOLEAN, STRING, NULL):
            message = f'"{child.text}" has the type "{child.expression.type.sql()}", and IS TRUE takes a BOOLEAN.'
            raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES")
        return binding.operator(_IS_TRUE[against.this], f"({child.text} = {str(against.this).lower()})", child)
    if isinstance(against, exp.Null):
        return binding.operator("is_null", f"({child.text} IS NULL)", child)
    raise StreamError("SQL_UNSUPPORTED", f"IS {against.sql(dialect='spark')} is not supported.")


def bind_in(binding: Binding, node: exp.Expr) -> Bound:
    """Return IN over a list."""
    operands = [binding.bind(node.this), *(binding.bind(item) for item in node.expressions)]
    shown = f"({operands[0].text} IN ({', '.join(item.text for item in operands[1:])}))"
    return binding.operator("in", shown, *operands)


def distinct_from(binding: Binding, node: exp.Expr) -> Bound:
    """Return IS DISTINCT FROM."""
    left, right = binding.bind(node.left), binding.bind(node.right)  # type: ignore[attr-defined]
    same = binding.operator("null_safe_equal", f"({left.text} <=> {right.text})", left, right)
    return binding.operator("not", f"(NOT {same.text})", same)


def like(binding: Binding, node: exp.Expr) -> Bound:
    """Return LIKE or ILIKE, negated, with an escape character, or against ANY or ALL of several patterns."""
    escape = None
    if isinstance(node, exp.Escape):
        escape, node = binding.bind(node.expression), node.this
    function = "ilike" if isinstance(node, exp.ILike) else "like"
    child = binding.bind(node.this)
    pattern = node.expression
    negated = bool(node.args.get("negate"))
    several = isinstance(pattern, exp.Any | exp.All)
    inner = pattern.this.unnest() if several else pattern
    patterns = inner.expressions if several and isinstance(inner, exp.Tuple) else [inner]
    parts = [_like(binding, function, child, binding.bind(item), escape) for item in patterns]
    joiner = "or" if isinstance(pattern, exp.Any) else "and"
    if not several or not all(_is_text(part.expression) for part in parts):
        return _joined(binding, joiner, parts, negated)
    whole = _joined(binding, joiner, _together(parts, joiner, negated), negated)
    shown = f"lower({child.text})" if function == "ilike" else child.text
    return Bound(whole.expression, f"{'not' if negated else ''}like{'any' if joiner == 'or' else 'all'}({shown})")


def _together(parts: Sequence[Bound], joiner: str, negated: bool) -> list[Bound]:
    """Return the conditions with those of patterns that are more than a text as one, which is cheap to Spark.

    Source: Spark LikeSimplification.
    """
    several = [each for each in (part.expression for part in parts) if isinstance(each, Call) and is_expensive(each)]
    if not several:
        return list(parts)
    name = "like_any" if (joiner == "or") is not negated else "like_all"
    operands: list[Expression] = [several[0].args[0], *(each.args[1] for each in several)]
    if several[0].function == "ilike":
        operands = [call("lower", [each]) for each in operands]
    return [*(part for part in parts if part.expression not in several), Bound(call(name, operands), "")]


def _is_text(like: Expression) -> bool:
    match like:
        case Call(args=(_, Literal(value=str()))):
            return True
    return False


def _joined(binding: Binding, joiner: str, parts: Sequence[Bound], negated: bool) -> Bound:
    whole: Bound | None = None
    for each in parts:
        part = binding.operator("not", f"(NOT {each.text})", each) if negated else each
        shown = f"({whole.text} {joiner.upper()} {part.text})" if whole else ""
        whole = binding.operator(joiner, shown, whole, part) if whole else part
    assert whole is not None  # the grammar wants a pattern
    return whole


def _like(binding: Binding, function: str, child: Bound, pattern: Bound, escape: Bound | None) -> Bound:
    text = f"{child.text} {function.upper()} {pattern.text}" + (f" ESCAPE '{escape.text}'" if escape else "")
    return binding.operator(function, text, child, pattern, *([escape] if escape else []))


def trim(binding: Binding, node: exp.Expr) -> Bound:
    """Return TRIM(side chars FROM text)."""
    side = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side]
    child = binding.bind(node.this)
    chars = node.args.get("expression")
    if chars is None:
        return Bound(call(name, [child.expression]), f"{name}({child.text})")
    what = binding.bind(chars)
    shown = f"TRIM({side} {what.text} FROM {child.text})"
    return Bound(call(name, [what.expression, child.expression]), shown)


def extract(binding: Binding, node: exp.Expr) -> Bound:
    """Return EXTRACT(part FROM time)."""
    source = binding.bind(node.expression)
    part = Bound(Literal(STRING, node.this.name), node.this.name)
    name = "extract" if is_function("extract") else "date_part"
    shown = f"extract({part.text} FROM {source.text})"
    return Bound(call(name, [part.expression, source.expression]), shown)


def variant_field(binding: Binding, node: exp.Expr) -> Bound:
    """Return ``j:a.b``, the part of a VARIANT at a path."""
    child, path = binding.bind(node.this), node.args["path"].name
    if child.expression.type != VARIANT:
        message = f'"{child.text}" has the type "{child.expression.type.sql()}", and : takes a VARIANT.'
        hint = "Write parse_json() around a text."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="COLUMN_IS_NOT_VARIANT_TYPE")
    if not is_path(path):
        raise StreamError("SQL_UNSUPPORTED", f"The path {path!r} is not done.")
    made = call("variant_get", [child.expression, Literal(STRING, path)])
    return Bound(made, f"variant_get({child.text}, {path})", node.args["key"].name or None)
