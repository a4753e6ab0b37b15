"""Aggregate functions over columns of known types, as SQL text."""

from __future__ import annotations

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.expressions import Scope, expression, predicate

ORDERED = ("INT", "BIGINT", "DOUBLE", "DECIMAL(10,2)", "STRING", "BOOLEAN", "DATE", "TIMESTAMP")
"""Types with an order."""

_OF_NUMBERS = (
    "sum({})",
    "sum({})",
    "avg({})",
    "max({}) - min({})",
    "try_sum({})",
    "try_avg({})",
)
_OF_INTEGERS = ("bit_and({})", "bit_or({})", "bit_xor({})", "sum({}) + count(*)", "sum(abs({}))")
_OF_DOUBLES = ("stddev_pop({})", "stddev({})", "var_samp({})", "var_pop({})", "skewness({})", "kurtosis({})")
_OF_ALL = ("count({})", "first({})", "last({})", "first({}, true)", "last({}, true)", "approx_count_distinct({})")
_OF_ORDERED = (
    "min({})",
    "max({})",
    "sort_array(collect_set({}))",
    "collect_list({})",
    "count({}) FILTER (WHERE {} IS NOT NULL)",
)


def aggregates(draw: Draw, scope: Scope, least: int = 1, most: int = 4) -> list[str]:
    """Return so many aggregates with names a0, a1 and so on; the first is often a count."""
    texts = ["count(*)"] if draw.chance(0.6) else []
    while len(texts) < draw.number(least, most):
        texts.append(aggregate(draw, scope))
    return [f"{text} AS a{place}" for place, text in enumerate(texts or ["count(1)"])]


def aggregate(draw: Draw, scope: Scope) -> str:
    """Return one aggregate, sometimes with a FILTER."""
    text = _aggregate(draw, scope)
    simple = text.count("(") == 1 and "FILTER" not in text
    return f"{text} FILTER (WHERE {predicate(draw, scope, 1)})" if simple and draw.chance(0.12) else text


def _aggregate(draw: Draw, scope: Scope) -> str:
    way = draw.number(0, 99)
    if way < 10:
        return f"count_if({predicate(draw, scope, 1)})"
    if way < 15:
        return f"{draw.one(('bool_and', 'bool_or', 'every', 'any', 'some'))}({predicate(draw, scope, 1)})"
    if way < 50:
        kind = draw.one(("INT", "INT", "BIGINT", "DOUBLE", "DECIMAL(10,2)"))
        forms = _OF_NUMBERS + (_OF_INTEGERS if kind in {"INT", "BIGINT"} else _OF_DOUBLES if kind == "DOUBLE" else ())
        return draw.one(forms).replace("{}", expression(draw, scope, kind, 1))
    kind = draw.one(ORDERED)
    value = expression(draw, scope, kind, 1)
    forms = _OF_ALL if way < 70 else _OF_ORDERED
    if way >= 95:
        return f"max(named_struct('p', {value}, 'q', {expression(draw, scope, 'INT', 0)}))"
    return draw.one(forms).replace("{}", value)
