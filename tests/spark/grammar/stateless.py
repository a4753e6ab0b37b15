"""Queries that keep no state: projections, filters, unions, generators, tables looked up."""

from __future__ import annotations

from typing import Any

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.expressions import LITERALS, Scope, expression, predicate
from tests.spark.grammar.streams import DELAYS, Stream, steps, wide

TABLE = {
    "schema": "k STRING, g INT, label STRING, w DOUBLE",
    "rows": [
        {"k": "a", "g": 1, "label": "one", "w": 0.5},
        {"k": "b", "g": 2, "label": "two", "w": None},
        {"k": "b", "g": 3, "label": None, "w": 2.0},
        {"k": None, "g": 4, "label": "null", "w": 1.0},
        {"k": "zz", "g": None, "label": "never", "w": -1.0},
    ],
}
"""A static table whose key is null once and twice the same once."""


def case(streams: list[Stream], sql: str, mode: str, steps_: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a case as the test format has it; `more` are tables, views and settings."""
    kept = {name: value for name, value in more.items() if value}
    return {
        "version": 1,
        "sources": {stream.name: stream.as_source() for stream in streams},
        **kept,
        "query": {"sql": sql, "output_mode": mode},
        "steps": steps_,
    }


def settings(draw: Draw, *, several: bool = False) -> dict[str, Any]:
    """Return settings, mostly none."""
    found: dict[str, Any] = {}
    if draw.chance(0.07):
        found["spark.sql.streaming.noDataMicroBatches.enabled"] = False
    if draw.chance(0.06):
        found["spark.sql.session.timeZone"] = draw.one(("America/New_York", "Asia/Kolkata"))
    if draw.chance(0.06):
        found["spark.sql.ansi.enabled"] = False
    if several and draw.chance(0.3):
        found["spark.sql.streaming.multipleWatermarkPolicy"] = "max"
    return found


def columns(draw: Draw, scope: Scope, least: int = 2, most: int = 5) -> str:
    """Return so many computed columns with names c0, c1 and so on."""
    kinds = ("INT", "INT", "STRING", "STRING", "DOUBLE", "BOOLEAN", "TIMESTAMP", "BIGINT", "DATE", "DECIMAL(10,2)")
    count = draw.number(least, most)
    return ", ".join(f"{expression(draw, scope, draw.one(kinds), 3)} AS c{place}" for place in range(count))


def where(draw: Draw, scope: Scope, probability: float = 0.5) -> str:
    """Return a WHERE clause, or nothing."""
    if not draw.chance(probability):
        return ""
    more = f" AND {predicate(draw, scope)}" if draw.chance(0.3) else ""
    return f" WHERE {predicate(draw, scope)}{more}"


def projection(draw: Draw) -> dict[str, Any]:
    """SELECT of computed columns with WHERE, LIMIT, nested values, subqueries over a table."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS) if draw.chance(0.3) else None
    scope = stream.columns
    filtered = where(draw, scope)
    if draw.chance(0.15):
        member = draw.one(("k IN (SELECT k FROM t)", "EXISTS (SELECT 1 FROM t WHERE t.k = s.k AND g > 1)"))
        filtered += (" AND " if filtered else " WHERE ") + member
    extra = "".join(f", {text}" for text in draw.some(_nested(stream), 0, 2))
    limit = f" LIMIT {draw.number(1, 8)}" if draw.chance(0.12) else ""
    sql = f"SELECT {columns(draw, scope)}{extra} FROM s{filtered}{limit}"
    mode = "append" if limit else draw.one(("append", "append", "update"))
    tables = {"t": TABLE} if " FROM t" in sql else {}
    return case([stream], sql, mode, steps(draw, [stream]), tables=tables, settings=settings(draw))


def limited(draw: Draw) -> dict[str, Any]:
    """LIMIT, which counts over batches and restarts, alone, in a subquery, or over what keeps state."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS) if draw.chance(0.5) else None
    inner = draw.one(
        (
            f"SELECT ts, k, i FROM s{where(draw, stream.columns, 0.5)} LIMIT {draw.number(1, 9)}",
            f"SELECT ts, s.k AS k, i FROM s WHERE k IN (SELECT k FROM t) LIMIT {draw.number(1, 9)}",
            f"SELECT ts, k, i FROM s UNION ALL SELECT ts, k, i + 1 FROM s LIMIT {draw.number(1, 9)}",
        )
    )
    outer = (f"SELECT ts, k, i FROM ({inner}) WHERE i > 1", inner, inner, f"SELECT * FROM ({inner}) LIMIT 3")
    mode = "append" if draw.chance(0.9) else "update"
    return case([stream], draw.one(outer), mode, steps(draw, [stream]), tables={"t": TABLE}, settings=settings(draw))


def generated(draw: Draw) -> dict[str, Any]:
    """LATERAL VIEW explode and its kin, over a stream with a watermark, sometimes grouped."""
    stream = wide(draw)
    stream.columns |= {"a": "ARRAY<INT>", "m": "MAP<STRING, INT>"}
    stream.delay = draw.one(DELAYS)
    outer = draw.one(("", "", "OUTER "))
    view, names = draw.one(
        (
            ("explode(a) g AS v", "v"),
            ("posexplode(a) g AS p, v", "p, v"),
            ("explode(m) g AS q, v", "q, v"),
            ("explode(array(i, i + 1)) g AS v", "v"),
            ("explode(split(k, 'b')) g AS v", "v"),
        )
    )
    source = f"s LATERAL VIEW {outer}{view}{where(draw, stream.columns, 0.3)}"
    if draw.chance(0.4):
        shown = "window.start AS ws, count(v) AS n, max(v) AS mv"
        sql = f"SELECT {shown} FROM {source} GROUP BY window(ts, '10 seconds')"
        mode = draw.one(("append", "update", "complete"))
    else:
        sql, mode = f"SELECT ts, k, {names} FROM {source}", draw.one(("append", "update"))
    return case([stream], sql, mode, steps(draw, [stream]), settings=settings(draw))


def _nested(stream: Stream) -> list[str]:
    found = ["struct(k, i) AS st", "array(i, 7) AS ar", "named_struct('p', i).p AS np", "(SELECT max(g) FROM t) AS mg"]
    for name in stream.typed("ARRAY<INT>"):
        found += [
            f"explode({name}) AS ex",
            f"explode_outer({name}) AS ex",
            f"size({name}) AS sz",
            f"transform({name}, v -> v + 1) AS tr",
        ]
    for name in stream.typed("MAP<STRING, INT>"):
        found += [f"{name}['a'] AS ma", f"map_keys({name}) AS mk"]
    for name in stream.typed("STRUCT<p: INT, q: STRING>"):
        found += [f"{name}.p AS sp", f"{name} AS whole"]
    return found


def union(draw: Draw) -> dict[str, Any]:
    """UNION ALL of two or three streams, or of one with itself."""
    streams = [wide(draw, "s"), wide(draw, "u")]
    for stream in streams:
        stream.delay = draw.one(DELAYS) if draw.chance(0.5) else None
    parts = []
    for stream in (streams + streams[:1])[: draw.number(2, 3)]:
        picked = ", ".join(
            (
                expression(draw, stream.columns, "STRING", 1),
                draw.one(("i", "i + 1", "n" if "n" in stream.columns else "i")),
            )
        )
        parts.append(f"SELECT ts, {picked} FROM {stream.name}{where(draw, stream.columns, 0.3)}")
    first, *rest = parts
    named = first.replace("SELECT ts, ", "SELECT ts AS t, ", 1)
    inner = " UNION ALL ".join([named, *rest])
    sql = f"SELECT * FROM ({inner}) AS x(t, p, q)" + (
        f" WHERE q > {draw.one(LITERALS['INT'])}" if draw.chance(0.3) else ""
    )
    return case(
        streams, sql, draw.one(("append", "update")), steps(draw, streams), settings=settings(draw, several=True)
    )
