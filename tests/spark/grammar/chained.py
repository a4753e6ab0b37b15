"""Queries with several operators that keep state: deduplication first, unions and joins grouped, windows of windows."""

from __future__ import annotations

from typing import Any

from tests.spark.grammar.aggregates import aggregates
from tests.spark.grammar.draw import Draw
from tests.spark.grammar.grouped import window, windowed_sql
from tests.spark.grammar.joined import TYPES, sides, time_range
from tests.spark.grammar.stateless import case, settings, where
from tests.spark.grammar.streams import DELAYS, steps, wide


def deduplicated(draw: Draw) -> dict[str, Any]:
    """Deduplication in both forms, filtered before or after, sometimes grouped after."""
    stream = wide(draw)
    stream.delay = None if draw.chance(0.15) else draw.one(DELAYS)
    plain = [name for name, kind in stream.columns.items() if not kind.startswith("MAP")]
    form: dict[str, Any] = {"input": "s", "columns": draw.some(plain, 1, 2), "within_watermark": draw.chance(0.4)}
    views: list[dict[str, Any]] = []
    if draw.chance(0.25):
        views.append({"name": "before", "sql": f"SELECT * FROM s{where(draw, stream.columns, 1)}"})
        form["input"] = "before"
    views.append({"name": "once", "deduplicate": form})
    if draw.chance(0.25):
        sql = windowed_sql(draw, stream).replace("FROM s", "FROM once")
        mode = draw.one(("append", "append", "update", "complete"))
    else:
        picked = ", ".join(draw.some(list(stream.columns), 1, 4))
        sql, mode = (
            f"SELECT {picked} FROM once{where(draw, stream.columns, 0.3)}",
            draw.one(("append", "append", "update")),
        )
    return case([stream], sql, mode, steps(draw, [stream]), views=views, settings=settings(draw))


def shared(draw: Draw) -> dict[str, Any]:
    """A CTE or a view that is read in two places, which joined or together."""
    stream = sides(draw, marked=0.85)[0]
    filtered = where(draw, {"k": "STRING", "a": "INT", "v": "DOUBLE"}, 0.5)
    inner = f"SELECT lt, k, a, v FROM l{filtered}"
    grouped_ = f"SELECT window AS w, k, count(*) AS n FROM q GROUP BY {window(draw, 'lt')}, k"
    how = draw.one(TYPES)
    both = "" if how == "LEFT SEMI JOIN" else ", y.lt AS yt, y.v AS yv"
    sql = draw.one(
        (
            f"SELECT x.lt AS xt, x.k AS k{both} FROM q x {how} q y ON x.k = y.k AND x.lt = y.lt",
            f"SELECT x.lt AS xt, x.a AS a{both} FROM q x {how} q y ON x.k = y.k AND x.a > 1 AND y.lt <= x.lt"
            " AND y.lt >= x.lt - INTERVAL 10 SECONDS",
            "SELECT lt, k FROM q WHERE a > 1 UNION ALL SELECT lt, CAST(v AS STRING) FROM q WHERE k = 'a'",
            f"SELECT x.w.start AS ws, x.k AS k, n, y.v AS v FROM ({grouped_}) x JOIN"
            " (SELECT *, window(lt, '10 seconds') AS w FROM q) y ON x.w = y.w AND x.k = y.k",
            f"{grouped_} UNION ALL SELECT window(lt, '10 seconds') AS w, k, 0L AS n FROM q",
        )
    )
    views = [{"name": "q", "sql": inner}] if draw.chance(0.5) else []
    sql = sql if views else f"WITH q AS ({inner}) {sql}"
    return case([stream], sql, "append", steps(draw, [stream]), views=views, settings=settings(draw))


def union_grouped(draw: Draw) -> dict[str, Any]:
    """Two streams with watermarks of their own, together, then grouped or deduplicated."""
    streams = [wide(draw, "s"), wide(draw, "u")]
    for stream in streams:
        stream.delay = None if draw.chance(0.1) else draw.one(DELAYS)
    parts = [f"SELECT ts, k, i FROM {stream.name}{where(draw, stream.columns, 0.3)}" for stream in streams]
    views: list[dict[str, Any]] = [{"name": "x", "sql": " UNION ALL ".join(parts)}]
    scope = {"ts": "TIMESTAMP", "k": "STRING", "i": "INT"}
    measures = ", ".join(aggregates(draw, scope, 1, 3))
    if draw.chance(0.2):
        views.append(
            {
                "name": "once",
                "deduplicate": {
                    "input": "x",
                    "columns": draw.one((["ts"], ["k"], ["ts", "k"])),
                    "within_watermark": draw.chance(0.3),
                },
            }
        )
        sql = "SELECT ts, k, i FROM once"
    else:
        key = draw.one(("", ", k"))
        sql = f"SELECT window.start AS ws{key}, {measures} FROM x GROUP BY {window(draw)}{key}"
    mode = draw.one(("append", "append", "update"))
    return case(streams, sql, mode, steps(draw, streams), views=views, settings=settings(draw, several=True))


