"""Room 2: approx_top_k_accumulate and approx_top_k_combine, whose state approx_top_k_estimate reads.

The state of a group is its sketch. Source: Spark ApproxTopKAggregates.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type, quote_text
from headrace.errors import StreamError
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, either, form, over, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import fail
from headrace.sql.functions.sketching.frequent import LIMIT, kind_of, positive, state_item, state_type
from headrace.types import BINARY, DATE, INT, STRING, DataType

_TRACKED = 10_000


def _tracked(argument: Argument) -> int:
    value = positive(argument, "maxItemsTracked")
    if value > LIMIT:
        message = f"The max items tracked `maxItemsTracked`({value}) of `approx_top_k` should be at most {LIMIT}."
        raise StreamError("SQL_ANALYSIS", message, condition="APPROX_TOP_K_MAX_ITEMS_TRACKED_EXCEEDS_LIMIT")
    return value


def _state(sketch: str, tracked: str, item: DataType) -> str:
    ddl = "item string not null" if item == STRING else f"item {item.sql()} NOT NULL"
    parts = {
        "sketch": sketch,
        "maxItemsTracked": f"CAST({tracked} AS INTEGER)",
        "itemDataType": f"CAST(NULL AS {duckdb_type(item)})",
        "itemDataTypeDDL": quote_text(ddl),
    }
    return f"struct_pack({', '.join(f'{name} := {text}' for name, text in parts.items())})"


def _accumulate(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    item = arguments[0].type
    kind = kind_of(item, "approx_top_k_accumulate")
    tracked = _tracked(arguments[1]) if len(arguments) == 2 else _TRACKED

    def partial(texts: Texts, condition: str | None) -> Texts:
        value = f"({texts[0]} - DATE '1970-01-01')" if item == DATE else texts[0]
        plain = value if item == STRING else f"CAST({value} AS BIGINT)"
        rows = over(f"list({plain} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        nulls = over("count(*)", condition, f"{texts[0]} IS NULL")
        call = f"headrace_top_built_{'texts' if item == STRING else 'longs'}"
        return [f"{call}(coalesce({rows}, []), {nulls}, {tracked}, '{kind}')"]

    def union(sketches: str) -> str:
        return f"headrace_top_union([{sketches}], {tracked}, '{kind}')"

    # Spark's last step puts the sketch into a new one, which gives the items another order.
    phases = Phases(
        partial,
        lambda older, newer: [union(f"{older[0]}, {newer[0]}")],
        lambda buffers: _state(union(buffers[0]), str(tracked), item),
    )
    types: Sequence[DataType] = (item, INT)[: len(arguments)]
    return form(types, state_type(item), [BINARY], phases, ordered=True)


def _combine(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    item = state_item(arguments[0], "approx_top_k_combine")
    kind = kind_of(item, "approx_top_k_combine")
    asked = _tracked(arguments[1]) if len(arguments) == 2 else 0

    def partial(texts: Texts, condition: str | None) -> Texts:
        sketch = f"struct_extract({texts[0]}, 'sketch')"
        rows = over(f"list({sketch} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        size = f"struct_extract({texts[0]}, 'maxItemsTracked')"
        sizes = [over(f"{pick}({size})", condition) for pick in ("min", "max")]
        return [f"headrace_top_union({rows}, {asked or LIMIT}, '{kind}')", _same(*sizes)]

    def merge(older: Texts, newer: Texts) -> Texts:
        both = f"headrace_top_union([{older[0]}, {newer[0]}], {asked or LIMIT}, '{kind}')"
        return [either(older[0], newer[0], both), either(older[1], newer[1], _same(older[1], newer[1]))]

    def _same(one: str, other: str) -> str:
        if asked:
            return str(asked)
        message = (
            "'Combining approx_top_k sketches of different sizes is not allowed. Found sketches of size ' "
            f"|| {one} || ' and ' || {other} || '.'"
        )
        wrong = fail("APPROX_TOP_K_SKETCH_SIZE_NOT_MATCH", message)
        return f"CASE WHEN {one} <> {other} THEN {wrong} ELSE {one} END"

    def final(buffers: Texts) -> str:
        # As in Spark there is no state of no states.
        none = "error('approx_top_k_combine of no states has none.')"
        sketch = f"CASE WHEN {buffers[0]} IS NULL THEN {none} ELSE {buffers[0]} END"
        return _state(f"headrace_top_union([{sketch}], {asked or LIMIT}, '{kind}')", buffers[1], item)

    types: Sequence[DataType] = (arguments[0].type, INT)[: len(arguments)]
    return form(types, state_type(item), [BINARY, INT], Phases(partial, merge, final), ordered=True)


AGGREGATES = table(
    AggregateFunction("approx_top_k_accumulate", (1, 2), _accumulate),
    AggregateFunction("approx_top_k_combine", (1, 2), _combine),
)
