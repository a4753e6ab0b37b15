"""Queries whose operators stand on each other in every order: groups, sessions, deduplication, joins, limits."""

from __future__ import annotations

import re
from typing import Any

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.stateless import TABLE, case, settings
from tests.spark.grammar.streams import DELAYS, SIZES, Stream, steps

Views = list[dict[str, Any]]


class Tower:
    """Views one upon the other, each with a time `ts`, a key `k` and an integer `i`."""

    def __init__(self, draw: Draw, streams: list[str]) -> None:
        self.views: Views = []
        self.last = streams[0]
        self._draw = draw
        self._streams = streams
        self._next = 1
        self.windowed = False

    def grow(self) -> None:
        """Put one more view on top."""
        ways = [self._filtered, self._deduplicated, self._windowed, self._windowed, self._joined, self._joined]
        ways += [self._union, self._looked_up, self._session, self._within, self._both, self._limited, self._selfish]
        self._draw.one(ways)()

    def _add(self, sql: str) -> None:
        name = f"v{len(self.views)}"
        self.views.append({"name": name, "sql": sql})
        self.last = name

    def _dedup(self, columns: list[str], *, within: bool) -> None:
        name = f"v{len(self.views)}"
        form = {"input": self.last, "columns": columns, "within_watermark": within}
        self.views.append({"name": name, "deduplicate": form})
        self.last = name

    def _filtered(self) -> None:
        condition = self._draw.one(("i > 1", "k IS NOT NULL", "k = 'a'", "ts > TIMESTAMP'2024-01-01T00:00:20Z'"))
        shown = self._draw.one(("ts, k, i", "ts, upper(k) AS k, i", "ts, k, i + 1 AS i"))
        self._add(f"SELECT {shown} FROM {self.last} WHERE {condition}")

    def _grouped(self) -> bool:
        # Which of the groups that come out together is the first is the order of the state store.
        return "GROUP BY" in str(self.views)

    def _deduplicated(self) -> None:
        columns = (["k", "ts"], ["k", "i", "ts"]) if self._grouped() else (["k", "ts"], ["ts"], ["k"], ["k", "i", "ts"])
        self._dedup(self._draw.one(columns), within=False)

    def _within(self) -> None:
        if self._grouped():
            return self._filtered()
        return self._dedup(self._draw.one((["k"], ["k", "i"])), within=True)

    def _windowed(self) -> None:
        size = self._draw.one(SIZES)
        win = self._draw.one((f"'{size} seconds'", f"'{size} seconds'", "'10 seconds', '5 seconds'"))
        time = self._draw.one(("window.start", "window_time(window)", "window_time(window)"))
        inner = f"SELECT window, k, CAST(count(*) AS INT) AS i FROM {self.last} GROUP BY window(ts, {win}), k"
        self._add(f"SELECT {time} AS ts, k, i FROM ({inner})")

    def _session(self) -> None:
        shown = f"SELECT session_window AS w, k, CAST(sum(i) AS INT) AS i FROM {self.last}"
        inner = f"{shown} GROUP BY session_window(ts, '6 seconds'), k"
        time = self._draw.one(("w.end", "window_time(w)", "w.start"))
        self._add(f"SELECT {time} AS ts, k, i FROM ({inner})")

    def _other(self) -> str | None:
        if self._next >= len(self._streams):
            return None
        self._next += 1
        return self._streams[self._next - 1]

    def _joined(self) -> None:
        other = self._other()
        if other is None:
            return self._filtered()
        how = self._draw.one(("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN", "LEFT SEMI JOIN"))
        between = self._draw.one(
            (
                "y.ts BETWEEN x.ts AND x.ts + INTERVAL 10 SECONDS",
                "x.ts BETWEEN y.ts - INTERVAL 5 SECONDS AND y.ts + INTERVAL 5 SECONDS",
                "x.ts = y.ts",
            )
        )
        items = ("x.ts AS ts, y.k AS k, x.i AS i", "y.ts AS ts, x.k AS k, y.i AS i", "x.ts AS ts, x.k AS k, y.i AS i")
        shown = self._draw.one(items)
        if how == "LEFT SEMI JOIN":
            shown = "x.ts AS ts, x.k AS k, x.i AS i"
        pair = (self.last, other) if self._draw.chance(0.6) else (other, self.last)
        return self._add(f"SELECT {shown} FROM {pair[0]} x {how} {pair[1]} y ON x.k = y.k AND {between}")

    def _union(self) -> None:
        other = self._other()
        if other is None:
            return self._filtered()
        return self._add(f"SELECT ts, k, i FROM {self.last} UNION ALL SELECT ts, k, i FROM {other}")

    def _looked_up(self) -> None:
        how = self._draw.one(("JOIN", "LEFT JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"))
        shown = "ts, x.k AS k, i" if "SEMI" in how or "ANTI" in how else "ts, x.k AS k, coalesce(g, i) AS i"
        self._add(f"SELECT {shown} FROM {self.last} x {how} t ON x.k = t.k")

    def _both(self) -> None:
        other = f"SELECT ts, k, -i AS i FROM {self.last} WHERE i <= 2"
        self._add(f"SELECT ts, k, i FROM {self.last} WHERE i > 1 UNION ALL {other}")

    def _limited(self) -> None:
        # Above a union or an outer join Spark stops to read when it has enough, and the watermark stays behind.
        below = str(self.views)
        if self._draw.chance(0.25) and "UNION" not in below and "JOIN" not in below:
            return self._add(f"SELECT ts, k, i FROM {self.last} LIMIT {self._draw.number(1, 6)}")
        return self._filtered()

    def _selfish(self) -> None:
        on = "x.k = y.k AND y.ts BETWEEN x.ts AND x.ts + INTERVAL 5 SECONDS"
        how = self._draw.one(("JOIN", "JOIN", "LEFT JOIN"))
        self._add(f"SELECT x.ts AS ts, x.k AS k, y.i AS i FROM {self.last} x {how} {self.last} y ON {on}")


def stacked(draw: Draw) -> dict[str, Any]:
    """Two to four operators, one on the other, over up to three streams."""
    streams = [
        Stream(name, {"ts": "TIMESTAMP", "k": "STRING", "i": "INT"}, "ts", draw.one(DELAYS)) for name in ("s", "u", "w")
    ]
    for stream in streams:
        stream.nulls_in_time = draw.chance(0.2)
        if draw.chance(0.05):
            stream.delay = None
    tower = Tower(draw, [stream.name for stream in streams])
    for _ in range(draw.number(2, 4)):
        tower.grow()
    text = str(tower.views)
    used = [stream for stream in streams if re.search(rf"\b{stream.name}\b(?! AS)", text)]
    mode = "append" if draw.chance(0.8) else draw.one(("update", "complete"))
    sql = draw.one(
        (
            f"SELECT ts, k, i FROM {tower.last}",
            f"SELECT ts, k, i FROM {tower.last}",
            f"SELECT k, i FROM {tower.last} WHERE i > 0",
            f"SELECT window.start AS ws, count(*) AS n FROM {tower.last} GROUP BY window(ts, '10 seconds')",
        )
    )
    if mode == "complete":
        sql = draw.one((f"SELECT k, count(*) AS n FROM {tower.last} GROUP BY k ORDER BY k, n LIMIT 3", sql))
    return case(
        used or streams[:1],
        sql,
        mode,
        steps(draw, used or streams[:1]),
        tables={"t": TABLE},
        views=tower.views,
        settings=settings(draw, several=True),
    )
