"""Room 3: ORDER BY, LIMIT and OFFSET."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.function.over import nulls_first
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.refused.ordered import refuse_unordered
from headrace.plan.bind.scope import Relation, Scope, unresolved_column
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import fold_whole, value_of
from headrace.plan.expressions import AggregateCall, Column, Subquery, walk
from headrace.plan.nodes import Limit, Offset, Plan, Sort, SortKey
from headrace.sql.parse import position_of

_MOST = (1 << 31) - 1
_VARYING = (AggregateCall, Column, Subquery)
"""What is no constant."""


def sort_keys(
    tree: exp.Expr, outputs: Sequence[Bound], bind: Callable[[exp.Expr], Bound]
) -> list[tuple[Bound, exp.Expr]]:
    """Return the bound ORDER BY items with their trees; a number is a place in SELECT, ALL is every one of them.

    SORT BY and CLUSTER BY sort too: all rows are in one partition, so DISTRIBUTE BY has nothing to do but to resolve.
    """
    given = [word for word in ("order", "sort", "cluster", "distribute") if tree.args.get(word)]
    if len(given) > 1 and given != ["sort", "distribute"]:
        message = f"{' BY and '.join(given).upper()} BY do not stand together."
        condition = "UNSUPPORTED_FEATURE.COMBINATION_QUERY_RESULT_CLAUSES"
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(tree))
    distribute = tree.args.get("distribute")
    for item in distribute.expressions if distribute else []:
        bind(item.this if isinstance(item, exp.Ordered) else item)
    order = next((tree.args[clause] for clause in ("order", "sort", "cluster") if tree.args.get(clause)), None)
    keys: list[tuple[Bound, exp.Expr]] = []
    for node in order.expressions if order else []:
        item = node if isinstance(node, exp.Ordered) else exp.Ordered(this=node.copy(), nulls_first=True)
        if isinstance(item.this, exp.Column | exp.Var) and item.this.sql().upper() == "ALL":
            keys.extend((output, item) for output in outputs)
        else:
            keys.append((ordinal(item.this, outputs, "ORDER_BY") or bind(item.this), item))
    return keys


def ordinal(node: exp.Expr, outputs: Sequence[Bound], clause: str) -> Bound | None:
    """Return the SELECT item that a bare number means, None when the node is no bare number.

    Raises:
        StreamError: ORDER_BY_POS_OUT_OF_RANGE or GROUP_BY_POS_OUT_OF_RANGE.
    """
    number = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(number, exp.Literal) or number.is_string or not str(number.this).isdigit():
        return None
    place = int(str(number.this)) * (-1 if number is not node else 1)
    if 1 <= place <= len(outputs):
        return outputs[place - 1]
    message = f"{clause.replace('_', ' ')} position {place} is not in the SELECT list (valid: 1 to {len(outputs)})."
    raise StreamError("SQL_ANALYSIS", message, condition=f"{clause}_POS_OUT_OF_RANGE", at=position_of(node))


def sort_key(bound: Bound, item: exp.Expr) -> SortKey:
    """Return the key of an ORDER BY item.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_ORDERING_TYPE, its values have no order.
    """
    refuse_unordered(bound, position_of(item))
    return SortKey(bound.expression, bool(item.args.get("desc")), nulls_first(item))


def order_output(tree: exp.Expr, relation: Relation, session: Session) -> Plan:
    """Return the plan of what is no SELECT under the ORDER BY, LIMIT and OFFSET that follow it."""
    windows = TimeWindows(session.ids)
    binder = Binder(session, Scope(relation, ids=session.ids), windows)
    outputs = [Bound(column, column.name, column.name) for column in relation.plan.columns]
    keys = [sort_key(bound, item) for bound, item in sort_keys(tree, outputs, binder.bind)]
    plan = Sort(relation.plan, tuple(keys), at=position_of(tree.args["order"])) if keys else relation.plan
    return limited(tree, plan, binder)


def limited(tree: exp.Expr, plan: Plan, binder: Binder) -> Plan:
    """Return the plan under the query's OFFSET and LIMIT."""
    for name, node in (("offset", Offset), ("limit", Limit)):
        clause = tree.args.get(name)
        if clause is not None:
            refuse_unread(clause)
        if clause is not None and str(clause.expression.sql()).upper() != "ALL":
            plan = node(plan, _count(clause.expression, name.upper(), binder, plan), at=position_of(clause))
    return plan


def _count(node: exp.Expr, clause: str, binder: Binder, plan: Plan) -> int:
    bound = binder.bind(node)
    output = {column.id for column in plan.columns}
    for part in walk(bound.expression):
        if isinstance(part, Column) and part.id not in output:
            raise unresolved_column([part.name], [column.name for column in plan.columns])
    value = value_of(fold_whole(bound.expression))
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return value
    message = f"{clause} takes a constant whole number from 0 up; seen: {node.sql(dialect='spark')}."
    if isinstance(value, int) and not isinstance(value, bool):
        kind = "IS_NEGATIVE" if value < 0 else "DATA_TYPE"
    else:
        kind = "IS_UNFOLDABLE" if any(isinstance(part, _VARYING) for part in walk(bound.expression)) else "DATA_TYPE"
    condition = f"INVALID_LIMIT_LIKE_EXPRESSION.{kind}"
    raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
