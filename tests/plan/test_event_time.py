"""Which output columns carry a watermark, and what a join condition says of it."""

from __future__ import annotations

import pytest
from tests.plan.relations import planned

from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Join, walk
from headrace.plan.time_range import state_range


def marked(sql: str) -> list[str]:
    """Return the names of a query's columns that carry a watermark."""
    plan = planned(sql)
    ids = event_time_columns(plan)
    return [column.name for column in plan.columns if column.id in ids]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT * FROM clicks", ["ts"]),
        ("SELECT ts AS t, user FROM clicks", ["t"]),
        ("SELECT ts + INTERVAL 1 SECOND AS t FROM clicks", []),
        ("SELECT window(ts, '1 second') AS w FROM clicks", ["w"]),
        ("SELECT window(ts, '1 second').start AS s FROM clicks", []),
        ("SELECT window(ts, '1 second') AS w FROM plain", []),
        ("SELECT window, count(*) FROM clicks GROUP BY window(ts, '1 second')", ["window"]),
        ("SELECT session_window AS s FROM clicks GROUP BY session_window(ts, '1 second'), user", ["s"]),
        ("SELECT window_time(w) AS t FROM (SELECT window(ts, '1 second') AS w FROM clicks)", ["t"]),
        ("SELECT max(ts) AS t FROM clicks", []),
        ("SELECT DISTINCT ts FROM clicks", ["ts"]),
        ("SELECT lt, rt FROM l JOIN r ON l.k = r.k", ["lt", "rt"]),
        ("SELECT ts FROM once", ["ts"]),
        ("SELECT ts FROM clicks UNION ALL SELECT ts FROM plain", ["ts"]),
        ("SELECT ts FROM plain UNION ALL SELECT ts FROM clicks", []),
    ],
)
def test_watermark_is_carried_by_plain_passes_and_windows(sql: str, names: list[str]) -> None:
    """Spark keeps the mark in a column's metadata: a pass under another name keeps it, arithmetic loses it."""
    assert marked(sql) == names


@pytest.mark.parametrize(
    ("condition", "left_us", "right_us"),
    [
        ("rt BETWEEN lt AND lt + INTERVAL 10 SECONDS", -10_001_000, -1_000),
        ("rt > lt AND rt < lt + INTERVAL 10 SECONDS", -10_000_000, 0),
        ("lt BETWEEN rt - INTERVAL 8 SECONDS AND rt", -8_001_000, -1_000),
        ("rt >= lt", None, -1_000),
        ("rt + INTERVAL 1 SECOND <= lt - INTERVAL 2 SECONDS", 2_999_000, None),
        ("rt < lt + INTERVAL 1 MONTH", None, None),
        ("a < b", None, None),
        ("rt = lt", None, None),
    ],
)
def test_state_range_is_the_bound_of_the_condition(condition: str, left_us: int | None, right_us: int | None) -> None:
    """Rows of a side at or before watermark + offset match nothing to come.

    left:  rt <= lt + 10 s  means  lt >= rt - 10 s, and rt comes after W: lt <= W - 10 s - 1 ms can go.
    """
    plan = planned(f"SELECT a FROM l JOIN r ON l.k = r.k AND {condition}")
    join = next(node for node in walk(plan) if isinstance(node, Join))
    left, right = (frozenset(column.id for column in side.columns) for side in (join.left, join.right))
    marks = event_time_columns(join)
    found = (state_range(join.condition, left, right, marks), state_range(join.condition, right, left, marks))
    assert tuple(bound and bound.offset_us for bound in found) == (left_us, right_us)
