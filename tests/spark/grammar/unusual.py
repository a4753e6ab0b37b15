"""Streams with columns of unusual types, times far away and zones whose clocks change: keys, measures, windows."""

from __future__ import annotations

from typing import Any

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.stateless import case, settings
from tests.spark.grammar.streams import DELAYS, Stream, instant

POOLS: dict[str, tuple[Any, ...]] = {
    "BINARY": ("AAE=", "/w==", "", None),
    "FLOAT": (0.5, -0.0, 0.0, 1.25, float("nan"), None),
    "DOUBLE": (0.0, -0.0, float("nan"), 1.5, float("inf"), -float("inf"), None),
    "TINYINT": (1, -128, 127, None),
    "SMALLINT": (1, -32768, 300, None),
    "DECIMAL(38,10)": ("1.0000000001", "-9999999999999999999999999999.5", "0", None),
    "DECIMAL(20,0)": ("1", "99999999999999999999", "-5", None),
    "DECIMAL(5,5)": ("0.12345", "-0.99999", None),
    "STRUCT<a: INT, b: STRUCT<c: STRING, d: ARRAY<INT>>>": (
        {"a": 1, "b": {"c": "x", "d": [1, None]}},
        {"a": 1, "b": {"c": "x", "d": None}},
        {"a": 1, "b": None},
        {"a": None, "b": {"c": None, "d": []}},
        None,
    ),
    "ARRAY<STRING>": (["a", "b"], ["b", "a"], [], [None], None),
    "ARRAY<STRUCT<p: INT, q: STRING>>": ([{"p": 1, "q": "x"}], [{"p": None, "q": "y"}, None], [], None),
    "ARRAY<DOUBLE>": ([0.0], [-0.0], [float("nan"), None], None),
    "TIMESTAMP_NTZ": ("2024-01-01T00:00:05", "2024-03-10T02:30:00", None),
    "DATE": ("0001-01-01", "1582-10-15", "2024-02-29", "9999-12-31", None),
    "BOOLEAN": (True, False, None),
    "STRING": ("a", "A", "á", "a ", "", "日本", "😀", None),
}
"""The values of each type."""

ZONES = ("America/New_York", "Europe/Oslo", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "+05:30")
MOMENTS = (
    5_986_785,  # 2024-03-10T06:59:45Z, the hour New York skips
    7_779_585,  # 2024-03-31T00:59:45Z, the hour Oslo skips
    26_092_785,  # 2024-10-28, near the hour Oslo has twice
    26_612_385,  # 2024-11-03T05:59:45Z, the hour New York has twice
    -2_000_000_000,  # 1960
    -60_000_000_000,  # 122
    200_000_000_000,  # 8361
)
"""Seconds from the start of 2024 where clocks change or years are far."""

PARTS = (
    "CAST(ts AS STRING)",
    "CAST(ts AS DATE)",
    "CAST(CAST(ts AS DATE) AS TIMESTAMP)",
    "hour(ts)",
    "date_trunc('DAY', ts)",
    "date_trunc('HOUR', ts)",
    "date_trunc('WEEK', ts)",
    "date_trunc('QUARTER', ts)",
    "ts + INTERVAL 1 DAY",
    "ts + INTERVAL 24 HOURS",
    "ts + INTERVAL '1' MONTH",
    "CAST(ts AS TIMESTAMP_NTZ)",
    "date_format(ts, 'yyyy-MM-dd HH:mm:ss')",
    "to_utc_timestamp(ts, 'Europe/Oslo')",
    "from_utc_timestamp(ts, 'America/New_York')",
    "unix_timestamp(ts)",
    "dayofyear(ts)",
    "weekofyear(ts)",
    "extract(YEAR FROM ts)",
    "CAST(ts AS BIGINT)",
    "CAST(ts AS DOUBLE)",
    "convert_timezone('Asia/Tokyo', CAST(ts AS TIMESTAMP_NTZ))",
    "to_timestamp(CAST(ts AS STRING))",
    "last_day(ts)",
    "months_between(ts, TIMESTAMP'2024-01-01 00:00:00')",
    "datediff(ts, DATE'2024-01-01')",
    "p",
    "timestampadd(HOUR, 25, ts)",
    "timestampadd(MONTH, i, ts)",
    "timestampdiff(MONTH, TIMESTAMP'2024-01-31 10:00:00', ts)",
    "datediff(DAY, TIMESTAMP'2024-03-10 12:00:00', ts)",
)
"""What is made of a moment."""

