"""Queries that join: a stream with a table, two streams of every type, a stream with itself, three streams."""

from __future__ import annotations

from typing import Any

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.stateless import TABLE, case, settings, where
from tests.spark.grammar.streams import DELAYS, Stream, steps, wide

TYPES = (
    "JOIN",
    "JOIN",
    "JOIN",
    "LEFT JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "RIGHT JOIN",
    "FULL OUTER JOIN",
    "LEFT SEMI JOIN",
    "LEFT SEMI JOIN",
)


def static(draw: Draw) -> dict[str, Any]:
    """A stream and a table; sometimes grouped after."""
    stream = wide(draw)
    stream.delay = draw.one(DELAYS) if draw.chance(0.5) else None
    how = draw.one(
        (
            "JOIN",
            "LEFT JOIN",
            "LEFT JOIN",
            "LEFT SEMI JOIN",
            "LEFT ANTI JOIN",
            "CROSS JOIN",
            "RIGHT JOIN",
            "FULL OUTER JOIN",
        )
    )
    on = draw.one(
        (
            "s.k = t.k",
            "s.k = t.k",
            "s.k = t.k AND s.i > t.g",
            "s.i = t.g",
            "s.k <=> t.k",
            "s.i < t.g",
            "upper(s.k) = upper(t.k) AND t.w > 0",
            "s.k = t.k AND s.i = 1",
        )
    )
    condition = "" if how == "CROSS JOIN" else f" ON {on}"
    both = not how.startswith(("LEFT SEMI", "LEFT ANTI"))
    swapped = draw.chance(0.3) and both
    source = f"t {how} s{condition}" if swapped else f"s {how} t{condition}"
    scope = {("s.k" if name == "k" else name): kind for name, kind in stream.columns.items()}
    filtered = draw.one(
        (
            "",
            "",
            where(draw, scope, 1),
            " WHERE g IS NULL" if both else "",
            " WHERE t.w > 0" if both else " WHERE i > 0",
        )
    )
    shown = "ts, s.k AS k, i" + (", g, label" if both else "")
    if draw.chance(0.25):
        key = "label" if both else "s.k"
        shown = f"window.start AS ws, {key} AS key, count(*) AS n, sum(i) AS si"
        sql = f"SELECT {shown} FROM {source}{filtered} GROUP BY window(ts, '10 seconds'), {key}"
        mode = draw.one(("append", "update", "complete"))
    else:
        sql = f"SELECT {shown} FROM {source}{filtered}"
        mode = draw.one(("append", "append", "update"))
    return case([stream], sql, mode, steps(draw, [stream]), tables={"t": TABLE}, settings=settings(draw))


def sides(draw: Draw, *, marked: float = 0.75) -> list[Stream]:
    """Return two streams to join; each has a watermark with this probability."""
    left = Stream("l", {"lt": "TIMESTAMP", "k": "STRING", "a": "INT", "v": "DOUBLE"}, "lt")
    right = Stream("r", {"rt": "TIMESTAMP", "k": "STRING", "b": "INT", "w": "DOUBLE"}, "rt")
    for stream in (left, right):
        stream.delay = draw.one(DELAYS[:5]) if draw.chance(marked) else None
        stream.nulls_in_time = draw.chance(0.3)
    return [left, right]


def time_range(draw: Draw) -> str:
    """Return a condition between the two times."""
    near, far = draw.one(((0, 5), (0, 10), (5, 5), (10, 0), (3, 20), (-2, 8), (-10, 20), (15, -5)))
    return draw.one(
        (
            f"rt BETWEEN lt - INTERVAL {near} SECONDS AND lt + INTERVAL {far} SECONDS",
            f"rt BETWEEN lt - INTERVAL {near} SECONDS AND lt + INTERVAL {far} SECONDS",
            f"rt >= lt - INTERVAL {near} SECONDS AND rt <= lt + INTERVAL {far} SECONDS",
            f"lt >= rt - INTERVAL {near} SECONDS AND lt < rt + INTERVAL {far} SECONDS",
            f"rt > lt AND rt < lt + INTERVAL {far} SECONDS",
            f"lt + INTERVAL {near} SECONDS > rt AND lt <= rt",
            f"rt >= lt - INTERVAL {near} SECONDS",
            f"rt <= lt + INTERVAL {far} SECONDS",
            "lt = rt",
        )
    )


def streams(draw: Draw) -> dict[str, Any]:
    """Two streams."""
    pair = sides(draw)
    how = "LEFT ANTI JOIN" if draw.chance(0.02) else draw.one(TYPES)
    parts = [
        draw.one(
            (
                "l.k = r.k",
                "l.k = r.k",
                "l.k = r.k",
                "l.k = r.k AND a = b",
                "a = b",
                "l.k <=> r.k",
                "upper(l.k) = upper(r.k)",
            )
        )
    ]
    if draw.chance(0.75):
        parts.append(time_range(draw))
    if draw.chance(0.3):
        parts.append(
            draw.one(("a > b", "a > 1", "b > 1", "b IS NOT NULL", "v < w", "a + b > 3", "l.k <> 'b'", "r.k = 'a'"))
        )
    if draw.chance(0.02):
        parts = parts[1:] or ["a < b"]
    both = how != "LEFT SEMI JOIN" and how != "LEFT ANTI JOIN"
    conditions = ["a > 1", "l.k = 'a'", "l.k IS NOT NULL", "lt > TIMESTAMP'2024-01-01T00:00:10Z'", "v IS NULL"]
    conditions += (
        [
            "b > 1",
            "b IS NULL",
            "rt IS NOT NULL",
            "coalesce(a, 0) < coalesce(b, 9)",
            "coalesce(b, 0) > 1",
            "CASE WHEN b > 2 THEN false ELSE a > 0 END",
            "b <=> a",
            "a IN (1, 2)",
            "r.k LIKE 'a%'",
        ]
        if both
        else []
    )
    filtered = f" WHERE {' AND '.join(draw.some(conditions, 1, 2))}" if draw.chance(0.3) else ""
    shown = draw.one(("lt, l.k AS k, a", "l.k AS k, a")) + (
        draw.one((", rt, b", ", b", ", r.k AS rk, b, w")) if both else ""
    )
    sql = f"SELECT {shown} FROM l {how} r ON {' AND '.join(parts)}{filtered}"
    mode = "update" if draw.chance(0.12) else "append"
    return case(pair, sql, mode, steps(draw, pair), settings=settings(draw, several=True))


