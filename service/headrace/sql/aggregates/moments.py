"""Room 2: variance, deviation, skewness, kurtosis, covariance and correlation over mergeable central moments.

Buffers hold a count, means and sums of powers of deviations, merged pairwise, so that large means lose no digits.
Source: Chan, Golub and LeVeque, 1979; Pébay, 2008; Spark CentralMomentAgg, Covariance, Corr.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.duck import let
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.building import Phases, Texts, form, over, refused, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import accept
from headrace.types import DOUBLE

_NAN = "'nan'::DOUBLE"


def _finite(x: str, condition: str | None, *present: str) -> tuple[str, str]:
    """The argument with only finite values kept, and whether any other was there: DuckDB's variance raises on those."""
    strange = over("count(*)", condition, f"NOT isfinite({x})", *present)
    return f"CASE WHEN isfinite({x}) THEN {x} END", f"{strange} > 0"


def _spread(texts: Texts, condition: str | None) -> Texts:
    x = texts[0]
    kept, strange = _finite(x, condition)
    count = over(f"count({x})", condition)
    square = f"{over(f'var_pop({kept})', condition)} * {count}"
    mean = over(f"avg({kept})", condition)
    return [
        count,
        f"CASE WHEN {strange} THEN {_NAN} ELSE coalesce({mean}, 0) END",
        f"CASE WHEN {strange} THEN {_NAN} ELSE coalesce({square}, 0) END",
    ]


def _joint(o: Texts, n: Texts) -> tuple[str, str, str]:
    """The joint count, the difference of the means and the joint mean."""
    count, delta = f"({o[0]} + {n[0]})", f"({n[1]} - {o[1]})"
    mean = f"CASE WHEN {count} = 0 THEN 0 ELSE {o[1]} + {delta} * {n[0]} / {count} END"
    return count, delta, mean


def _unless_empty(o: Texts, n: Texts, i: int, both: str) -> str:
    return f"CASE WHEN {o[0]} = 0 THEN {n[i]} WHEN {n[0]} = 0 THEN {o[i]} ELSE {both} END"


def _merge_spread(o: Texts, n: Texts) -> list[str]:
    count, delta, mean = _joint(o, n)
    square = f"{o[2]} + {n[2]} + {delta} * {delta} * {o[0]} * {n[0]} / {count}"
    return [count, _unless_empty(o, n, 1, mean), _unless_empty(o, n, 2, square)]


def _merge_shape(o: Texts, n: Texts) -> Texts:
    count, d, _ = _joint(o, n)
    cube = (
        f"{o[3]} + {n[3]} + pow({d}, 3) * {o[0]} * {n[0]} * ({o[0]} - {n[0]}) / ({count} * {count})"
        f" + 3 * {d} * ({o[0]} * {n[2]} - {n[0]} * {o[2]}) / {count}"
    )
    fourth = (
        f"{o[4]} + {n[4]} + pow({d}, 4) * {o[0]} * {n[0]} * ({o[0]} * {o[0]} - {o[0]} * {n[0]} + {n[0]} * {n[0]})"
        f" / pow({count}, 3) + 6 * {d} * {d} * ({o[0]} * {o[0]} * {n[2]} + {n[0]} * {n[0]} * {o[2]})"
        f" / ({count} * {count}) + 4 * {d} * ({o[0]} * {n[3]} - {n[0]} * {o[3]}) / {count}"
    )
    return [*_merge_spread(o, n), _unless_empty(o, n, 3, cube), _unless_empty(o, n, 4, fourth)]


def _shape(texts: Texts, condition: str | None) -> Texts:
    kept, strange = _finite(texts[0], condition)
    rows = over(f"list({kept})", condition)

    def power(exponent: int) -> str:
        def summed(values: str) -> str:
            return let(
                f"list_avg({values})",
                lambda m: f"list_sum(list_transform({values}, lambda x: pow(x - {m}, {exponent})))",
            )

        return f"CASE WHEN {strange} THEN {_NAN} ELSE coalesce({let(rows, summed)}, 0) END"

    return [*_spread(texts, condition), power(3), power(4)]