MEASURES = {
    "any": (
        "count({})",
        "min({})",
        "max({})",
        "first({}, true)",
        "last({})",
        "collect_list({})",
        "approx_count_distinct({})",
        "max_by({}, i)",
        "min_by({}, i)",
        "max_by(i, {})",
        "mode({}, true)",
        "any_value({}, true)",
        "array_agg({})",
        "count_if({} IS NULL)",
        "collect_list(struct({}, i))",
        "max(struct({}, i))",
        "min(struct(i, {}))",
    ),
    "number": (
        "sum({})",
        "avg({})",
        "try_sum({})",
        "try_avg({})",
        "stddev({})",
        "percentile({}, 0.5)",
        "median({})",
        "percentile({}, array(0.25, 0.75))",
        "percentile_approx({}, 0.5)",
        "corr({}, i)",
        "covar_pop({}, i)",
        "covar_samp(i, {})",
        "regr_slope({}, i)",
        "regr_count(i, {})",
        "regr_r2({}, i)",
        "kurtosis({})",
        "skewness({})",
        "percentile_cont(0.3) WITHIN GROUP (ORDER BY {})",
        "percentile_disc(0.3) WITHIN GROUP (ORDER BY {} DESC)",
    ),
    "string": ("listagg({}, ',') WITHIN GROUP (ORDER BY {})", "string_agg({}) WITHIN GROUP (ORDER BY {})"),
}
"""Aggregates over columns of these types."""

_NUMBERS = ("FLOAT", "DOUBLE", "TINYINT", "SMALLINT", "DECIMAL(38,10)", "DECIMAL(20,0)", "DECIMAL(5,5)")


def odd(draw: Draw, name: str = "s") -> Stream:
    """Return a stream with a time, an integer and three columns p, q, r of unusual types."""
    kinds = draw.some(list(POOLS), 3, 3)
    return Stream(name, {"ts": "TIMESTAMP", "i": "INT", **dict(zip("pqr", kinds, strict=True))}, "ts")


def _rows(draw: Draw, stream: Stream, at: int) -> list[dict[str, Any]]:
    rows = []
    for _ in range(draw.number(1, 4)):
        row: dict[str, Any] = {}
        for name, kind in stream.columns.items():
            if name == stream.time:
                row[name] = None if draw.chance(0.03) else instant(at + draw.number(-8, 8))
            else:
                row[name] = draw.one((1, 2, 3, None)) if name == "i" else draw.one(POOLS[kind])
        rows.append(row)
    return rows