def usual(draw: Draw) -> dict[str, Any]:
    """Two streams by a key and a range of time, with one more condition, as most joins are."""
    left = Stream("l", {"ts": "TIMESTAMP", "k": "STRING", "i": "INT", "x": "DOUBLE"}, "ts", nulls_in_time=False)
    right = Stream("r", {"rt": "TIMESTAMP", "k": "STRING", "b": "INT"}, "rt", nulls_in_time=False)
    how = draw.one(TYPES)
    if draw.chance(0.92):
        left.delay, right.delay = draw.one(DELAYS), draw.one(DELAYS)
    between = draw.one(
        (
            "rt BETWEEN ts AND ts + INTERVAL 10 SECONDS",
            "ts BETWEEN rt - INTERVAL 8 SECONDS AND rt",
            "rt > ts AND rt < ts + INTERVAL 20 SECONDS",
            "rt >= ts - INTERVAL 5 SECONDS AND rt <= ts + INTERVAL 5 SECONDS",
        )
    )
    more, filtered = (
        draw.one(("", "", " AND i > 1", " AND i < b")),
        draw.one(("", "", " WHERE l.k <> 'c'", " WHERE l.i >= 0")),
    )
    shown = "l.k AS k, ts, i" if how == "LEFT SEMI JOIN" else "l.k AS k, r.k AS rk, ts, rt, i, b"
    sql = f"SELECT {shown} FROM l {how} r ON l.k = r.k AND {between}{more}{filtered}"
    return case([left, right], sql, "append", steps(draw, [left, right]), settings=settings(draw, several=True))


def windows(draw: Draw) -> dict[str, Any]:
    """Two streams joined by equal windows."""
    pair = sides(draw, marked=0.85)
    size = draw.one((5, 10, 20))
    win = f"'{size} seconds'" + (f", '{draw.one((5, size))} seconds'" if draw.chance(0.2) else "")
    views = [
        {"name": "lw", "sql": f"SELECT lt, k, a, window(lt, {win}) AS lw FROM l"},
        {"name": "rw", "sql": f"SELECT rt, k, b, window(rt, {win}) AS rw FROM r{draw.one(('', ' WHERE b > 0'))}"},
    ]
    how = draw.one(TYPES)
    on = draw.one(("lw.k = rw.k AND lw.lw = rw.rw", "lw.lw = rw.rw", "lw.k = rw.k AND lw.lw = rw.rw AND a >= b"))
    shown = "lw.lw.start AS ws, lw.k AS k, a" + (", b, rw.k AS rk" if how != "LEFT SEMI JOIN" else "")
    sql = f"SELECT {shown} FROM lw {how} rw ON {on}"
    return case(pair, sql, "append", steps(draw, pair), views=views, settings=settings(draw, several=True))


def itself(draw: Draw) -> dict[str, Any]:
    """A stream joined with itself."""
    stream = sides(draw, marked=0.8)[0]
    how = draw.one(TYPES)
    near = draw.one((0, 5, 10))
    on = f"x.k = y.k AND y.lt BETWEEN x.lt AND x.lt + INTERVAL {near} SECONDS" + draw.one(("", " AND x.a < y.a"))
    shown = "x.lt AS xt, x.k AS k, x.a AS xa" + (", y.lt AS yt, y.a AS ya" if how != "LEFT SEMI JOIN" else "")
    sql = f"SELECT {shown} FROM l x {how} l y ON {on}"
    return case([stream], sql, "append", steps(draw, [stream]), settings=settings(draw))


def three(draw: Draw) -> dict[str, Any]:
    """Three streams one after the other."""
    pair = sides(draw, marked=0.9)
    third = Stream("u", {"ut": "TIMESTAMP", "k": "STRING", "c": "INT"}, "ut", draw.one(DELAYS[:5]), nulls_in_time=False)
    hows = [draw.one(("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN")) for _ in range(2)]
    on = draw.one(
        (
            "l.k = u.k AND ut BETWEEN lt AND lt + INTERVAL 10 SECONDS",
            "r.k = u.k AND ut BETWEEN rt - INTERVAL 5 SECONDS AND rt + INTERVAL 5 SECONDS",
            "l.k = u.k",
            "l.k = u.k",
        )
    )
    times = draw.one(("", ", lt", ", ut", ", lt, rt, ut"))
    first = draw.one(
        (f"l.k = r.k AND {time_range(draw)}", f"l.k = r.k AND {time_range(draw)}", "l.k = r.k", "l.k = r.k AND lt = rt")
    )
    sql = f"SELECT l.k AS k, a, b, c{times} FROM l {hows[0]} r ON {first} {hows[1]} u ON {on}"
    all_ = [*pair, third]
    return case(all_, sql, "append", steps(draw, all_), settings=settings(draw, several=True))
