"""Room 2: percentile, median, percentile_cont, percentile_disc and percentile_approx over a tally of the values.

All are exact; percentile_approx is too, where Spark keeps a sketch: the value of the wanted rank satisfies its promise
for any accuracy. Source: Spark Percentile, PercentileCont, PercentileDisc, ApproximatePercentile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.dataclass import dataclass
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, table
from headrace.sql.aggregates.forms.constants import flag, given
from headrace.sql.aggregates.forms.tally import counted, from_ranks, joined, tally_type, weighted
from headrace.sql.function import Argument
from headrace.sql.functions.signature import NUMERIC, accept, fail, mismatch
from headrace.types import (
    BIGINT,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INTEGRAL,
    NULL,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
)

_INTERVALS = (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)
_NEGATIVE = fail(
    "NEGATIVE_VALUES_IN_FREQUENCY_EXPRESSION",
    "'Found a negative value in the frequency, and expected a positive integral value.'",
)
_Result = Callable[[float], str]
"""From a percentage to an aggregate over _v, _c and _t; see `from_ranks`."""


@dataclass(frozen=True, slots=True)
class _Percentages:
    """The constant percentages, and whether they were written as an array."""

    values: tuple[float, ...]
    several: bool

    def sql(self, result: _Result) -> str:
        """Return the aggregate over ranks: one value, or the list of them; NULL over no rows."""
        parts = [result(value) for value in self.values]
        if not self.several:
            return parts[0]
        if not parts:
            return "CASE WHEN max(_t) < 0 THEN [min(_v)] END"  # NULL of a type that casts to any list
        return f"CASE WHEN max(_t) IS NULL THEN NULL ELSE [{', '.join(parts)}] END"

    def type(self, kind: DataType) -> DataType:
        """Return the type of the result where one value has `kind`."""
        return ArrayType(kind) if self.several else kind


def _percentages(argument: Argument, name: str) -> _Percentages:
    value = given(argument, name, "percentage")
    several = isinstance(value, list)
    found = [_share(item, name) for item in (value if isinstance(value, list) else [value])]
    return _Percentages(tuple(found), several)


def _share(value: Any, name: str) -> float:
    if value is None:
        raise mismatch(f"{name}: a percentage is no array element of NULL.")
    try:
        share = float(value)
    except (TypeError, ValueError):
        raise mismatch(f"{name}: a percentage is a DOUBLE or an array of them, and not {value!r}.") from None
    if not 0 <= share <= 1:
        message = f"{name}: the percentage must be between [0.0, 1.0] (current value = {share})."
        raise mismatch(message, condition="VALUE_OUT_OF_RANGE")
    return share


def _pick(bound: str, *, descending: bool) -> str:
    return f"{'max' if descending else 'min'}(_v) FILTER (WHERE _c {bound})"


def _interpolated(*, descending: bool) -> _Result:
    def result(share: float) -> str:
        place = f"({share!r}::DOUBLE * (_t - 1))"
        low, high = (_pick(f"> {word}({place})", descending=descending) for word in ("floor", "ceil"))
        at = f"({share!r}::DOUBLE * (max(_t) - 1))"
        between = f"(ceil({at}) - {at}) * {low} + ({at} - floor({at})) * {high}"
        return f"CASE WHEN {low} = {high} THEN {low} ELSE {between} END"

    return result


def _ranked(*, descending: bool) -> _Result:
    return lambda share: _pick(f">= {share!r}::DOUBLE * _t", descending=descending)


def _number(argument: Argument) -> DataType:
    """Return what percentiles are computed in: intervals of all fields, and DOUBLE for all else."""
    if argument.type in _INTERVALS:
        return DAY_TIME_INTERVAL if argument.type == DAY_TIME_INTERVAL else YEAR_MONTH_INTERVAL
    accept(argument, NUMERIC, 0)
    return DOUBLE


def _over_tally(
    arguments: Sequence[DataType], value: DataType, percentages: _Percentages, result: _Result, down: bool = False
) -> AggregateForm:
    """Return the form; the value is the first argument, and its type that of one result."""

    def shown(share: float) -> str:
        # An interval between two values is cut, not rounded (Spark toInt, toLong).
        return f"trunc({result(share)})" if value in _INTERVALS else result(share)

    phases = Phases(
        lambda texts, condition: [counted(texts[0], condition)],
        lambda older, newer: [joined(older[0], newer[0])],
        lambda buffers: from_ranks(buffers[0], percentages.sql(shown), descending=down),
    )
    return form(arguments, percentages.type(value), [tally_type(value)], phases)


def _percentile(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    value = _number(arguments[0])
    percentages = _percentages(arguments[1], "percentile")
    types = [value, arguments[1].type]
    plain = _over_tally(types, value, percentages, _interpolated(descending=False))
    if len(arguments) == 2 or (arguments[2].constant and arguments[2].value == 1):
        return (
            plain
            if len(arguments) == 2
            else AggregateForm(
                (*types, arguments[2].type), plain.type, plain.buffers, plain.partial, plain.merge, plain.final
            )
        )
    if arguments[2].type not in (*INTEGRAL, NULL):
        raise mismatch(f'percentile: the frequency is a whole number, and not "{arguments[2].type.sql()}".')

    def partial(texts: Texts, condition: str | None) -> Texts:
        times = f"(CASE WHEN {texts[2]} < 0 THEN {_NEGATIVE} ELSE {texts[2]} END)"
        return [weighted(texts[0], times, condition)]

    phases = Phases(
        partial,
        lambda older, newer: [joined(older[0], newer[0])],
        lambda buffers: from_ranks(joined(buffers[0], "[]"), percentages.sql(_interpolated(descending=False))),
    )
    return form([*types, BIGINT], percentages.type(value), [tally_type(value)], phases)


def _median(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    value = _number(arguments[0])
    return _over_tally([value], value, _Percentages((0.5,), False), _interpolated(descending=False))


def _within(name: str, result: Callable[..., _Result]) -> AggregateFunction:
    """(ordered value, percentage, whether descending), as WITHIN GROUP is bound."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        value, down = _number(arguments[0]), flag(arguments[2])
        types = [value, *(argument.type for argument in arguments[1:])]
        return _over_tally(types, value, _percentages(arguments[1], name), result(descending=down), down)

    return AggregateFunction(f"{name} within group", (3, 3), resolve)


