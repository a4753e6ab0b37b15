"""Room 2: collect_list, collect_set and approx_count_distinct.

collect_set keeps its values in ascending order, which makes merging exact; Spark promises no order.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.building import Phases, Texts, form, only, over, refused, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch, unsupported
from headrace.sql.vectorised import HLL_PRECISION, hash_sql, is_hashable
from headrace.types import BIGINT, DOUBLE, INT, ArrayType, DataType, MapType

_LATER = "not yet in streams"


def _collect_list(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list({texts[0]} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce({rows}, [])"]

    phases = Phases(partial, lambda older, newer: [f"list_concat({older[0]}, {newer[0]})"], only)
    return form([kind], ArrayType(kind), [ArrayType(kind)], phases, ordered=True)


def _collect_set(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if isinstance(kind, MapType):
        raise mismatch("collect_set cannot hold maps.", condition="UNSUPPORTED_INPUT_TYPE")

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list(DISTINCT {texts[0]})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce(list_sort({rows}), [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [f"list_sort(list_distinct(list_concat({older[0]}, {newer[0]})))"]

    return form([kind], ArrayType(kind), [ArrayType(kind)], Phases(partial, merge, only))


def _registers(codes: str) -> str:
    """Sorted codes with only the highest of each register: register * 64 + rank."""
    return let(f"list_sort(list_distinct({codes}))", _highest)


def _highest(codes: str) -> str:
    return f"list_filter({codes}, lambda c, i: i = len({codes}) OR ({codes}[i + 1] // 64) <> (c // 64))"


def _approximate(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if not is_hashable(kind):
        raise unsupported(f'approx_count_distinct over "{kind.sql()}" is not done.')
    if len(arguments) == 2 and float(arguments[1].value or 0) != 0.05:
        raise unsupported("approx_count_distinct with an error other than 0.05 is not done.")

    def partial(texts: Texts, condition: str | None) -> Texts:
        code = f"headrace_hll_code({hash_sql('xxhash64', [(texts[0], kind)])})"
        rows = over(f"list(DISTINCT {code})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce({_registers(rows)}, [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [_registers(f"list_concat({older[0]}, {newer[0]})")]

    types: list[DataType] = [kind, DOUBLE][: len(arguments)]
    return form(types, BIGINT, [ArrayType(INT)], Phases(partial, merge, _estimate))


def _estimate(buffers: Texts) -> str:
    """Spark's HyperLogLogPlusPlus: linear counting up to 400, then the raw estimate less its mean bias."""
    size = 2**HLL_PRECISION
    alpha = 0.7213 / (1 + 1.079 / size) * size * size
    codes = buffers[0]
    empty = f"({size} - len({codes}))"
    inverse = f"coalesce(list_sum(list_transform({codes}, lambda c: pow(2.0::DOUBLE, -(c % 64)))), 0)"
    raw = f"({alpha!r}::DOUBLE / ({inverse} + {empty}))"
    linear = f"(ln({size}.0::DOUBLE / greatest({empty}, 1)) * {size})"
    corrected = f"({raw} - headrace_hll_bias({raw}))"
    return f"round(CASE WHEN {empty} > 0 AND {linear} <= 400 THEN {linear} ELSE {corrected} END)"


AGGREGATES = table(
    AggregateFunction("collect_list", (1, 1), _collect_list),
    AggregateFunction("collect_set", (1, 1), _collect_set),
    AggregateFunction("approx_count_distinct", (1, 2), _approximate),
    *(
        refused(name, _LATER)
        for name in (
            "approx_percentile",
            "bitmap_construct_agg",
            "bitmap_or_agg",
            "count_min_sketch",
            "grouping",
            "grouping_id",
            "histogram_numeric",
            "hll_sketch_agg",
            "hll_union_agg",
            "listagg",
            "median",
            "mode",
            "percentile",
            "percentile_approx",
            "percentile_cont",
            "percentile_disc",
            "string_agg",
        )
    ),
    array_agg="collect_list",
)
