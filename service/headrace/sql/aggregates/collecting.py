"""Room 2: collect_list, collect_set and listagg.

collect_set keeps its values in ascending order, which makes merging exact; Spark promises no order. The other two keep
the order in which rows came.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.dataclass import dataclass
from headrace.duck import literal_sql
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, only, over, table
from headrace.sql.aggregates.forms.constants import flag, given
from headrace.sql.aggregates.forms.ordering import has_map
from headrace.sql.function import Argument
from headrace.sql.functions.ordering import order_key, orderable
from headrace.sql.functions.signature import TEXT_OR_BYTES, accept, mismatch
from headrace.types import BINARY, DOUBLE, FLOAT, INTEGRAL, STRING, ArrayType, DataType, Field, StructType


def _collect_list(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list({texts[0]} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce({rows}, [])"]

    phases = Phases(partial, lambda older, newer: [f"list_concat({older[0]}, {newer[0]})"], only)
    return form([kind], ArrayType(kind), [ArrayType(kind)], phases, ordered=True)


def _collect_set(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if has_map(kind):
        raise mismatch("collect_set cannot hold maps.", condition="UNSUPPORTED_INPUT_TYPE")

    def partial(texts: Texts, condition: str | None) -> Texts:
        value = f"({texts[0]} + 0)" if kind in (DOUBLE, FLOAT) else texts[0]  # -0.0 is 0.0
        rows = over(f"list(DISTINCT {value})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce(list_sort({rows}), [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [f"list_sort(list_distinct(list_concat({older[0]}, {newer[0]})))"]

    return form([kind], ArrayType(kind), [ArrayType(kind)], Phases(partial, merge, only))


@dataclass(frozen=True, slots=True)
class _Order:
    """One expression of WITHIN GROUP (ORDER BY ...)."""

    type: DataType
    descending: bool
    nulls_first: bool


def _listagg(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    return _joined(arguments, ())


def _listagg_within(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    """Behind value and delimiter come three arguments for each ordering: its value, whether descending, nulls first."""
    keys = [arguments[at : at + 3] for at in range(2, len(arguments), 3)]
    return _joined(arguments, [_Order(orderable(k.type, "listagg"), flag(d), flag(n)) for k, d, n in keys])


def _joined(arguments: Sequence[Argument], orders: Sequence[_Order]) -> AggregateForm:
    kind = accept(arguments[0], TEXT_OR_BYTES, 0)
    delimiter = _delimiter(arguments[1], kind) if len(arguments) > 1 else _EMPTY[kind]
    keys = tuple(Field(f"o{place}", order.type) for place, order in enumerate(orders))
    row = ArrayType(StructType((Field("v", kind), *keys)))

    def partial(texts: Texts, condition: str | None) -> Texts:
        parts = [f"v := {texts[0]}", *(f"o{place} := {texts[2 + 3 * place]}" for place in range(len(orders)))]
        rows = f"list(struct_pack({', '.join(parts)}) ORDER BY {ROW_ORDER})"
        return [f"coalesce({over(rows, condition, f'{texts[0]} IS NOT NULL')}, [])"]

    def final(buffers: Texts) -> str:
        parts = f"SELECT unnest({buffers[0]}) AS _e, generate_subscripts({buffers[0]}, 1) AS _i"
        by = ", ".join([*(_ordering(place, order) for place, order in enumerate(orders)), "_i"])
        if kind == STRING:
            return f"(SELECT string_agg(_e.v, {delimiter} ORDER BY {by}) FROM ({parts}))"
        # DuckDB's string_agg takes no bytes; hexadecimal text keeps them.
        text = f"(SELECT string_agg(hex(_e.v), hex({delimiter}) ORDER BY {by}) FROM ({parts}))"
        return f"unhex({text})"

    def merge(older: Texts, newer: Texts) -> Texts:
        return [f"list_concat({older[0]}, {newer[0]})"]

    types = [kind, *(argument.type for argument in arguments[1:])]
    return form(types, kind, [row], Phases(partial, merge, final), ordered=True)


_EMPTY: dict[DataType, str] = {STRING: "''", BINARY: "''::BLOB"}


def _delimiter(argument: Argument, kind: DataType) -> str:
    if argument.constant and argument.value is None:
        return _EMPTY[kind]
    value = given(argument, "listagg", "delimiter")
    if kind == STRING and argument.type in INTEGRAL:
        return literal_sql(str(value), kind)
    if argument.type != kind:
        message = f'listagg: the delimiter is "{argument.type.sql()}" and the values are "{kind.sql()}".'
        raise mismatch(message, condition="DATA_DIFF_TYPES")
    return literal_sql(value, kind)


def _ordering(place: int, order: _Order) -> str:
    key = order_key(f"_e.o{place}", order.type)
    return f"{key} {'DESC' if order.descending else 'ASC'} NULLS {'FIRST' if order.nulls_first else 'LAST'}"


AGGREGATES = table(
    AggregateFunction("collect_list", (1, 1), _collect_list),
    AggregateFunction("collect_set", (1, 1), _collect_set),
    AggregateFunction("listagg", (1, 2), _listagg),
    AggregateFunction("listagg within group", (3, None), _listagg_within),
    array_agg="collect_list",
    string_agg="listagg",
)
