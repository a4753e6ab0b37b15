"""Room 2: f(DISTINCT ...): any aggregate over the values of a group, each once.

Takes an aggregate's form; gives a form whose one buffer is the ordered list of the distinct values, so that merging is
exact. It is as large as the values are many, which is why streams need to opt in.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import literal_sql
from headrace.sql.aggregate import ROW_ORDER, AggregateForm
from headrace.sql.aggregates.forms.building import Phases, Texts, form, over
from headrace.sql.aggregates.forms.ordering import has_map
from headrace.sql.function import Argument, Rendered
from headrace.sql.functions.signature import mismatch
from headrace.sql.settings import SqlSettings
from headrace.types import DOUBLE, FLOAT, ArrayType, DataType, Field, StructType

SAME_WHEN_DISTINCT = frozenset({"min", "max", "collect_set", "bool_and", "bool_or", "approx_count_distinct"})
"""Aggregates to which a value that comes again means nothing: they need no list of values."""


def distinct(inner: AggregateForm, arguments: Sequence[Argument]) -> AggregateForm:
    """Return the form of an aggregate over distinct values.

    Args:
        inner: The aggregate without DISTINCT.
        arguments: Its arguments; constants stay where they are and are not part of the values.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_ORDERING_TYPE, a value holds a map.
    """
    places = [place for place, argument in enumerate(arguments) if not argument.constant] or [0]
    for place in places:
        if has_map(inner.arguments[place]):
            message = f'DISTINCT needs values that compare, which "{inner.arguments[place].sql()}" does not.'
            raise mismatch(message, condition="INVALID_ORDERING_TYPE")
    row = StructType(tuple(Field(f"a{place}", inner.arguments[place]) for place in places))

    rendered = [
        Rendered(f"struct_extract(_x, 'a{place}')", kind)
        if place in places
        else Rendered(literal_sql(argument.value, kind), kind, constant=True, value=argument.value)
        for place, (argument, kind) in enumerate(zip(arguments, inner.arguments, strict=True))
    ]

    def partial(texts: Texts, condition: str | None) -> Texts:
        parts = ", ".join(f"a{place} := {_plain(texts[place], inner.arguments[place])}" for place in places)
        values = over(f"list(DISTINCT struct_pack({parts}))", condition)
        return [f"coalesce(list_sort({values}), [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [f"list_sort(list_distinct(list_concat({older[0]}, {newer[0]})))"]

    def chosen(settings: SqlSettings) -> Phases:
        def final(buffers: Texts) -> str:
            return _over_values(inner, rendered, buffers[0], settings)

        return Phases(partial, merge, final)

    return form(inner.arguments, inner.type, [ArrayType(row)], chosen)


def _over_values(inner: AggregateForm, arguments: Sequence[Rendered], values: str, settings: SqlSettings) -> str:
    """The whole aggregate as a subquery over the list of values."""
    partials = inner.partial(arguments, None, settings)
    items = ", ".join(f"{text} AS _d{i}" for i, text in enumerate(partials))
    rows = f"SELECT unnest({values}) AS _x, generate_subscripts({values}, 1) AS {ROW_ORDER}"
    final = inner.final([f"_d{i}" for i in range(len(partials))], settings)
    return f"(SELECT {final} FROM (SELECT {items} FROM ({rows})))"


def _plain(sql: str, kind: DataType) -> str:
    # -0.0 and 0.0 are one value (Spark NormalizeFloatingNumbers).
    return f"({sql} + 0)" if kind in (DOUBLE, FLOAT) else sql
