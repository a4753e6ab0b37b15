"""Room 5: the DuckDB text of a stateless stretch, built up node by node.

A `Fragment` is a SELECT whose columns are called c<id>; the functions below wrap one node around it. DuckDB flattens
the nesting, so that a stretch runs as one pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from headrace.dataclass import dataclass
from headrace.duck import quote
from headrace.incremental.render import Renderer, column_name, typed
from headrace.plan import nodes
from headrace.plan.expressions import Column
from headrace.types import TIMESTAMP_NTZ, StructType

_INSTANT = "make_timestamptz"  # of µs since the epoch


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """A window column that is also there as a whole number: the window's start in µs, cheaper to group by."""

    start: str
    size_us: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """A SELECT statement, the columns it gives and the relations it reads."""

    sql: str
    columns: tuple[Column, ...]
    inputs: tuple[str, ...]
    buckets: Mapping[int, TimeBucket] = field(default_factory=dict)
    renames: tuple[str, ...] | None = None

    def extended(self, sql: str, columns: Sequence[Column], *others: Fragment) -> Fragment:
        """Return a fragment around this one, reading what this and the others read."""
        inputs = tuple(dict.fromkeys(name for f in (self, *others) for name in f.inputs))
        return Fragment(sql, tuple(columns), inputs)


def names(columns: Sequence[Column]) -> str:
    """Return the columns as a select list, or a constant when there are none."""
    return ", ".join(quote(column_name(column)) for column in columns) or "0 AS none"


def only_columns(fragment: Fragment) -> str:
    """Return a fragment's text without the starts of its windows, which stand beside its columns."""
    if not fragment.columns or not fragment.buckets:
        return fragment.sql
    return f"SELECT {names(fragment.columns)} FROM ({fragment.sql})"


def scan(relation: str, source_names: Sequence[str], columns: Sequence[Column]) -> Fragment:
    """Return a fragment that reads a relation's columns by their own names."""
    items = ", ".join(
        f"{quote(name)} AS {column_name(column)}" for name, column in zip(source_names, columns, strict=True)
    )
    sql = f"SELECT {items or '0 AS none'} FROM {quote(relation)}"
    return Fragment(sql, tuple(columns), (relation,), renames=tuple(source_names))


def finished(groups: str, items: str, columns: Sequence[Column]) -> Fragment:
    """Return a fragment that computes the results of an aggregation from its groups, kept by a step before."""
    return Fragment(_all_computed(quote(groups), items), tuple(columns), (groups,))


def grouped(groups: Fragment, items: str, columns: Sequence[Column]) -> Fragment:
    """Return a fragment that computes the results of an aggregation from its groups, made by the fragment."""
    return groups.extended(_all_computed(f"({groups.sql})", items), columns)


def _all_computed(groups: str, items: str) -> str:
    """Return the results of every group, as Spark computes them.

    Without the wall a condition above would decide for which groups a result is computed, and one that fails would not.
    """
    return f"WITH finished AS MATERIALIZED (SELECT {items or '0 AS none'} FROM {groups}) SELECT * FROM finished"


def values(node: nodes.Values, render: Renderer) -> Fragment:
    """Return a fragment of constant rows."""
    rows = " UNION ALL ".join(
        "SELECT " + (", ".join(typed(render.sql(e), c) for e, c in zip(row, node.output, strict=True)) or "0 AS none")
        for row in node.rows
    )
    return Fragment(rows, node.output, ())


def project(child: Fragment, node: nodes.Project, render: Renderer) -> Fragment:
    """Return the child under a SELECT list; window buckets of columns passed on stay known."""
    items = [f"{render.sql(item.child)} AS {column_name(item.column)}" for item in node.items]
    buckets: dict[int, TimeBucket] = {}
    for item in node.items:
        bucket = child.buckets.get(item.child.id) if isinstance(item.child, Column) else None
        if bucket is not None and bucket.start not in {b.start for b in buckets.values()}:
            buckets[item.column.id] = bucket
            items.append(bucket.start)
    sql = f"SELECT {', '.join(items) or '0 AS none'} FROM ({child.sql})"
    return replace(child.extended(sql, node.columns), buckets=buckets)


def filtered(child: Fragment, node: nodes.Filter, render: Renderer) -> Fragment:
    """Return the child's rows whose condition is true."""
    sql = f"SELECT * FROM ({child.sql}) WHERE {render.sql(node.condition)}"
    return replace(child.extended(sql, child.columns), buckets=child.buckets)


