"""Room 3: VALUES, the rows written in a query."""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import cast_to
from headrace.plan.nodes import Values
from headrace.sql.coercion import common_types
from headrace.sql.parse import position_of
from headrace.types import NULL, STRING


def bind_values(tree: exp.Values, session: Session) -> Relation:
    """Return the rows of VALUES with each column cast to its common type; names are col1, col2 and so on.

    Raises:
        StreamError: rows of unequal length or values without a common type.
    """
    windows = TimeWindows(session.ids)
    binder = Binder(session, Scope(Relation(Values(((),), ()), ()), ids=session.ids), windows)
    rows = [
        [binder.bind(item).expression for item in (row.expressions if isinstance(row, exp.Tuple) else [row])]
        for row in tree.expressions
    ]
    if len({len(row) for row in rows}) != 1:
        message = "The rows of VALUES differ in their number of columns."
        condition = "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(tree))
    kinds = []
    for place, column in enumerate(zip(*rows, strict=True), start=1):
        seen = {value.type for value in column} - {NULL}
        kind = common_types([value.type for value in column], session.catalog.settings)
        if kind is None or (STRING in seen and len(seen) > 1):
            message = f"The values of column {place} of VALUES have no common type."
            raise StreamError(
                "SQL_ANALYSIS", message, condition="INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE"
            )
        kinds.append(kind)
    output = tuple(session.ids.column(kind, f"col{place}") for place, kind in enumerate(kinds, start=1))
    typed = tuple(tuple(cast_to(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows)
    return Relation.of(Values(typed, output))
