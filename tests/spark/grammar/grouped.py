"""Queries that group: by keys, by windows tumbling and sliding, by sessions, by windows of windows."""

from __future__ import annotations

from typing import Any

from tests.spark.grammar.aggregates import aggregates
from tests.spark.grammar.draw import Draw
from tests.spark.grammar.expressions import Scope, expression
from tests.spark.grammar.stateless import case, settings, where
from tests.spark.grammar.streams import DELAYS, SIZES, Stream, steps, wide

USUAL = (
    "count(*) AS n",
    "count(i) AS ni",
    "sum(i) AS si",
    "sum(x) AS sx",
    "avg(i) AS ai",
    "min(x) AS lo",
    "max(x) AS hi",
    "min(k) AS mk",
    "max(i) - min(i) AS spread",
    "sum(CASE WHEN i > 2 THEN 1 ELSE 0 END) AS big",
    "sum(i) FILTER (WHERE x >= 1) AS fi",
    "count_if(x > 1) AS cx",
    "bool_or(i > 3) AS anyhi",
    "max_by(i, x) AS mb",
    "approx_count_distinct(k) AS ad",
    "array_sort(collect_set(i)) AS cs",
    "round(stddev_pop(i), 6) AS sd",
    "first(i) AS f",
    "last(i, true) AS l",
    "collect_list(i) AS cl",
    "percentile(i, 0.5) AS p",
)
"""Measures with names."""
USUAL_CONDITIONS = (
    " WHERE i > 1",
    " WHERE i IN (1, 2, 3)",
    " WHERE k IS NOT NULL",
    " WHERE k LIKE 'a%'",
    " WHERE x < 3 AND k <> 'c'",
    " WHERE ts >= '2024-01-01 00:00:05'",
    " WHERE i % 2 = 1 OR ts > '2024-01-01 00:00:20'",
    " WHERE ts < '2024-01-01 00:01:00' AND i > 0",
    " WHERE coalesce(i, 0) >= 0",
)
"""Conditions that go below the watermark, stay above it, or both."""


def window(draw: Draw, time: str = "ts") -> str:
    """Return a window expression, tumbling or sliding."""
    size = draw.one(SIZES)
    if draw.chance(0.6):
        return f"window({time}, '{size} seconds')"
    slide = draw.one([each for each in (2, 3, 5, 7, 10, 15, 20, 30) if each <= size])
    start = f", '{draw.number(0, slide - 1)} seconds'" if draw.chance(0.25) else ""
    return f"window({time}, '{size} seconds', '{slide} seconds'{start})"


def keys(draw: Draw, scope: Scope, least: int, most: int) -> list[str]:
    """Return so many different expressions to group by."""
    plain = [name for name, kind in scope.items() if not kind.startswith(("MAP", "TIMESTAMP"))]
    made = ["upper(k)", "i % 2", "k IS NULL", "coalesce(k, '-')", "struct(k, i)", expression(draw, scope, "INT", 1)]
    return draw.some([*plain, *plain, *made], least, most)


