"""Room 5: functions OVER (...) and sessions of a static plan, as DuckDB text.

Takes the child's fragment and the node; gives one SELECT. A ranking function is DuckDB's own; an
aggregate is computed from the list of its frame's rows, by the same texts as a grouped one.
"""

from __future__ import annotations

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.incremental.fragment import Fragment, names
from headrace.incremental.render import Renderer, column_name, typed
from headrace.plan import nodes
from headrace.plan.expressions import AggregateCall, Alias, Call, Column, WindowCall
from headrace.sql.aggregate import ROW_ORDER
from headrace.sql.function import Rendered
from headrace.sql.settings import SqlSettings

_RANKING = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile")
_SHIFTING = ("lag", "lead")


def windowed(child: Fragment, node: nodes.WindowFunctions, render: Renderer, settings: SqlSettings) -> Fragment:
    """Return the child's columns and those of the functions, rows in the order of the last function's window.

    Raises:
        StreamError: SQL_UNSUPPORTED for a function or a frame that is not done.
    """
    current = f"SELECT *, row_number() OVER () AS {ROW_ORDER} FROM ({child.sql})"
    for item in node.items:
        call = _call(item)
        if isinstance(call.function, AggregateCall):
            current = _aggregate(current, item, call, render, settings)
        else:
            current = f"SELECT *, {typed(_ranking(call, render), item.column)} FROM ({current})"
    last = _call(node.items[-1])
    order = ", ".join([*(f"{render.sql(e)} NULLS FIRST" for e in last.partition), *_keys(last, render), ROW_ORDER])
    return child.extended(f"SELECT {names(node.columns)} FROM ({current}) ORDER BY {order}", node.columns)


def _call(item: Alias) -> WindowCall:
    assert isinstance(item.child, WindowCall)  # the node's law
    return item.child


def _keys(call: WindowCall, render: Renderer) -> list[str]:
    return [
        f"{render.sql(key)} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
        for key, down, first in zip(call.order, call.descending, call.nulls_first, strict=True)
    ]


def _window(call: WindowCall, render: Renderer, *, framed: bool, by_row: bool = False) -> str:
    parts = []
    if call.partition:
        parts.append(f"PARTITION BY {', '.join(render.sql(e) for e in call.partition)}")
    keys = [*_keys(call, render), *([ROW_ORDER] if by_row else [])]
    if keys:
        parts.append(f"ORDER BY {', '.join(keys)}")
    if framed and call.frame is not None:
        parts.append(call.frame)
    return f"({' '.join(parts)})"


def _ranking(call: WindowCall, render: Renderer) -> str:
    function = call.function
    assert isinstance(function, Call)  # the caller has looked
    name, args = function.function, [render.sql(arg) for arg in function.args]
    if name in _RANKING:
        given = ", ".join(args or ["1"]) if name == "ntile" else ""
        by_row = name in ("row_number", "ntile")
        return f"{name}({given}) OVER {_window(call, render, framed=False, by_row=by_row)}"
    if name in _SHIFTING:
        return f"{name}({', '.join(args)}) OVER {_window(call, render, framed=False, by_row=True)}"
    if name == "nth_value":
        return f"nth_value({', '.join(args)}) OVER {_window(call, render, framed=True)}"
    raise StreamError("SQL_UNSUPPORTED", f"{name} does not stand before OVER.")


def _aggregate(current: str, item: Alias, call: WindowCall, render: Renderer, settings: SqlSettings) -> str:
    """Each row's frame becomes a list of argument rows; a correlated query runs the partial and final texts over it."""
    function = call.function
    assert isinstance(function, AggregateCall)  # the caller has looked
    if function.distinct:
        raise StreamError("SQL_UNSUPPORTED", "DISTINCT before OVER is not supported.")
    form = render.aggregate(function)
    arguments = [render.sql(arg) for arg in function.args]
    condition = "true" if function.condition is None else render.sql(function.condition)
    fields = [*(f"a{i} := {text}" for i, text in enumerate(arguments)), f"kept := {condition}", f"_row := {ROW_ORDER}"]
    frame = f"list(struct_pack({', '.join(fields)})) OVER {_window(call, render, framed=True)}"
    given = [Rendered(f"r.a{i}", arg.type, *_constant(render, arg)) for i, arg in enumerate(function.args)]
    partial = form.partial(given, None, settings)
    items = ", ".join(
        f"CAST({text} AS {duckdb_type(kind)}) AS b{i}"
        for i, (text, kind) in enumerate(zip(partial, form.buffers, strict=True))
    )
    inner = f"SELECT {items} FROM (SELECT r, r._row AS {ROW_ORDER} FROM (SELECT unnest(frame) AS r)) WHERE r.kept"
    final = form.final([f"b{i}" for i in range(len(form.buffers))], settings)
    value = f"(SELECT CAST({final} AS {duckdb_type(item.column.type)}) FROM ({inner}))"
    framed = f"SELECT *, {frame} AS frame FROM ({current})"
    return f"SELECT * EXCLUDE (frame), {value} AS {column_name(item.column)} FROM ({framed})"


def _constant(render: Renderer, arg: object) -> tuple[bool, object]:
    shown = render.rendered(arg)  # type: ignore[arg-type]
    return shown.constant, shown.value


def merged_sessions(child: Fragment, node: nodes.Aggregate, session: int, render: Renderer) -> Fragment:
    """Return the child's rows, each row's own session put as the one it belongs to among the rows of its other keys.

    Args:
        child: Rows with a session each, from its time to its time plus the gap.
        node: The aggregate over them.
        session: The place of the session among its keys.
        render: Renders the other keys.
    """
    window = node.keys[session].child
    assert isinstance(window, Column)  # a session key is the column that SessionAssign made
    name = column_name(window)
    others = [render.sql(item.child) for place, item in enumerate(node.keys) if place != session]
    by = f"PARTITION BY {', '.join(others)} " if others else ""
    start, end = (f"struct_extract({name}, '{part}')" for part in ("start", "end"))
    earlier = f"max({end}) OVER ({by}ORDER BY {start} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    apart = f"SELECT *, coalesce({start} > {earlier}, true) AS apart FROM ({child.sql})"
    count = f"sum(CAST(apart AS BIGINT)) OVER ({by}ORDER BY {start} ROWS UNBOUNDED PRECEDING)"
    island = f"SELECT * EXCLUDE (apart), {count} AS island FROM ({apart})"
    whole = f"PARTITION BY {', '.join([*others, 'island'])}"
    joined = f'struct_pack("start" := min({start}) OVER ({whole}), "end" := max({end}) OVER ({whole}))'
    return child.extended(f"SELECT * EXCLUDE (island) REPLACE ({joined} AS {name}) FROM ({island})", child.columns)
