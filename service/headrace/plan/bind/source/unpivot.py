"""Room 3: UNPIVOT: a relation of FROM with a row for each of some of its columns, which is an Expand.

Takes the relation and its clause, gives the relation of names and values. Source: Spark UnpivotTransformer.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.scope import Relation, Scope, Visible
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Column, Expression, Literal
from headrace.plan.nodes import Expand, Filter, Plan
from headrace.sql.coercion import common_types
from headrace.sql.parse import position_of
from headrace.types import NULL, STRING, DataType


def unpivoted(relation: Relation, node: exp.Pivot, session: Session, outer: Scope | None) -> Relation:
    """Return the relation under UNPIVOT, without the rows whose values are all NULL unless these are asked for.

    Raises:
        StreamError: UNPIVOT_REQUIRES_ATTRIBUTES, UNPIVOT_VALUE_SIZE_MISMATCH, UNPIVOT_VALUE_DATA_TYPE_MISMATCH, or
            what a name that does not resolve is.
    """
    refuse_unread(node)
    field = node.args["fields"][0]
    binder = Binder(session, Scope(relation, outer=outer, ids=session.ids), TimeWindows(session.ids))
    names = [column.name for column in node.expressions]
    rows = [_row(each, binder, len(names)) for each in field.expressions]
    labels = [_label(each, row) for each, row in zip(field.expressions, rows, strict=True)]
    used = {bound.expression.id for row in rows for bound in row if isinstance(bound.expression, Column)}
    shown = {item.column.id: item for item in relation.visible if not item.hidden}
    kept = tuple(item for id_, item in shown.items() if id_ not in used)
    kinds = [_common(column, session, node) for column in zip(*rows, strict=True)]
    label = session.ids.column(STRING, field.this.name)
    values = tuple(session.ids.column(kind, name) for kind, name in zip(kinds, names, strict=True))
    passed = tuple(item.column for item in kept)
    projections = tuple(
        (*passed, Literal(STRING, text), *(cast_to(b.expression, kind) for b, kind in zip(row, kinds, strict=True)))
        for text, row in zip(labels, rows, strict=True)
    )
    plan: Plan = Expand(relation.plan, projections, (*passed, label, *values))
    if not node.args.get("include_nulls"):
        _refuse_ambiguous(kept, values, node)
        some: Expression = call("coalesce", list(values), ansi=session.catalog.settings.ansi)
        plan = Filter(plan, call("is_not_null", [some]))
    alias = node.args.get("alias")
    if alias is not None:
        return Relation.of(plan, alias.name)
    return Relation(plan, (*kept, *(Visible(column) for column in (label, *values))))


def _refuse_ambiguous(kept: Sequence[Visible], values: Sequence[Column], node: exp.Pivot) -> None:
    """Raise for values under the name of a column that stays, since Spark tests them for NULL by name."""
    for value in values:
        if any(item.column.name.lower() == value.name.lower() for item in kept):
            message = (
                f"Reference `{value.name}` is ambiguous: UNPIVOT gives its values the name of a column that stays."
            )
            hint = "Give the values another name, or write INCLUDE NULLS."
            condition = "AMBIGUOUS_REFERENCE"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(node))


def _row(node: exp.Expr, binder: Binder, count: int) -> list[Bound]:
    inner = node.this if isinstance(node, exp.Alias) else node
    parts = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
    bounds = [binder.bind(part) for part in parts]
    for bound, part in zip(bounds, parts, strict=True):
        if not isinstance(bound.expression, Column):
            message = f'UNPIVOT takes columns only; "{bound.text}" is none.'
            hint = "Make it a column in a subquery first."
            condition = "UNPIVOT_REQUIRES_ATTRIBUTES"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(part))
    if len(bounds) != count:
        message = f"UNPIVOT names {count} columns of values, and {len(bounds)} columns stand together behind IN."
        raise StreamError("SQL_ANALYSIS", message, condition="UNPIVOT_VALUE_SIZE_MISMATCH", at=position_of(node))
    return bounds


def _label(node: exp.Expr, row: Sequence[Bound]) -> str:
    if isinstance(node, exp.Alias):
        return node.alias
    return "_".join(bound.expression.name for bound in row if isinstance(bound.expression, Column))


def _common(column: Sequence[Bound], session: Session, node: exp.Pivot) -> DataType:
    """Return the type of the values that become one column; a text is no number here."""
    kinds = [bound.expression.type for bound in column]
    seen = set(kinds) - {NULL}
    kind = common_types(kinds, session.catalog.settings)
    if kind is None or (STRING in seen and len(seen) > 1):
        shown = ", ".join(f'"{bound.text}" {bound.expression.type.sql()}' for bound in column)
        message = f"The columns of UNPIVOT that become one have no common type: {shown}."
        hint = "Cast them to one type in a subquery first."
        condition = "UNPIVOT_VALUE_DATA_TYPE_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(node))
    return kind