def group(draw: Draw) -> dict[str, Any]:
    """GROUP BY keys, or nothing, without windows."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS) if draw.chance(0.3) else None
    by = list(dict.fromkeys(keys(draw, stream.columns, 0, 2)))
    named = [f"{each} AS g{place}" for place, each in enumerate(by)]
    measures = aggregates(draw, stream.columns)
    grouping = f" GROUP BY {_grouping(draw, by)}" if by else ""
    sql = f"SELECT {', '.join(named + measures)} FROM s{where(draw, stream.columns, 0.4)}{grouping}{_having(draw, by)}"
    mode = draw.one(("update", "update", "complete", "complete", "append" if draw.chance(0.2) else "update"))
    if mode == "complete" and draw.chance(0.4):
        sql += " ORDER BY " + ", ".join(
            f"{at + 1}" for at in range(len(named) + len(measures)) if _sortable(measures, at, named)
        )
        sql += f" LIMIT {draw.number(1, 4)}" if draw.chance(0.5) else ""
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def _grouping(draw: Draw, by: list[str]) -> str:
    if len(by) == 2 and draw.chance(0.2):
        return draw.one(
            (f"ROLLUP({by[0]}, {by[1]})", f"CUBE({by[0]}, {by[1]})", f"GROUPING SETS (({by[0]}), ({by[1]}))")
        )
    return ", ".join(by)


def _sortable(measures: list[str], at: int, named: list[str]) -> bool:
    text = (named + measures)[at]
    return "struct" not in text and "collect" not in text


def _having(draw: Draw, by: list[str]) -> str:
    if not draw.chance(0.25):
        return ""
    choices = ["count(*) > 1", "max(i) IS NOT NULL", "sum(i) > 2", "count(*) < 3"]
    return f" HAVING {draw.one([*choices, *(f'({each}) IS NOT NULL' for each in by)])}"


def windowed(draw: Draw) -> dict[str, Any]:
    """GROUP BY a window and keys, in every mode, in the ways to write it."""
    stream = wide(draw)
    stream.delay = None if draw.chance(0.08) else draw.one(DELAYS)
    mode = draw.one(("append", "append", "append", "update", "update", "complete"))
    sql = windowed_sql(draw, stream)
    if mode == "complete" and draw.chance(0.3):
        sql += " ORDER BY 1, 2" if ", k" in sql.split("FROM")[0] else ""
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def made_time(draw: Draw) -> dict[str, Any]:
    """A watermark on a view: on a time that is computed or cast from a string."""
    stream = wide(draw)
    stream.columns["at"] = "STRING" if draw.chance(0.4) else "BIGINT"
    others = ", ".join(name for name in stream.columns if name not in {"ts", "at"})
    time = draw.one(
        ("ts + INTERVAL 3 SECONDS", "CAST(CAST(ts AS STRING) AS TIMESTAMP)", "date_trunc('SECOND', ts)", "ts")
    )
    filtered = where(draw, stream.columns, 0.4)
    views: list[dict[str, Any]] = [{"name": "v", "sql": f"SELECT {time} AS ts, {others} FROM s{filtered}"}]
    marked = {"column": "ts", "delay": draw.one(DELAYS)}
    viewed = Stream("v", {name: kind for name, kind in stream.columns.items() if name != "at"}, "ts")
    sql = windowed_sql(draw, viewed)
    views[0]["watermark"] = marked
    mode = draw.one(("append", "append", "update", "complete"))
    return case([stream], sql, mode, steps(draw, [stream]), views=views, settings=settings(draw))


def windowed_sql(draw: Draw, stream: Stream) -> str:
    """Return a query by a window of the stream's time."""
    scope, win = stream.columns, window(draw, stream.time)
    by = list(dict.fromkeys(keys(draw, scope, 0, 2)))
    named = [f"{each} AS g{place}" for place, each in enumerate(by)]
    measures = aggregates(draw, scope)
    source, having = f"{stream.name}{where(draw, scope, 0.35)}", _having(draw, by)

    def grouped(shown: str, relation: str, first: str) -> str:
        items, group_by = ", ".join([shown, *named, *measures]), ", ".join([first, *by])
        return f"SELECT {items} FROM {relation} GROUP BY {group_by}{having}"

    form = draw.number(0, 9)
    if form < 6:
        shown = draw.one(("window.start AS ws, window.end AS we", "window AS w", "window.start AS ws"))
        return grouped(shown, source, win)
    if form < 8:
        return grouped("w.start AS ws", f"(SELECT *, {win} AS w FROM {source})", "w")
    if form < 9:
        return grouped(f"{stream.time} AS at", source, stream.time)
    return f"SELECT window_time(window) AS wt, * FROM ({grouped('window', source, win)})"