def window_assign(child: Fragment, node: nodes.WindowAssign, render: Renderer) -> Fragment:
    """Return each row once per window; all arithmetic is on µs, positive remainder, as Spark's TimeWindowing."""
    size, slide = node.size_us, node.slide_us
    start = f"w{node.window.id}"
    kept = "".join(f"{quote(column_name(column))}, " for column in child.columns)
    time = f"epoch_us({render.sql(node.time)})"
    last = f"t - (((t - {node.start_us}) % {slide} + {slide}) % {slide})"
    timed = f"SELECT *, {time} AS t FROM ({child.sql})"
    if size == slide:
        rows = f"SELECT *, {last} AS {start} FROM ({timed}) WHERE t IS NOT NULL"
    else:
        steps = ", ".join(f"({i * slide})" for i in range(-(-size // slide)))
        rows = (
            f"SELECT *, {last} - back AS {start} FROM ({timed}), (VALUES {steps}) AS steps(back)"
            f" WHERE t IS NOT NULL AND t < {last} - back + {size}"
        )
    sql = f"SELECT {kept}{window_struct(start, size)} AS {column_name(node.window)}, {start} FROM ({rows})"
    return replace(
        child.extended(sql, node.columns), buckets={**child.buckets, node.window.id: TimeBucket(start, size)}
    )


def session_assign(child: Fragment, node: nodes.SessionAssign, render: Renderer) -> Fragment:
    """Return each row with its own session; rows without a time, or with a gap of zero or less, are left out."""
    kind = node.window.type
    make = "make_timestamp" if isinstance(kind, StructType) and kind.fields[0].type == TIMESTAMP_NTZ else _INSTANT
    timed = f"SELECT *, epoch_us({render.sql(node.time)}) AS t, {render.sql(node.gap)} AS gap FROM ({child.sql})"
    kept = "".join(f"{quote(column_name(column))}, " for column in child.columns)
    session = f'struct_pack("start" := {make}(t), "end" := {make}(t + gap)) AS {column_name(node.window)}'
    return child.extended(f"SELECT {kept}{session} FROM ({timed}) WHERE t IS NOT NULL AND gap > 0", node.columns)


def window_struct(start: str, size_us: int) -> str:
    """Return the text of a window struct from the text of its start in µs."""
    return f'struct_pack("start" := {_INSTANT}({start}), "end" := {_INSTANT}({start} + {size_us}))'


_JOINS = {
    nodes.JoinType.INNER: "INNER JOIN",
    nodes.JoinType.LEFT: "LEFT JOIN",
    nodes.JoinType.RIGHT: "RIGHT JOIN",
    nodes.JoinType.FULL: "FULL JOIN",
    nodes.JoinType.SEMI: "SEMI JOIN",
    nodes.JoinType.ANTI: "ANTI JOIN",
}


def joined(left: Fragment, right: Fragment, node: nodes.Join, render: Renderer) -> Fragment:
    """Return the join of two fragments that are both there in whole: stream with table, or table with table."""
    condition = "true" if node.condition is None else render.sql(node.condition)
    if node.null_aware:
        unmatched = f"NOT EXISTS (SELECT 1 FROM ({right.sql}) WHERE ({condition}) IS NOT FALSE)"
        sql = f"SELECT * FROM ({left.sql}) WHERE {unmatched}"
    else:
        word = f"{_JOINS[node.how]}{' LATERAL' if node.lateral else ''}"
        sql = f"SELECT {names(node.columns)} FROM ({left.sql}) {word} ({right.sql}) ON {condition}"
    return left.extended(sql, node.columns, right)


def union(children: Sequence[Fragment], node: nodes.Union) -> Fragment:
    """Return the rows of all children, columns by position."""
    parts = []
    for child in children:
        pairs = zip(child.columns, node.output, strict=True)
        items = ", ".join(f"{column_name(mine)} AS {column_name(out)}" for mine, out in pairs)
        parts.append(f"SELECT {items or '0 AS none'} FROM ({child.sql})")
    return children[0].extended(" UNION ALL ".join(parts), node.output, *children[1:])


def recursive(anchor: Fragment, step: Fragment, node: nodes.Recursion) -> Fragment:
    """Return the rows of all levels; a row of one level too many fails the statement."""
    name, places = quote(node.name), [f"k{i}" for i in range(len(node.output))]
    first = ", ".join(f"{column_name(column)}" for column in anchor.columns)
    again = ", ".join(f"{column_name(column)}" for column in step.columns)
    message = (
        f"[RECURSION_LEVEL_LIMIT_EXCEEDED] Recursion level limit {node.levels} reached but query has not exhausted."
    )
    checked = f"CASE WHEN level < {node.levels} THEN level ELSE error('{message}') END"
    levels = f"SELECT *, (SELECT max(level) + 1 FROM {name}) AS level FROM ({step.sql})"
    rows = f"SELECT {first}, 0 FROM ({anchor.sql}) UNION ALL SELECT {again}, {checked} FROM ({levels})"
    shown = ", ".join(f"{k} AS {column_name(c)}" for k, c in zip(places, node.output, strict=True))
    sql = (
        f"SELECT * FROM (WITH RECURSIVE {name}({', '.join([*places, 'level'])}) AS ({rows}) SELECT {shown} FROM {name})"
    )
    return anchor.extended(sql, node.output, step)


def level_before(node: nodes.RecursionScan) -> Fragment:
    """Return the rows of the level before, which is no step of its own."""
    items = ", ".join(f"k{i} AS {column_name(column)}" for i, column in enumerate(node.output))
    return Fragment(f"SELECT {items or '0 AS none'} FROM {quote(node.name)}", node.output, ())


def set_operation(left: Fragment, right: Fragment, node: nodes.SetOperation) -> Fragment:
    """Return EXCEPT or INTERSECT of two static fragments."""
    word = node.operation.upper() + (" ALL" if node.all else "")
    sql = f"(SELECT {names(left.columns)} FROM ({left.sql})) {word} (SELECT {names(right.columns)} FROM ({right.sql}))"
    return left.extended(sql, node.columns, right)


def generated(child: Fragment, node: nodes.Generate, render: Renderer) -> Fragment:
    """Return a row per element of the generator's list; outer gives one row of nulls where there is none."""
    rows = render.sql(node.generator)
    if node.outer:
        rows = f"CASE WHEN len({rows}) > 0 THEN {rows} ELSE [NULL] END"
    kind = node.generator.type
    if not isinstance(kind, StructType):
        message = f"the generator {node.generator.function} gives {kind.sql()}, not a struct"
        raise TypeError(message)
    made = ", ".join(
        f"struct_extract(g, '{name}') AS {column_name(column)}"
        for name, column in zip(kind.names, node.output, strict=True)
    )
    kept = f"{names(child.columns)}, " if child.columns else ""
    sql = f"SELECT {kept}{made} FROM (SELECT *, unnest({rows}) AS g FROM ({child.sql}))"
    return child.extended(sql, node.columns)


def expanded(child: Fragment, node: nodes.Expand, render: Renderer) -> Fragment:
    """Return each row once per projection."""
    parts = (
        "SELECT " + ", ".join(typed(render.sql(e), c) for e, c in zip(projection, node.output, strict=True))
        for projection in node.projections
    )
    sql = " UNION ALL ".join(f"{part} FROM ({child.sql})" for part in parts)
    return child.extended(sql, node.columns)


def sorted_rows(child: Fragment, node: nodes.Sort, render: Renderer) -> Fragment:
    """Return the child in ORDER BY order."""
    keys = ", ".join(
        f"{render.sql(key.child)} {'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
        for key in node.keys
    )
    return child.extended(f"SELECT * FROM ({child.sql}) ORDER BY {keys}", child.columns)


def deduplicated(child: Fragment, node: nodes.Deduplicate) -> Fragment:
    """Return the first row of each key of a static fragment."""
    rows = f"SELECT *, row_number() OVER () AS place FROM ({child.sql})"
    first = f"row_number() OVER (PARTITION BY {names(node.keys)} ORDER BY place) = 1"
    return child.extended(f"SELECT {names(child.columns)} FROM ({rows}) QUALIFY {first}", child.columns)


def limited(child: Fragment, word: str, count: int) -> Fragment:
    """Return the child cut by LIMIT or OFFSET."""
    return child.extended(f"SELECT * FROM ({child.sql}) {word} {count}", child.columns)


def read_until(child: Fragment, node: nodes.Limit, render: Renderer) -> Fragment:
    """Return the child's rows up to the one with which enough are passing."""
    if node.passing is None:
        return limited(child, "LIMIT", node.count)
    passing = f"coalesce({render.sql(node.passing)}, false)"
    before = f"count(*) FILTER (WHERE {passing}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    counted = f"SELECT *, {before} AS passed FROM ({child.sql})"
    return child.extended(f"SELECT {names(child.columns)} FROM ({counted}) WHERE passed < {node.count}", child.columns)
