"""Room 2: variance, deviation, skewness and kurtosis over mergeable central moments.

Buffers hold a count, means and sums of powers of deviations, merged pairwise, so that large means lose no digits.
Source: Chan, Golub and LeVeque, 1979; Pébay, 2008; Spark CentralMomentAgg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.duck import let
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, over, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import accept
from headrace.types import DOUBLE

NAN = "'nan'::DOUBLE"
"""The text of NaN."""


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
        f"CASE WHEN {strange} THEN {NAN} ELSE coalesce({mean}, 0) END",
        f"CASE WHEN {strange} THEN {NAN} ELSE coalesce({square}, 0) END",
    ]


def _joint(o: Texts, n: Texts) -> tuple[str, str, str]:
    """The joint count, the difference of the means and the joint mean."""
    count, delta = f"({o[0]} + {n[0]})", f"({n[1]} - {o[1]})"
    mean = f"CASE WHEN {count} = 0 THEN 0 ELSE {o[1]} + {delta} * {n[0]} / {count} END"
    return count, delta, mean


def unless_empty(o: Texts, n: Texts, i: int, both: str) -> str:
    """Return the merged text of buffer i, or the buffer of the side that has rows when only one has."""
    return f"CASE WHEN {o[0]} = 0 THEN {n[i]} WHEN {n[0]} = 0 THEN {o[i]} ELSE {both} END"


def _merge_spread(o: Texts, n: Texts) -> list[str]:
    count, delta, mean = _joint(o, n)
    square = f"{o[2]} + {n[2]} + {delta} * {delta} * {o[0]} * {n[0]} / {count}"
    return [count, unless_empty(o, n, 1, mean), unless_empty(o, n, 2, square)]


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
    return [*_merge_spread(o, n), unless_empty(o, n, 3, cube), unless_empty(o, n, 4, fourth)]


def _shape(texts: Texts, condition: str | None) -> Texts:
    kept, strange = _finite(texts[0], condition)
    rows = over(f"list({kept})", condition, f"{texts[0]} IS NOT NULL")

    def power(exponent: int) -> str:
        def summed(values: str) -> str:
            return let(
                f"list_avg({values})",
                lambda m: f"list_sum(list_transform({values}, lambda x: {'*'.join([f'(x - {m})'] * exponent)}))",
            )

        return f"CASE WHEN {strange} THEN {NAN} ELSE coalesce({let(rows, summed)}, 0) END"

    return [*_spread(texts, condition)[:2], power(2), power(3), power(4)]


def _univariate(name: str, final: Callable[[Texts], str], *, shape: bool = False) -> AggregateFunction:
    phases = Phases(_shape, _merge_shape, final) if shape else Phases(_spread, _merge_spread, final)

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        accept(arguments[0], DOUBLE, 0)
        return form([DOUBLE], DOUBLE, [DOUBLE] * (5 if shape else 3), phases)

    return AggregateFunction(name, (1, 1), resolve)


def over_count(i: int) -> Callable[[Texts], str]:
    """Return the final text that divides buffer i by the count."""
    return lambda b: f"CASE WHEN {b[0]} > 0 THEN {b[i]} / {b[0]} END"


def over_degrees(i: int) -> Callable[[Texts], str]:
    """Return the final text that divides buffer i by the count less one."""
    return lambda b: f"CASE WHEN {b[0]} > 1 THEN {b[i]} / ({b[0]} - 1) END"


def _root(final: Callable[[Texts], str]) -> Callable[[Texts], str]:
    return lambda b: f"sqrt({final(b)})"


def _skewness(b: Texts) -> str:
    value = f"CASE WHEN {b[2]} = 0 THEN NULL ELSE sqrt({b[0]}) * {b[3]} / sqrt({b[2]} * {b[2]} * {b[2]}) END"
    return f"CASE WHEN {b[0]} > 0 THEN {value} END"


def _kurtosis(b: Texts) -> str:
    value = f"CASE WHEN {b[2]} = 0 THEN NULL ELSE {b[0]} * {b[4]} / ({b[2]} * {b[2]}) - 3 END"
    return f"CASE WHEN {b[0]} > 0 THEN {value} END"


AGGREGATES = table(
    _univariate("stddev_samp", _root(over_degrees(2))),
    _univariate("stddev_pop", _root(over_count(2))),
    _univariate("var_samp", over_degrees(2)),
    _univariate("var_pop", over_count(2)),
    _univariate("skewness", _skewness, shape=True),
    _univariate("kurtosis", _kurtosis, shape=True),
    stddev="stddev_samp",
    std="stddev_samp",
    variance="var_samp",
)
