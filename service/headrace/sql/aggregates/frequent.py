"""Room 2: mode, the most frequent value of a group.

Of values that came equally often Spark gives any, and gives the smallest or largest on demand; this always gives one of
those two, so that running a batch again gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, form, table
from headrace.sql.aggregates.forms.constants import flag, given
from headrace.sql.aggregates.forms.ordering import order_key, orderable
from headrace.sql.aggregates.forms.tally import counted, joined, tally_type
from headrace.sql.function import Argument
from headrace.types import DataType


def _mode(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    if len(arguments) == 2:
        given(arguments[1], "mode", "deterministic")
        flag(arguments[1])
    return _most(arguments, descending=False)


def _mode_within(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    return _most(arguments, descending=flag(arguments[1]))


def _most(arguments: Sequence[Argument], *, descending: bool) -> AggregateForm:
    kind: DataType = orderable(arguments[0].type, "mode")
    ties = f"{order_key('_e.v', kind)}{' DESC' if descending else ''}"
    best = f"first(_e.v ORDER BY _e.n DESC, {ties})"
    phases = Phases(
        lambda texts, condition: [counted(texts[0], condition)],
        lambda older, newer: [joined(older[0], newer[0])],
        lambda buffers: f"(SELECT {best} FROM (SELECT unnest({buffers[0]}) AS _e))",
    )
    return form([argument.type for argument in arguments], kind, [tally_type(kind)], phases)


AGGREGATES = table(
    AggregateFunction("mode", (1, 2), _mode),
    AggregateFunction("mode within group", (2, 2), _mode_within),
)
