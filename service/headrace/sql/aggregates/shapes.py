"""Room 2: vector_sum and vector_avg, and schema_of_variant_agg, by way of Arrow functions.

The state of a group is its sum, its mean with the number of vectors, or the type found so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, only, over, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch
from headrace.types import BIGINT, FLOAT, NULL, STRING, VARIANT, ArrayType, DataType, Field, StructType

_VECTOR = ArrayType(FLOAT)


def _only(argument: Argument, kind: DataType) -> None:
    if argument.type not in (kind, NULL):
        raise mismatch(f'Argument 1 must be "{kind.sql()}", and has the type "{argument.type.sql()}".')


def _rows(text: str, condition: str | None) -> str:
    return over(f"list({text} ORDER BY {ROW_ORDER})", condition, f"{text} IS NOT NULL")


def _sum(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    _only(arguments[0], _VECTOR)
    phases = Phases(
        lambda texts, condition: [f"headrace_vector_sums({_rows(texts[0], condition)})"],
        lambda older, newer: [f"headrace_vector_sum_of_two({older[0]}, {newer[0]})"],
        only,
    )
    return form([_VECTOR], _VECTOR, [_VECTOR], phases, ordered=True)


def _avg(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    _only(arguments[0], _VECTOR)
    mean = StructType((Field("v", _VECTOR), Field("n", BIGINT)))
    phases = Phases(
        lambda texts, condition: [f"headrace_vector_means({_rows(texts[0], condition)})"],
        lambda older, newer: [f"headrace_vector_mean_of_two({older[0]}, {newer[0]})"],
        lambda buffers: f"struct_extract({buffers[0]}, 'v')",
    )
    return form([_VECTOR], _VECTOR, [mean], phases, ordered=True)


def _schema(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    _only(arguments[0], VARIANT)

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list(DISTINCT {texts[0]})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_variant_schema(coalesce({rows}, []), [])"]

    phases = Phases(
        partial,
        lambda older, newer: [f"headrace_variant_schema([], [{older[0]}, {newer[0]}])"],
        lambda buffers: f"headrace_variant_schema_name({buffers[0]})",
    )
    return form([VARIANT], STRING, [STRING], phases)


AGGREGATES = table(
    AggregateFunction("vector_sum", (1, 1), _sum),
    AggregateFunction("vector_avg", (1, 1), _avg),
    AggregateFunction("schema_of_variant_agg", (1, 1), _schema),
)