def windows_of_windows(draw: Draw) -> dict[str, Any]:
    """Grouped by a window, or a session, and that grouped again."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS)
    first = draw.one((window(draw), window(draw), "session_window(ts, '6 seconds')"))
    name = first.split("(")[0]
    filtered = where(draw, stream.columns, 0.3)
    inner = f"SELECT {name} AS w1, k, count(*) AS n, sum(i) AS si FROM s{filtered} GROUP BY {first}, k"
    second = draw.one(
        (window(draw, "w1"), window(draw, "window_time(w1)"), "w1", "session_window(w1, '15 seconds'), k")
    )
    by = draw.one(("", ", k", ", n > 1"))
    if second.startswith("session"):
        by = ""
    shown = "w1.start" if second == "w1" else f"{second.split('(')[0]}.start"
    outer = f"SELECT {shown} AS ws, sum(n) AS sn, max(si) AS ms, count(*) AS c FROM ({inner}) GROUP BY {second}{by}"
    mode = "append" if draw.chance(0.9) else draw.one(("update", "complete"))
    return case([stream], outer, mode, steps(draw, [stream]), settings=settings(draw))


def joined_then_grouped(draw: Draw) -> dict[str, Any]:
    """Two streams joined, then grouped by a window of either time."""
    pair = sides(draw, marked=0.92)
    how = draw.one([each for each in TYPES if each != "LEFT SEMI JOIN"])
    on = f"l.k = r.k AND {time_range(draw)}"
    time = draw.one(("lt", "rt"))
    if draw.chance(0.3):
        source = f"(SELECT lt, rt, l.k AS k, a, b FROM l {how} r ON {on})"
        sql = (
            f"SELECT window.start AS ws, k, count(*) AS n, sum(a) AS sa FROM {source} GROUP BY {window(draw, time)}, k"
        )
    else:
        shown = "window.start AS ws, count(*) AS n, sum(a) AS sa, max(b) AS mb"
        sql = f"SELECT {shown} FROM l {how} r ON {on} GROUP BY {window(draw, time)}"
    mode = "append" if draw.chance(0.85) else draw.one(("update", "complete"))
    return case(pair, sql, mode, steps(draw, pair), settings=settings(draw, several=True))


def grouped_then_joined(draw: Draw) -> dict[str, Any]:
    """Each stream grouped by windows, then joined by them."""
    pair = sides(draw, marked=1)
    size = draw.one((5, 10, 20))
    views = [
        {"name": "lg", "sql": f"SELECT window AS lw, k, count(*) AS n FROM l GROUP BY window(lt, '{size} seconds'), k"},
        {"name": "rg", "sql": f"SELECT window AS rw, k, sum(b) AS sb FROM r GROUP BY window(rt, '{size} seconds'), k"},
    ]
    if draw.chance(0.3):
        views[1] = {"name": "rg", "sql": f"SELECT window(rt, '{size} seconds') AS rw, k, b AS sb FROM r"}
    how = draw.one(TYPES)
    shown = "lw.start AS ws, lg.k AS k, n" + ("" if how == "LEFT SEMI JOIN" else ", sb")
    sql = f"SELECT {shown} FROM lg {how} rg ON lw = rw AND lg.k = rg.k"
    return case(pair, sql, "append", steps(draw, pair), views=views, settings=settings(draw, several=True))


def union_of_grouped(draw: Draw) -> dict[str, Any]:
    """Two grouped streams together; a grouped one with raw rows; and deduplicated, limited or grouped once more."""
    streams = [wide(draw, "s"), wide(draw, "u")]
    for stream in streams:
        stream.delay = draw.one(DELAYS)
    first = "SELECT window.end AS t, k, count(*) AS n FROM s GROUP BY window(ts, '10 seconds'), k"
    second = draw.one(
        (
            "SELECT window.end AS t, k, count(*) AS n FROM u GROUP BY window(ts, '20 seconds'), k",
            "SELECT ts AS t, k, CAST(i AS BIGINT) AS n FROM u",
            "SELECT window.end AS t, k, sum(i) AS n FROM s GROUP BY window(ts, '5 seconds'), k",
        )
    )
    sql = f"{first} UNION ALL {second}"
    mode = draw.one(("append", "append", "update", "complete"))
    return case(streams, sql, mode, steps(draw, streams), settings=settings(draw, several=True))