def _univariate(name: str, final: Callable[[Texts], str], *, shape: bool = False) -> AggregateFunction:
    phases = Phases(_shape, _merge_shape, final) if shape else Phases(_spread, _merge_spread, final)

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        accept(arguments[0], DOUBLE, 0)
        return form([DOUBLE], DOUBLE, [DOUBLE] * (5 if shape else 3), phases)

    return AggregateFunction(name, (1, 1), resolve)


def _pairs(texts: Texts, condition: str | None) -> Texts:
    x, y = texts
    both = [f"{x} IS NOT NULL", f"{y} IS NOT NULL"]
    strange = f"{over('count(*)', condition, *both, f'NOT (isfinite({x}) AND isfinite({y}))')} > 0"
    usable = [condition, *both, f"isfinite({x}) AND isfinite({y})"]
    count = over("count(*)", condition, *both)
    parts = [
        over(f"avg({x})", *usable),
        over(f"avg({y})", *usable),
        f"{over(f'covar_pop({x}, {y})', *usable)} * {count}",
        f"{over(f'var_pop({x})', *usable)} * {count}",
        f"{over(f'var_pop({y})', *usable)} * {count}",
    ]
    return [count, *(f"CASE WHEN {strange} THEN {_NAN} ELSE coalesce({part}, 0) END" for part in parts)]


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
    return [count, *(_unless_empty(o, n, i + 1, text) for i, text in enumerate(both))]


def _bivariate(name: str, final: Callable[[Texts], str]) -> AggregateFunction:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        for i, argument in enumerate(arguments):
            accept(argument, DOUBLE, i)
        return form([DOUBLE, DOUBLE], DOUBLE, [DOUBLE] * 6, Phases(_pairs, _merge_pairs, final))

    return AggregateFunction(name, (2, 2), resolve)


def _over_count(i: int) -> Callable[[Texts], str]:
    return lambda b: f"CASE WHEN {b[0]} > 0 THEN {b[i]} / {b[0]} END"


def _over_degrees(i: int) -> Callable[[Texts], str]:
    return lambda b: f"CASE WHEN {b[0]} > 1 THEN {b[i]} / ({b[0]} - 1) END"


def _root(final: Callable[[Texts], str]) -> Callable[[Texts], str]:
    return lambda b: f"sqrt({final(b)})"


def _skewness(b: Texts) -> str:
    value = f"CASE WHEN {b[2]} = 0 THEN NULL ELSE sqrt({b[0]}) * {b[3]} / sqrt({b[2]} * {b[2]} * {b[2]}) END"
    return f"CASE WHEN {b[0]} > 0 THEN {value} END"


def _kurtosis(b: Texts) -> str:
    value = f"CASE WHEN {b[2]} = 0 THEN NULL ELSE {b[0]} * {b[4]} / ({b[2]} * {b[2]}) - 3 END"
    return f"CASE WHEN {b[0]} > 0 THEN {value} END"


def _corr(b: Texts) -> str:
    flat = f"{b[4]} = 0 OR {b[5]} = 0"
    return f"CASE WHEN {b[0]} <= 1 OR {flat} THEN NULL ELSE {b[3]} / sqrt({b[4]} * {b[5]}) END"


_REGRESSION = ("avgx", "avgy", "count", "intercept", "r2", "slope", "sxx", "sxy", "syy")

AGGREGATES = table(
    _univariate("stddev_samp", _root(_over_degrees(2))),
    _univariate("stddev_pop", _root(_over_count(2))),
    _univariate("var_samp", _over_degrees(2)),
    _univariate("var_pop", _over_count(2)),
    _univariate("skewness", _skewness, shape=True),
    _univariate("kurtosis", _kurtosis, shape=True),
    _bivariate("covar_pop", _over_count(3)),
    _bivariate("covar_samp", _over_degrees(3)),
    _bivariate("corr", _corr),
    *(refused(f"regr_{name}", "it is not done yet") for name in _REGRESSION),
    stddev="stddev_samp",
    std="stddev_samp",
    variance="var_samp",
)