def _steps(draw: Draw, streams: list[Stream], at: int, stride: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(draw.number(3, 5)):
        at += draw.one((0, 1, 1, 3)) * stride
        add = {stream.name: _rows(draw, stream, at) for stream in streams if len(streams) == 1 or draw.chance(0.8)}
        found.append({"add": add})
        if draw.chance(0.12):
            found.append({"restart": True})
    return [step for step in found if step.get("restart") or step["add"]]


def _measure(draw: Draw, name: str, kind: str) -> str:
    forms = MEASURES["any"]
    if kind in _NUMBERS:
        forms = forms + MEASURES["number"]
    if kind == "STRING":
        forms += MEASURES["string"]
    return draw.one(forms).replace("{}", name)


def typed(draw: Draw) -> dict[str, Any]:
    """Columns of unusual types as keys and measures, of groups, windows, sessions and deduplication."""
    stream = odd(draw)
    stream.delay = None if draw.chance(0.2) else draw.one(DELAYS)
    named = {name: stream.columns[name] for name in "pqr"}
    measures = ", ".join(
        f"{_measure(draw, *draw.one(list(named.items())))} AS a{place}" for place in range(draw.number(1, 4))
    )
    key = draw.one(("p", "q", "p, q", "r", "struct(p, q)"))
    keyed = ", ".join(f"{each} AS g{place}" for place, each in enumerate(_split(key)))
    way = draw.number(0, 9)
    views: list[dict[str, Any]] = []
    if way < 3:
        sql = f"SELECT {keyed}, {measures} FROM s GROUP BY {key}"
        mode = draw.one(("update", "complete"))
    elif way < 6:
        sql = f"SELECT window.start AS ws, {keyed}, {measures} FROM s GROUP BY window(ts, '10 seconds'), {key}"
        mode = draw.one(("append", "append", "update", "complete"))
    elif way < 7:
        sql = f"SELECT session_window AS w, {keyed}, {measures} FROM s GROUP BY session_window(ts, '7 seconds'), {key}"
        mode = "append"
    elif way < 9:
        columns = draw.one((["p"], ["q", "r"], ["p", "ts"], None, ["i", "p"]))
        form = {"input": "s", "columns": columns or list(stream.columns), "within_watermark": draw.chance(0.4)}
        views.append({"name": "once", "deduplicate": form})
        sql, mode = "SELECT * FROM once", draw.one(("append", "update"))
    else:
        sql, mode = f"SELECT DISTINCT {keyed} FROM s", draw.one(("update", "complete"))
    at, given = draw.one((0, 60)), settings(draw)
    return case([stream], sql, mode, _steps(draw, [stream], at, 7), views=views, settings=given)


def _split(key: str) -> list[str]:
    return [key] if key.startswith("struct") else key.split(", ")


def typed_join(draw: Draw) -> dict[str, Any]:
    """Two streams joined by columns of an unusual type."""
    kind = draw.one([each for each in POOLS if each != "TIMESTAMP_NTZ"])
    left = Stream("l", {"lt": "TIMESTAMP", "i": "INT", "p": kind}, "lt", draw.one(DELAYS[:5]))
    right = Stream("r", {"rt": "TIMESTAMP", "i": "INT", "p": kind}, "rt", draw.one(DELAYS[:5]))
    how = draw.one(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN", "LEFT SEMI JOIN"))
    equal = draw.one(("l.p = r.p", "l.p = r.p", "l.p <=> r.p", "l.p = r.p AND l.i = r.i", "struct(l.p) = struct(r.p)"))
    both = "" if how == "LEFT SEMI JOIN" else ", rt, r.i AS ri, r.p AS rp"
    on = f"{equal} AND rt BETWEEN lt AND lt + INTERVAL 9 SECONDS"
    sql = f"SELECT lt, l.i AS li, l.p AS lp{both} FROM l {how} r ON {on}"
    steps = _steps(draw, [left, right], 0, 7)
    return case([left, right], sql, "append", steps, settings=settings(draw, several=True))


def zoned(draw: Draw) -> dict[str, Any]:
    """Days, hours and texts of moments where clocks change or years are far, grouped and not."""
    stream = Stream("s", {"ts": "TIMESTAMP", "i": "INT", "p": draw.one(("DATE", "TIMESTAMP_NTZ", "STRING"))}, "ts")
    stream.delay = draw.one((*DELAYS, "1 hour", "1 day", "25 hours 3 minutes", "2 weeks"))
    steps_ = ("+ INTERVAL 1 DAY", "- INTERVAL '1' MONTH", "+ INTERVAL '01:30' HOUR TO MINUTE")
    time = draw.one(("ts", "ts", *(f"ts {step}" for step in steps_)))
    win = draw.one(
        (
            f"window({time}, '1 day')",
            f"window({time}, '1 hour')",
            f"window({time}, '1 day', '6 hours')",
            f"window({time}, '7 days', '7 days', '4 days')",
            f"window({time}, '1 day', '1 day', '-5 hours')",
            f"window({time}, '90 minutes', '1 hour', '15 minutes')",
            f"window({time}, '10 seconds')",
        )
    )
    way = draw.number(0, 9)
    if way < 4:
        sql = f"SELECT {', '.join(f'{each} AS c{at}' for at, each in enumerate(draw.some(PARTS, 4, 6)))} FROM s"
        mode = draw.one(("append", "update"))
    elif way < 8:
        sql = f"SELECT window, CAST(window.start AS STRING) AS text, count(*) AS n, max(ts) AS m FROM s GROUP BY {win}"
        mode = draw.one(("append", "append", "update", "complete"))
    else:
        part = draw.one(PARTS[:8])
        sql = f"SELECT {part} AS d, count(*) AS n, min(ts) AS m FROM s GROUP BY {part}"
        mode = draw.one(("update", "complete"))
    given = settings(draw)
    if draw.chance(0.7):
        given["spark.sql.session.timeZone"] = draw.one(ZONES)
    moment, stride = draw.one(MOMENTS), draw.one((15, 15, 1800, 3600, 86_400))
    return case([stream], sql, mode, _steps(draw, [stream], moment, stride), settings=given)


def remarked(draw: Draw) -> dict[str, Any]:
    """A watermark upon what has one, upon another column, a union, a join, a time without zone or a time made up."""
    stream = Stream("s", {"ts": "TIMESTAMP", "i": "INT", "p": "STRING", "q": "TIMESTAMP_NTZ", "r": "DATE"}, "ts")
    stream.delay = draw.one(DELAYS) if draw.chance(0.6) else None
    other = Stream("u", {"ts": "TIMESTAMP", "i": "INT", "p": "STRING"}, "ts", draw.one((None, *DELAYS)))
    streams = [stream]
    delay = draw.one((*DELAYS, "1 hour", "0 days"))
    form = draw.number(0, 7)
    if form < 3:
        inner, column = draw.one(
            (
                ("SELECT ts, i, p FROM s WHERE i > 0", "ts"),
                ("SELECT ts + INTERVAL 5 SECONDS AS at, ts, i, p FROM s", "at"),
                ("SELECT ts AS at, i, p FROM s", "at"),
                ("SELECT q AS at, ts, i, p FROM s", "at"),
                ("SELECT CAST(r AS TIMESTAMP) AS at, i, p FROM s", "at"),
                ("SELECT timestamp_seconds(i * 10) AS at, i, p FROM s", "at"),
                ("SELECT r AS at, i, p FROM s", "at"),
                ("SELECT explode(array(ts, ts + INTERVAL 20 SECONDS)) AS at, i, p FROM s", "at"),
            )
        )
    elif form < 6:
        streams.append(other)
        inner, column = "SELECT ts, i, p FROM s UNION ALL SELECT ts, i, p FROM u", "ts"
    else:
        streams.append(other)
        stream.delay = other.delay = None  # Spark refuses a second one above a join in some batches only
        inner = "SELECT s.ts AS ts, u.ts AS ut, s.i AS i, s.p AS p FROM s JOIN u ON s.p = u.p AND s.ts = u.ts"
        column = draw.one(("ts", "ut"))
    views = [{"name": "v", "sql": inner, "watermark": {"column": column, "delay": delay}}]
    shown, by, mode = draw.one(
        (
            ("window.start AS ws, count(*) AS n", f"window({column}, '10 seconds')", "append"),
            ("window.start AS ws, p, sum(i) AS n", f"window({column}, '10 seconds', '5 seconds'), p", "update"),
            ("window.start AS ws, p, sum(i) AS n", f"window({column}, '20 seconds'), p", "append"),
            (f"{column} AS at, count(*) AS n", column, "append"),
            ("session_window AS w, p, count(*) AS n", f"session_window({column}, '5 seconds'), p", "append"),
            (f"{column}, p", f"{column}, p", "append"),
        )
    )
    sql = f"SELECT {shown} FROM v GROUP BY {by}"
    return case(streams, sql, mode, _steps(draw, streams, 30, 7), views=views, settings=settings(draw, several=True))
