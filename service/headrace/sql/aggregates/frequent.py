"""Room 2: mode and approx_top_k, the most frequent values of a group.

Of values that came equally often Spark gives any, and gives the smallest or largest on demand; this always gives one of
those two, so that running a batch again gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, kept, over, table
from headrace.sql.aggregates.forms.constants import flag, given
from headrace.sql.aggregates.forms.ordering import has_map
from headrace.sql.aggregates.forms.tally import counted, joined, tally_type
from headrace.sql.function import Argument
from headrace.sql.functions.ordering import order_key, orderable
from headrace.sql.functions.signature import unsupported
from headrace.types import BIGINT, ArrayType, Field, StructType


def _mode(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    if len(arguments) == 2:
        given(arguments[1], "mode", "deterministic")
        flag(arguments[1])
    return _most(arguments, descending=False)


def _mode_within(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    return _most(arguments, descending=flag(arguments[1]))


def _most(arguments: Sequence[Argument], *, descending: bool) -> AggregateForm:
    kind = arguments[0].type
    if has_map(kind):
        raise unsupported(f'mode over "{kind.sql()}" is not done.')
    ties = f"{order_key('_e.v', kind)}{' DESC' if descending else ''}"
    best = f"first(_e.v ORDER BY _e.n DESC, {ties})"
    phases = Phases(
        lambda texts, condition: [counted(texts[0], condition)],
        lambda older, newer: [joined(older[0], newer[0])],
        lambda buffers: f"(SELECT {best} FROM (SELECT unnest({buffers[0]}) AS _e))",
    )
    return form([argument.type for argument in arguments], kind, [tally_type(kind)], phases)


_ITEMS_LIMIT = 1_000_000


def _top(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    """The k most frequent values, NULL among them, counted exactly; of equal counts the smaller value comes first."""
    kind = orderable(arguments[0].type, "approx_top_k")
    most, tracked = _numbers(arguments)

    def partial(texts: Texts, condition: str | None) -> Texts:
        absent = over("count(*)", condition, f"{texts[0]} IS NULL")
        nothing = f"struct_pack(v := CAST(NULL AS {duckdb_type(kept(kind))}), n := {absent})"
        return [f"list_concat({counted(texts[0], condition)}, CASE WHEN {absent} > 0 THEN [{nothing}] ELSE [] END)"]

    def final(buffers: Texts) -> str:
        order = f"_e.n DESC, {order_key('_e.v', kind)} NULLS FIRST"
        items = f"list(struct_pack(item := _e.v, count := _e.n) ORDER BY {order})"
        return f"(SELECT coalesce({items}, [])[1:{min(most, tracked)}] FROM (SELECT unnest({buffers[0]}) AS _e))"

    result = ArrayType(StructType((Field("item", kind), Field("count", BIGINT))))
    phases = Phases(partial, lambda older, newer: [joined(older[0], newer[0])], final)
    return form([argument.type for argument in arguments], result, [tally_type(kind)], phases)


def _numbers(arguments: Sequence[Argument]) -> tuple[int, int]:
    found = [5, 10_000]
    for place, argument in enumerate(arguments[1:]):
        what = ("k", "maxItemsTracked")[place]
        value = given(argument, "approx_top_k", what)
        if not isinstance(value, int) or value <= 0:
            message = f"approx_top_k: {what} must be a whole number above 0 (current value = {value})."
            raise StreamError("SQL_ANALYSIS", message, condition="APPROX_TOP_K_NON_POSITIVE_ARG")
        found[place] = value
    if not found[0] <= found[1] <= _ITEMS_LIMIT:
        name = "MAX_ITEMS_TRACKED_LESS_THAN_K" if found[1] < found[0] else "MAX_ITEMS_TRACKED_EXCEEDS_LIMIT"
        message = f"approx_top_k: maxItemsTracked must be between k and {_ITEMS_LIMIT} (current value = {found[1]})."
        raise StreamError("SQL_ANALYSIS", message, condition=f"APPROX_TOP_K_{name}")
    return found[0], found[1]


AGGREGATES = table(
    AggregateFunction("approx_top_k", (1, 3), _top),
    AggregateFunction("mode", (1, 2), _mode),
    AggregateFunction("mode within group", (2, 2), _mode_within),
)
