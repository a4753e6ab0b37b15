"""Room 2: covariance, correlation and linear regression over mergeable joint moments.

Buffers hold a count, two means, the joint sum of deviations and the two sums of squares.
Source: Spark Covariance, Corr, linearRegression.scala; Pébay, 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.duck import each, let
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, either, form, only, over, table
from headrace.sql.aggregates.moments import NAN, over_count, over_degrees, unless_empty
from headrace.sql.function import Argument
from headrace.sql.functions.instant import DIVIDE_BY_ZERO
from headrace.sql.functions.signature import accept
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, DOUBLE


def _pairs(texts: Texts, condition: str | None) -> Texts:
    x, y = texts
    both = [condition, f"{x} IS NOT NULL", f"{y} IS NOT NULL"]
    x_strange, y_strange = (f"{over('count(*)', *both, f'NOT isfinite({value})')} > 0" for value in (x, y))
    usable = [*both, f"isfinite({x})", f"isfinite({y})"]
    x_usable, y_usable = [*both, f"isfinite({x})"], [*both, f"isfinite({y})"]
    count = over("count(*)", *both)
    parts = (
        (over(f"avg({x})", *x_usable), x_strange),
        (over(f"avg({y})", *y_usable), y_strange),
        (f"{over(f'covar_pop({x}, {y})', *usable)} * {count}", f"{x_strange} OR {y_strange}"),
        (f"{over(f'covar_pop({x}, {x})', *x_usable)} * {count}", x_strange),
        (f"{over(f'covar_pop({y}, {y})', *y_usable)} * {count}", y_strange),
    )
    return [count, *(f"CASE WHEN {strange} THEN {NAN} ELSE coalesce({part}, 0) END" for part, strange in parts)]


def _two_passes(texts: Texts, condition: str | None) -> Texts:
    """As `_pairs`, with sums of deviations from the batch's own means, which are exact for short decimal numbers."""
    x, y = texts
    usable = [condition, f"isfinite({x})", f"isfinite({y})"]
    rows = over(f"list(struct_pack(x := {x}, y := {y}))", *usable)

    def deviations(left: str, right: str) -> str:
        def summed(pairs: str) -> str:
            means = (f"list_avg(list_transform({pairs}, lambda p: p.{side}))" for side in (left, right))
            a, b = means
            return let(a, lambda m: let(b, lambda n: f"list_sum({each(pairs, lambda p: product(p, m, n))})"))

        def product(pair: str, m: str, n: str) -> str:
            return f"({pair}.{left} - {m}) * ({pair}.{right} - {n})"

        return let(rows, summed)

    plain = _pairs(texts, condition)
    sums = (deviations("x", "y"), deviations("x", "x"), deviations("y", "y"))
    exact = (
        f"CASE WHEN isnan({old}) THEN {old} ELSE coalesce({new}, 0) END"
        for old, new in zip(plain[3:], sums, strict=True)
    )
    return [*plain[:3], *exact]


def _merge_pairs(o: Texts, n: Texts) -> Texts:
    count = f"({o[0]} + {n[0]})"
    dx, dy = f"({n[1]} - {o[1]})", f"({n[2]} - {o[2]})"
    share = f"{o[0]} * {n[0]} / {count}"
    both = [
        f"{o[1]} + {dx} * {n[0]} / {count}",
        f"{o[2]} + {dy} * {n[0]} / {count}",
        f"{o[3]} + {n[3]} + {dx} * {dy} * {share}",
        f"{o[4]} + {n[4]} + {dx} * {dx} * {share}",
        f"{o[5]} + {n[5]} + {dy} * {dy} * {share}",
    ]
    return [count, *(unless_empty(o, n, i + 1, text) for i, text in enumerate(both))]


def _bivariate(name: str, final: Callable[[Texts], str]) -> AggregateFunction:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        for i, argument in enumerate(arguments):
            accept(argument, DOUBLE, i)
        return form([DOUBLE, DOUBLE], DOUBLE, [DOUBLE] * 6, Phases(_pairs, _merge_pairs, final))

    return AggregateFunction(name, (2, 2), resolve)


