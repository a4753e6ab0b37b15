"""Room 2: count, count_if, sum, avg, try_sum and try_avg.

A sum of whole numbers is BIGINT and raises ARITHMETIC_OVERFLOW under ANSI, else it wraps; a sum of decimals has ten
digits more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, either, form, only, over, table
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
    TIMESTAMP,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
)

_OVERFLOW = fail("ARITHMETIC_OVERFLOW", "'long overflow. Use `try_sum` to tolerate overflow and return NULL instead.'")

_INTERVAL = fail(
    "INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION",
    "'Overflow while operating with intervals. Use `try_sum` to tolerate overflow and return NULL instead.'",
)
_INTERVALS = (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)
_LONG = 2**63 - 1
_HALF = 10**19
Resolve = Callable[[Sequence[Argument], bool], AggregateForm]


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


def _sum(*, quiet: bool) -> Resolve:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        kind = arguments[0].type
        if kind in _INTERVALS:
            return form([kind], kind, [kind, BOOLEAN], _checked(_interval_limit(kind), quiet))
        kind = DOUBLE if kind == TIMESTAMP else accept(arguments[0], NUMERIC, 0)
        if kind in INTEGRAL:
            return form([kind], BIGINT, [BIGINT, BOOLEAN], _quiet_sum()) if quiet else _whole(kind)
        if isinstance(kind, DecimalType):
            return _decimal_sum(kind, quiet=quiet)
        return form([DOUBLE], DOUBLE, [DOUBLE], _plain_sum())

    return resolve


def _whole(kind: DataType) -> AggregateForm:
    return form([kind], BIGINT, [BIGINT], _whole_sum)


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
        fits = f"{wide} BETWEEN {-_LONG - 1} AND {_LONG}"
        return f"(CASE WHEN {wide} IS NULL OR {fits} THEN {wide} ELSE {_OVERFLOW} END)"

    def partial(texts: Texts, condition: str | None) -> Texts:
        return [cut(over(f"sum({texts[0]})", condition))]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [either(older[0], newer[0], cut(f"(CAST({older[0]} AS HUGEINT) + {newer[0]})"))]

    return Phases(partial, merge, only)


def _quiet_sum() -> Phases:
    return _checked(_LONG, quiet=True)


def _of_all_fields(kind: DataType) -> DataType:
    """Return the interval type of all fields that an interval is of."""
    return DAY_TIME_INTERVAL if kind == DAY_TIME_INTERVAL else YEAR_MONTH_INTERVAL


def _interval_limit(kind: DataType) -> int:
    return _LONG if kind == DAY_TIME_INTERVAL else 2**31 - 1


def _checked(limit: int, quiet: bool) -> Phases:
    """A whole sum within a limit. Buffers: the sum, and whether it ever left the limit, which is an error or NULL."""

    def fits(wide: str) -> str:
        return f"{wide} BETWEEN {-limit - 1} AND {limit}"

    def cut(wide: str) -> str:
        return (
            f"(CASE WHEN {fits(wide)} THEN {wide} {'' if quiet else f'WHEN {wide} IS NOT NULL THEN {_INTERVAL}'} END)"
        )

    def partial(texts: Texts, condition: str | None) -> Texts:
        wide = over(f"sum(CAST({texts[0]} AS BIGINT))", condition)
        return [cut(wide), f"coalesce(NOT ({fits(wide)}), false)"]

    def merge(older: Texts, newer: Texts) -> Texts:
        wide = f"(CAST({older[0]} AS HUGEINT) + {newer[0]})"
        left = f"{older[1]} OR {newer[1]} OR coalesce(NOT ({fits(wide)}), false)"
        return [either(older[0], newer[0], cut(wide)), left]

    return Phases(partial, merge, lambda buffers: f"CASE WHEN NOT {buffers[1]} THEN {buffers[0]} END")


def _decimal_sum(kind: DecimalType, *, quiet: bool) -> AggregateForm:
    wide = _widened(kind)

    def phases(settings: SqlSettings) -> Phases:
        lost = "NULL" if quiet or not settings.ansi else _decimal_overflow("sum")
        return Phases(
            _decimal_partial(kind, wide),
            _merge_decimals,
            lambda buffers: f"CASE WHEN {buffers[1]} THEN {lost} ELSE {buffers[0]} END",
        )

    return form([kind], wide, [wide, BOOLEAN], phases)


def _decimal_overflow(name: str) -> str:
    message = f"'Overflow in sum of decimals. Use ''try_{name}'' to tolerate overflow and return NULL instead.'"
    return fail("ARITHMETIC_OVERFLOW", message)


def _decimal_partial(kind: DecimalType, wide: DecimalType) -> Callable[[Texts, str | None], Texts]:
    """Buffers: the sum, NULL once it overflowed, and whether it did. Sums of 28 digits and less cannot."""
    if kind.precision + 10 <= 38:
        return lambda texts, condition: [over(f"sum({texts[0]})", condition), "false"]

    def partial(texts: Texts, condition: str | None) -> Texts:
        whole = unscaled(texts[0], kind)
        high, low = (over(f"sum({whole} {sign} {_HALF}::HUGEINT)", condition) for sign in ("//", "%"))
        carried = f"({high} + {low} // {_HALF}::HUGEINT)"
        rest = f"({low} % {_HALF}::HUGEINT)"
        fits = f"abs({carried}) < {_HALF}::HUGEINT"
        total = rescaled(f"({carried} * {_HALF}::HUGEINT + {rest})", wide.scale)
        return [f"CASE WHEN {fits} THEN {total} END", f"coalesce(NOT ({fits}), false)"]

    return partial


def _merge_decimals(older: Texts, newer: Texts) -> Texts:
    total = f"TRY({older[0]} + {newer[0]})"
    apart = f"{older[0]} IS NOT NULL AND {newer[0]} IS NOT NULL AND {total} IS NULL"
    return [either(older[0], newer[0], total), f"{older[1]} OR {newer[1]} OR ({apart})"]


def _avg(*, quiet: bool) -> Resolve:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        if arguments[0].type in _INTERVALS:
            return _interval_avg(arguments[0].type, quiet=quiet)
        kind = DOUBLE if arguments[0].type == TIMESTAMP else accept(arguments[0], NUMERIC, 0)
        if isinstance(kind, DecimalType):
            return _decimal_avg(kind, quiet=quiet)
        return form([kind], DOUBLE, [DOUBLE, BIGINT], _mean(_plain_sum(), _quotient))

    return resolve


def _quotient(buffers: Texts) -> str:
    return f"CASE WHEN {buffers[-1]} > 0 THEN {buffers[0]} / {buffers[-1]} END"


def _interval_avg(kind: DataType, *, quiet: bool) -> AggregateForm:
    total = _checked(_interval_limit(kind), quiet)

    def final(buffers: Texts) -> str:
        quotient = half_up(f"CAST({buffers[0]} AS HUGEINT)", f"CAST({buffers[2]} AS HUGEINT)")
        return f"CASE WHEN {buffers[2]} > 0 AND NOT {buffers[1]} THEN {quotient} END"

    return form([kind], _of_all_fields(kind), [kind, BOOLEAN, BIGINT], _mean(total, final))


def _decimal_avg(kind: DecimalType, *, quiet: bool) -> AggregateForm:
    wide, result = _widened(kind), DecimalType(min(38, kind.precision + 4), min(38, kind.scale + 4))
    zeros = result.scale - wide.scale
    total = Phases(_decimal_partial(kind, wide), _merge_decimals, only)

    def phases(settings: SqlSettings) -> Phases:
        silent = quiet or not settings.ansi
        lost, large = ("NULL", "NULL") if silent else (_decimal_overflow("avg"), _too_large(result))

        def final(buffers: Texts) -> str:
            # The whole part and the remainder apart: with its new digits the sum may not fit in a HUGEINT.
            unscaled_sum, count = unscaled(buffers[0], wide), f"CAST({buffers[2]} AS HUGEINT)"
            whole = f"({unscaled_sum} // {count})"
            fits = f"abs({whole}) < {10 ** (result.precision - zeros)}::HUGEINT"
            rest = half_up(f"(({unscaled_sum} % {count}) * {10**zeros}::HUGEINT)", count)
            mean = rescaled(f"((CASE WHEN {fits} THEN {whole} END) * {10**zeros}::HUGEINT + {rest})", result.scale)
            return (
                f"CASE WHEN {buffers[2]} = 0 THEN NULL WHEN {buffers[1]} THEN {lost}"
                f" WHEN NOT ({fits}) THEN {large} ELSE {mean} END"
            )

        return _mean(total, final)

    return form([kind], result, [wide, BOOLEAN, BIGINT], phases)


def _too_large(kind: DecimalType) -> str:
    message = f"'The average cannot be represented as {kind.sql()}. Use `try_avg` to have NULL instead.'"
    return fail("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", message)


def _mean(total: Phases, final: Callable[[Texts], str]) -> Phases:
    """The buffers of a sum, and a count behind them."""

    def partial(texts: Texts, condition: str | None) -> Texts:
        return [*total.partial(texts, condition), over(f"count({texts[0]})", condition)]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [*total.merge(older[:-1], newer[:-1]), f"{older[-1]} + {newer[-1]}"]

    return Phases(partial, merge, final)


AGGREGATES = table(
    AggregateFunction("count", (1, None), _count),
    AggregateFunction("count_if", (1, 1), _count_if),
    AggregateFunction("sum", (1, 1), _sum(quiet=False)),
    AggregateFunction("avg", (1, 1), _avg(quiet=False)),
    AggregateFunction("try_sum", (1, 1), _sum(quiet=True)),
    AggregateFunction("try_avg", (1, 1), _avg(quiet=True)),
    mean="avg",
)
