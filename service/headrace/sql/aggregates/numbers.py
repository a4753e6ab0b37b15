"""Room 2: count, count_if, sum and avg.

A sum of whole numbers is BIGINT and raises ARITHMETIC_OVERFLOW under ANSI, else it wraps; a sum of decimals has ten
digits more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.building import Phases, Texts, either, form, only, over, refused, table
from headrace.sql.function import Argument
from headrace.sql.functions.arithmetic import half_up, rescaled, unscaled, wrapped
from headrace.sql.functions.signature import NUMERIC, accept, fail
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INTEGRAL,
    YEAR_MONTH_INTERVAL,
    DecimalType,
)

_OVERFLOW = fail("ARITHMETIC_OVERFLOW", "'long overflow. Use `try_sum` to tolerate overflow and return NULL instead.'")


def _added(older: Texts, newer: Texts) -> Texts:
    return [f"{older[0]} + {newer[0]}"]


def _count(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    def partial(texts: Texts, condition: str | None) -> Texts:
        if len(texts) == 1:
            return [over(f"count({texts[0]})", condition)]
        return [over("count(*)", condition, *(f"{text} IS NOT NULL" for text in texts))]

    return form([a.type for a in arguments], BIGINT, [BIGINT], Phases(partial, _added, only))


def _count_if(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = accept(arguments[0], BOOLEAN, 0)
    phases = Phases(lambda texts, condition: [over("count(*)", condition, texts[0])], _added, only)
    return form([kind], BIGINT, [BIGINT], phases)


def _sum(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if kind in (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL):
        return form([kind], kind, [kind], _plain_sum())
    kind = accept(arguments[0], NUMERIC, 0)
    if kind in INTEGRAL:
        return form([kind], BIGINT, [BIGINT], _whole_sum)
    if isinstance(kind, DecimalType):
        wide = _widened(kind)
        return form([kind], wide, [wide], _plain_sum())
    return form([DOUBLE], DOUBLE, [DOUBLE], _plain_sum())


def _widened(kind: DecimalType) -> DecimalType:
    return DecimalType(min(38, kind.precision + 10), kind.scale)


def _plain_sum() -> Phases:
    return Phases(
        lambda texts, condition: [over(f"sum({texts[0]})", condition)],
        lambda older, newer: [either(older[0], newer[0], f"{older[0]} + {newer[0]}")],
        only,
    )


def _whole_sum(settings: SqlSettings) -> Phases:
    def cut(wide: str) -> str:
        if not settings.ansi:
            return wrapped(wide, BIGINT)
        fits = f"{wide} BETWEEN -9223372036854775808 AND 9223372036854775807"
        return f"(CASE WHEN {wide} IS NULL OR {fits} THEN {wide} ELSE {_OVERFLOW} END)"

    def partial(texts: Texts, condition: str | None) -> Texts:
        return [cut(over(f"sum({texts[0]})", condition))]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [either(older[0], newer[0], cut(f"(CAST({older[0]} AS HUGEINT) + {newer[0]})"))]

    return Phases(partial, merge, only)


def _avg(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = accept(arguments[0], NUMERIC, 0)
    if isinstance(kind, DecimalType):
        wide, result = _widened(kind), DecimalType(min(38, kind.precision + 4), min(38, kind.scale + 4))
        top = f"({{0}} * {10 ** (result.scale - wide.scale)}::HUGEINT)"

        def quotient(texts: Texts) -> str:
            value = half_up(top.format(unscaled(texts[0], wide)), f"CAST({texts[1]} AS HUGEINT)")
            return f"CASE WHEN {texts[1]} > 0 THEN {rescaled(value, result.scale)} END"

        return form([kind], result, [wide, BIGINT], _mean(quotient))
    plain = _mean(lambda texts: f"CASE WHEN {texts[1]} > 0 THEN {texts[0]} / {texts[1]} END")
    return form([kind], DOUBLE, [DOUBLE, BIGINT], plain)


def _mean(final: Callable[[Texts], str]) -> Phases:
    def partial(texts: Texts, condition: str | None) -> Texts:
        return [over(f"sum({texts[0]})", condition), over(f"count({texts[0]})", condition)]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [either(older[0], newer[0], f"{older[0]} + {newer[0]}"), f"{older[1]} + {newer[1]}"]

    return Phases(partial, merge, final)


AGGREGATES = table(
    AggregateFunction("count", (0, None), _count),
    AggregateFunction("count_if", (1, 1), _count_if),
    AggregateFunction("sum", (1, 1), _sum),
    AggregateFunction("avg", (1, 1), _avg),
    refused("try_sum", "it is not done yet"),
    refused("try_avg", "it is not done yet"),
    mean="avg",
)