def _corr(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    """Of rows that are all alike in one argument it is an error, NULL outside ANSI mode, as Spark divides by zero."""
    for i, argument in enumerate(arguments):
        accept(argument, DOUBLE, i)

    def phases(settings: SqlSettings) -> Phases:
        flat = DIVIDE_BY_ZERO if settings.ansi else "NULL"

        def final(b: Texts) -> str:
            quotient = f"CASE WHEN {b[4]} = 0 OR {b[5]} = 0 THEN {flat} ELSE {b[3]} / sqrt({b[4]} * {b[5]}) END"
            return f"CASE WHEN {b[0]} > 1 THEN {quotient} END"

        return Phases(_pairs, _merge_pairs, final)

    return form([DOUBLE, DOUBLE], DOUBLE, [DOUBLE] * 6, phases)


def _intercept(b: Texts) -> str:
    return f"CASE WHEN {b[4]} <> 0 THEN {b[2]} - {b[3]} / {b[4]} * {b[1]} END"


def _r2(b: Texts) -> str:
    share = f"CASE WHEN {b[5]} = 0 THEN 1.0::DOUBLE ELSE pow({b[3]} / sqrt({b[4]} * {b[5]}), 2) END"
    return f"CASE WHEN {b[4]} <> 0 THEN {share} END"


def _part(i: int) -> Callable[[Texts], str]:
    return lambda b: f"CASE WHEN {b[0]} > 0 THEN {b[i]} END"


def _regression(name: str, final: Callable[[Texts], str]) -> AggregateFunction:
    """The first argument is the dependent y: buffers are of (x, y)."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        for i, argument in enumerate(arguments):
            accept(argument, DOUBLE, i)
        phases = Phases(lambda texts, condition: _two_passes(texts[::-1], condition), _merge_pairs, final)
        return form([DOUBLE, DOUBLE], DOUBLE, [DOUBLE] * 6, phases)

    return AggregateFunction(f"regr_{name}", (2, 2), resolve)


def _mean(name: str, place: int) -> AggregateFunction:
    """The mean of one argument where both are there: a plain average, so that infinities stay what they are."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        for i, argument in enumerate(arguments):
            accept(argument, DOUBLE, i)

        def partial(texts: Texts, condition: str | None) -> Texts:
            both = [condition, *(f"{text} IS NOT NULL" for text in texts)]
            return [over(f"sum({texts[place]})", *both), over("count(*)", *both)]

        def merge(older: Texts, newer: Texts) -> Texts:
            return [either(older[0], newer[0], f"{older[0]} + {newer[0]}"), f"{older[1]} + {newer[1]}"]

        phases = Phases(partial, merge, lambda b: f"CASE WHEN {b[1]} > 0 THEN {b[0]} / {b[1]} END")
        return form([DOUBLE, DOUBLE], DOUBLE, [DOUBLE, BIGINT], phases)

    return AggregateFunction(f"regr_{name}", (2, 2), resolve)


def _regr_count(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    def partial(texts: Texts, condition: str | None) -> Texts:
        return [over("count(*)", condition, *(f"{text} IS NOT NULL" for text in texts))]

    phases = Phases(partial, lambda older, newer: [f"{older[0]} + {newer[0]}"], only)
    return form([argument.type for argument in arguments], BIGINT, [BIGINT], phases)


AGGREGATES = table(
    _bivariate("covar_pop", over_count(3)),
    _bivariate("covar_samp", over_degrees(3)),
    AggregateFunction("corr", (2, 2), _corr),
    AggregateFunction("regr_count", (2, 2), _regr_count),
    _mean("avgx", 1),
    _mean("avgy", 0),
    _regression("sxx", _part(4)),
    _regression("syy", _part(5)),
    _regression("sxy", _part(3)),
    _regression("slope", lambda b: f"CASE WHEN {b[4]} <> 0 THEN {b[3]} / {b[4]} END"),
    _regression("intercept", _intercept),
    _regression("r2", _r2),
)
