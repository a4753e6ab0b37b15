"""Room 3: which columns of a plan carry a watermark.

Takes a plan, gives the ids of the columns that Spark marks with watermark metadata: the Watermark node's column, the
window made from it, the window's time, and plain passes of these under any name.
"""

from __future__ import annotations

from headrace.plan.expressions import Alias, Call, Column, Expression, GetField, Literal
from headrace.plan.nodes import (
    Aggregate,
    Expand,
    GroupsWithState,
    Join,
    Plan,
    Project,
    SessionAssign,
    Union,
    Watermark,
    WindowAssign,
)
from headrace.types import DAY_TIME_INTERVAL


def window_time(window: Expression) -> Call:
    """Return the time that stands for a window: its end less one microsecond. Source: Spark WindowTime."""
    _, end = window.type.fields  # type: ignore[attr-defined]  # callers checked that it is a window
    end_of = GetField(end.type, window, 1, "end")
    return Call(end.type, "subtract", (end_of, Literal(DAY_TIME_INTERVAL, 1)))


def window_of_time(expression: Expression) -> Expression | None:
    """Return the window that the expression is the `window_time` of, or None."""
    match expression:
        case Call(function="subtract", args=(GetField(child=window, name="end"), Literal(value=1))):
            return window
    return None


def event_time_columns(plan: Plan) -> frozenset[int]:
    """Return the ids of the output columns that carry a watermark.

    Law: a computed column never does, except a window of such a column and the `window_time` of such a window.
    """
    marked = _marked(plan)
    return marked & {column.id for column in plan.columns}


def session_columns(plan: Plan) -> frozenset[int]:
    """Return the ids of the output columns that are sessions: grouping by one merges again.

    Law: a session stays one under any name, and through any operator that passes it on. Source: SessionWindow.marker.
    """
    found = frozenset().union(*(session_columns(node) for node in plan.inputs))
    match plan:
        case SessionAssign(window=window):
            return found | {window.id}
        case Project(items=items) | Aggregate(keys=items):
            return frozenset(i.column.id for i in items if isinstance(i.child, Column) and i.child.id in found)
        case Union(children=children, output=output):
            return frozenset(out.id for out, old in zip(output, children[0].columns, strict=True) if old.id in found)
        case Expand(projections=projections, output=output):
            places = zip(output, zip(*projections, strict=True), strict=True)
            return frozenset(out.id for out, old in places if all(isinstance(e, Column) and e.id in found for e in old))
    return found


def carries_watermark(expression: Expression, marked: frozenset[int]) -> bool:
    """Return True when the expression is a marked column, or the time of a marked window."""
    expression = window_of_time(expression) or expression
    return isinstance(expression, Column) and expression.id in marked


def _marked(plan: Plan) -> frozenset[int]:
    match plan:
        case Watermark(event_time=column, child=child):
            return event_time_columns(child) | {column.id}
        case WindowAssign(child=child, time=time, window=window) | SessionAssign(child=child, time=time, window=window):
            below = event_time_columns(child)
            return below | {window.id} if carries_watermark(time, below) else below
        case Project(child=child, items=items):
            return _of_items(items, event_time_columns(child))
        case Aggregate(child=child, keys=keys):
            return _of_items(keys, event_time_columns(child))
        case Expand() | Union():
            return _of_positions(plan)
        case GroupsWithState(code=code, output=output):
            # What Python code gives are new columns, as in Spark; a processor may name one that goes on as event time.
            return frozenset(column.id for column in output if column.name.lower() == code.event_time)
        case Join():
            return event_time_columns(plan.left) | event_time_columns(plan.right)
        case _:
            return frozenset().union(*(event_time_columns(node) for node in plan.inputs))


def _of_items(items: tuple[Alias, ...], below: frozenset[int]) -> frozenset[int]:
    return frozenset(item.column.id for item in items if carries_watermark(item.child, below))


def _of_positions(plan: Expand | Union) -> frozenset[int]:
    if isinstance(plan, Expand):
        below = event_time_columns(plan.child)
        # A column that a set leaves out is null in that projection, and its rows are never late and never evicted.
        return frozenset(
            column.id
            for place, column in enumerate(plan.output)
            if any(carries_watermark(projection[place], below) for projection in plan.projections)
        )
    # Spark's union output takes the metadata of its first child.
    first = plan.children[0]
    below = event_time_columns(first)
    return frozenset(out.id for out, column in zip(plan.output, first.columns, strict=True) if column.id in below)
