"""Room 5: an Aggregate node to the texts of its four phases: partial, merge, finish, and all in one for static plans.

Takes the child's fragment; gives DuckDB text over key columns k0.. and buffer columns b0... Windows are grouped by
their start as a whole number and become structs again afterwards, since hashing a struct per row costs several times
more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type
from headrace.incremental.fragment import Fragment, window_struct
from headrace.incremental.render import Renderer, column_name, typed
from headrace.plan.expressions import AggregateCall, Alias, Column, Literal
from headrace.plan.nodes import Aggregate, WindowAssign, walk
from headrace.sql.aggregate import ROW_ORDER, AggregateForm
from headrace.sql.settings import SqlSettings
from headrace.types import DOUBLE, FLOAT, DataType


@dataclass(frozen=True, slots=True)
class Grouping:
    """The texts of an aggregate; `partial` is a whole SELECT, `merge` and `finish` are select lists."""

    partial: Fragment
    merge: str
    finish: str
    keys: tuple[DataType, ...]
    buffers: tuple[DataType, ...]
    functions: tuple[str, ...]
    names: tuple[str, ...]
    buffer_names: tuple[str, ...]


def group(child: Fragment, node: Aggregate, render: Renderer, settings: SqlSettings) -> Grouping:
    """Return the texts of an aggregate over a child."""
    calls = [_call(item.child) for item in node.aggregates]
    forms = [render.aggregate(call) for call in calls]
    buffers = tuple(kind for form in forms for kind in form.buffers)
    partial = _partial(child, node, calls, forms, render)
    return Grouping(
        partial=partial,
        merge=_merge(len(node.keys), forms, settings),
        finish=_finish(node, forms, settings),
        keys=tuple(item.column.type for item in node.keys),
        buffers=buffers,
        functions=tuple(_written(call) for call in calls),
        names=tuple(_name(item, node) for item in node.keys),
        buffer_names=_buffer_names(calls, forms),
    )


def _written(call: AggregateCall) -> str:
    """The call with what its buffers depend on: types, and constants behind the first argument."""
    args = [
        str(arg.value) if place and isinstance(arg, Literal) else arg.type.sql() for place, arg in enumerate(call.args)
    ]
    return f"{call.function}({'DISTINCT ' if call.distinct else ''}{', '.join(args)})"


_PARTS: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("avg", 2): ("sum", "count"),
    ("avg", 3): ("sum", "overflowed", "count"),
    ("first", 2): ("first", "valueSet"),
    ("last", 2): ("last", "valueSet"),
    ("max_by", 2): ("valueWithExtremumOrdering", "extremumOrdering"),
    ("min_by", 2): ("valueWithExtremumOrdering", "extremumOrdering"),
    ("sum", 2): ("sum", "overflowed"),
}
"""Spark's names of the buffers of a function, by function and number of buffers."""


def _buffer_names(calls: Sequence[AggregateCall], forms: Sequence[AggregateForm]) -> tuple[str, ...]:
    """Return what each buffer is called where state is read: as in Spark, with a number where a name repeats."""
    wanted: list[str] = []
    for call, form in zip(calls, forms, strict=True):
        width = len(form.buffers)
        wanted += _PARTS.get((call.function, width), (call.function,) * width)
    seen: Counter[str] = Counter()
    names = []
    for name in wanted:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(names)


def _name(key: Alias, node: Aggregate) -> str:
    """Return what a key is, in words that stay when columns are numbered anew: state of other windows does not fit."""
    for below in walk(node.child):
        if isinstance(below, WindowAssign) and isinstance(key.child, Column) and below.window.id == key.child.id:
            return f"window(size {below.size_us} us, slide {below.slide_us} us, start {below.start_us} us)"
    return key.column.name


def _call(expression: object) -> AggregateCall:
    if not isinstance(expression, AggregateCall):
        message = f"an Aggregate holds {type(expression).__name__}, not an aggregate call"
        raise TypeError(message)
    return expression


def _partial(
    child: Fragment,
    node: Aggregate,
    calls: Sequence[AggregateCall],
    forms: Sequence[AggregateForm],
    render: Renderer,
) -> Fragment:
    keys, outer = [], []
    for i, item in enumerate(node.keys):
        text, shown = render.sql(item.child), f"k{i}"
        bucket = child.buckets.get(item.child.id) if isinstance(item.child, Column) else None
        if bucket is not None:
            text, shown = bucket.start, f"{window_struct(f'k{i}', bucket.size_us)}"
        elif item.column.type in (DOUBLE, FLOAT):
            text = f"({text} + 0)"  # -0.0 and 0.0 are one group and shown as 0.0 (Spark NormalizeFloatingNumbers)
        keys.append(f"{text} AS k{i}")
        outer.append(f"{shown} AS k{i}")
    sums = [text for call in calls for text in render.partials(call)]
    kinds = [kind for form in forms for kind in form.buffers]
    items = [
        f"CAST({text} AS {duckdb_type(kind)}) AS b{i}" for i, (text, kind) in enumerate(zip(sums, kinds, strict=True))
    ]
    source = f"({child.sql})"
    if any(form.ordered for form in forms):
        source = f"(SELECT *, row_number() OVER () AS {ROW_ORDER} FROM ({child.sql}))"
    by = f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}" if keys else ""
    inner = f"SELECT {', '.join([*keys, *items]) or '0 AS none'} FROM {source}{by}"
    shown = ", ".join([*outer, *(f"b{i}" for i in range(len(items)))])
    return child.extended(f"SELECT {shown or '*'} FROM ({inner})", ())


def _merge(keys: int, forms: Sequence[AggregateForm], settings: SqlSettings) -> str:
    items, at = [f"k{i}" for i in range(keys)], 0
    for form in forms:
        here = range(at, at + len(form.buffers))
        merged = form.merge([f"s{i}" for i in here], [f"n{i}" for i in here], settings)
        for i, text, kind in zip(here, merged, form.buffers, strict=True):
            items.append(f"CAST(CASE WHEN found THEN {text} ELSE n{i} END AS {duckdb_type(kind)}) AS b{i}")
        at += len(form.buffers)
    return ", ".join(items)


def _finish(node: Aggregate, forms: Sequence[AggregateForm], settings: SqlSettings) -> str:
    items, at = [f"k{i} AS {column_name(item.column)}" for i, item in enumerate(node.keys)], 0
    for item, form in zip(node.aggregates, forms, strict=True):
        texts = [f"b{i}" for i in range(at, at + len(form.buffers))]
        items.append(typed(form.final(texts, settings), item.column))
        at += len(form.buffers)
    return ", ".join(items)