def computed(draw: Draw) -> dict[str, Any]:
    """Conditions on columns that a subquery computes, with regular expressions among them, grouped or not."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS)
    patterns = (
        *("k RLIKE 'a'", "k LIKE 'a_'", "k LIKE '%a%b'", "array_join(array(k, 'x'), '-') = 'a-x'", "k LIKE 'a%'"),
        *("k LIKE ANY ('a_', 'b%')", "k NOT LIKE ALL ('_', 'a%')", "k ILIKE ANY ('A_', '_')"),
    )
    kinds = {"c0": draw.one(("INT", "STRING", "TIMESTAMP")), "c1": "BOOLEAN"}
    made = f"{expression(draw, stream.columns, kinds['c0'], 2)} AS c0, {draw.one(patterns)} AS c1"
    scope = {"ts": "TIMESTAMP", "k": "STRING", "i": "INT", **kinds}
    inner = f"SELECT ts, k, i, {made} FROM s{where(draw, stream.columns, 0.3)}"
    source = f"({inner}){where(draw, scope, 1)}{draw.one(('', ' AND c1'))}"
    if draw.chance(0.6):
        sql, mode = f"SELECT ts, k, c0, c1 FROM {source}", draw.one(("append", "update"))
    else:
        sql = f"SELECT window.start AS ws, c1, count(*) AS n, max(c0) AS m FROM {source} GROUP BY {window(draw)}, c1"
        sql += draw.one(("", " HAVING c1", " HAVING count(*) > 1"))
        mode = draw.one(("append", "update", "complete"))
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def session(draw: Draw) -> dict[str, Any]:
    """GROUP BY a session window."""
    stream = wide(draw)
    stream.delay = None if draw.chance(0.05) else draw.one(DELAYS)
    by = list(dict.fromkeys(keys(draw, stream.columns, 0 if draw.chance(0.05) else 1, 2)))
    named = [f"{each} AS g{place}" for place, each in enumerate(by)]
    gap = draw.one(
        (
            "'5 seconds'",
            "'10 seconds'",
            "'30 seconds'",
            "CASE WHEN k = 'a' THEN '4 seconds' ELSE '12 seconds' END",
            "CASE WHEN i > 2 THEN '0 seconds' WHEN i > 0 THEN '8 seconds' ELSE '20 seconds' END",
        )
    )
    win = f"session_window({stream.time}, {gap})"
    measures = aggregates(draw, stream.columns)
    shown = draw.one(("session_window.start AS ws, session_window.end AS we", "session_window AS w"))
    items, group_by = ", ".join([shown, *named, *measures]), ", ".join([win, *by])
    sql = f"SELECT {items} FROM s{where(draw, stream.columns, 0.35)} GROUP BY {group_by}{_having(draw, by)}"
    mode = draw.one(("append", "append", "append", "append", "complete", "update" if draw.chance(0.2) else "append"))
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def usual(draw: Draw) -> dict[str, Any]:
    """A window, a session, keys or nothing, and measures, conditions and delays as most queries have them."""
    stream = Stream("s", {"ts": "TIMESTAMP", "k": "STRING", "i": "INT", "x": "DOUBLE"}, "ts", nulls_in_time=False)
    stream.delay = draw.one((*DELAYS, None))
    by, shown = draw.one((("", ""), (", k", ", k"), (", k", ", k"), (", i", ", i"), (", k, i", ", k, i")))
    named = ", ".join(draw.some(USUAL, 1, 4))
    source = f"s{draw.one(('', *USUAL_CONDITIONS))}"
    having = draw.one(("", "", " HAVING count(*) > 1", " HAVING sum(i) > 3", " HAVING max(x) IS NOT NULL"))
    mode = draw.one(("append", "append", "update", "complete"))
    way = draw.number(0, 9)
    if way < 2:
        stream.delay = None if draw.chance(0.7) else stream.delay
        grouping = f" GROUP BY {by[2:]}" if by else ""
        sql = f"SELECT {', '.join(part for part in (shown[2:], named) if part)} FROM {source}{grouping}{having}"
        return case([stream], sql, "update" if mode == "append" else mode, steps(draw, [stream]))
    win, name = window(draw), "window"
    if way < 5:
        win, name, by, shown = f"session_window(ts, '{draw.one((5, 10, 15))} seconds')", "session_window", ", k", ", k"
        mode = "append" if mode == "update" else mode
    sql = f"SELECT {name}.start AS start, {name}.end AS end{shown}, {named} FROM {source} GROUP BY {win}{by}{having}"
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def distinct(draw: Draw) -> dict[str, Any]:
    """SELECT DISTINCT, UNION DISTINCT."""
    stream = wide(draw)
    stream.delay = None if draw.chance(0.3) else draw.one(DELAYS)
    picked = draw.one(
        ("k", "k, i", "ts, k", "ts", "window(ts, '10 seconds') AS w, k", "date_trunc('MINUTE', ts) AS m, k")
    )
    sql = f"SELECT DISTINCT {picked} FROM s{where(draw, stream.columns, 0.4)}"
    return case(
        [stream], sql, draw.one(("append", "update", "complete")), steps(draw, [stream]), settings=settings(draw)
    )