def _approximate(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    value = arguments[0].type
    if value not in (*_INTERVALS, DATE, TIMESTAMP, TIMESTAMP_NTZ):
        value = accept(arguments[0], NUMERIC, 0)
    percentages = _percentages(arguments[1], "percentile_approx")
    accuracy = given(arguments[2], "percentile_approx", "accuracy") if len(arguments) > 2 else 10_000
    if not isinstance(accuracy, int) or not 0 < accuracy < 2**31:
        message = f"percentile_approx: the accuracy must be between (0, 2147483647] (current value = {accuracy})."
        raise mismatch(message, condition="VALUE_OUT_OF_RANGE")

    def result(share: float) -> str:
        # Closer to an end than the accuracy tells apart, it is the end itself (Spark QuantileSummaries).
        edge = 1.0 / accuracy
        return _ranked(descending=False)(0.0 if share <= edge else 1.0 if share >= 1 - edge else share)

    types = [value, *(argument.type for argument in arguments[1:])]
    return _over_tally(types, value, percentages, result)


AGGREGATES = table(
    AggregateFunction("percentile", (2, 3), _percentile),
    AggregateFunction("median", (1, 1), _median),
    AggregateFunction("percentile_approx", (2, 3), _approximate),
    _within("percentile_cont", _interpolated),
    _within("percentile_disc", _ranked),
    approx_percentile="percentile_approx",
    percentile_cont="percentile_cont within group",
    percentile_disc="percentile_disc within group",
)
