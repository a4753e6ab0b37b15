"""Operators: session windows over state, compared with sessions worked out anew from all rows on time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.incremental.steps import AggregateSessions, KeyedState
from headrace.operators.session import SessionOperator
from headrace.operators.statements import Statements
from headrace.plan.expressions import Column
from headrace.types import BIGINT, STRING, TIMESTAMP, ArrayType, struct

SECOND = 1_000_000
SESSION = struct(start=TIMESTAMP, end=TIMESTAMP)
SPAN = SESSION.arrow()

Event = tuple[str, int, int]
"""(key, second, gap in seconds)."""


def step(mode: str) -> AggregateSessions:
    """count(*) and collect_list(second) by key and session, the session being the second key."""
    keys = (Column(STRING, 0, "key"), Column(SESSION, 1, "session"))
    merged = (
        "CASE WHEN found THEN s0 + n0 ELSE n0 END AS b0, CASE WHEN found THEN list_concat(s1, n1) ELSE n1 END AS b1"
    )
    return AggregateSessions(
        "session-0",
        (),
        "stretch-0",
        KeyedState((STRING, SESSION), (BIGINT, ArrayType(BIGINT)), 1),
        f"k0, k1, {merged}",
        keys,
        mode,
        ("count()",),
        ("user", "session_window"),
        session=1,
    )


def partial(events: list[Event]) -> pa.Table:
    """What the stretch before gives: a row per key and own session, in order of arrival."""
    groups: dict[Event, list[int]] = {}
    for event in events:
        groups.setdefault(event, []).append(event[1])
    spans = [{"start": at * SECOND, "end": (at + gap) * SECOND} for _, at, gap in groups]
    numbers = pa.struct([("start", pa.int64()), ("end", pa.int64())])
    return pa.table(
        {
            "k0": pa.array([key for key, _, _ in groups], pa.string()),
            "k1": pa.array(spans, numbers).cast(SPAN),
            "b0": pa.array([len(seconds) for seconds in groups.values()], pa.int64()),
            "b1": pa.array(list(groups.values()), pa.list_(pa.int64())),
        }
    )


def shown(rows: pa.Table) -> list[tuple[str, int, int, int, list[int]]]:
    """(key, start, end, count, seconds) of each session, sorted; bounds in seconds."""
    found = []
    for row in rows.to_pylist():
        bounds = [round(row["k1"][name].timestamp()) for name in ("start", "end")]
        found.append((row["k0"], *bounds, row["b0"], row["b1"]))
    return sorted(found)


def sessions_of(events: list[Event]) -> list[tuple[str, int, int, int, list[int]]]:
    """The sessions of all events, read by start."""
    found: list[tuple[str, int, int, int, list[int]]] = []
    for key, at, gap in sorted(events, key=lambda event: event[:2]):
        if found and found[-1][0] == key and at <= found[-1][2]:
            _, start, end, count, seconds = found.pop()
            found.append((key, start, max(end, at + gap), count + 1, [*seconds, at]))
        else:
            found.append((key, at, at + gap, 1, [at]))
    return found


BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 6)), max_size=12),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_sessions_in_complete_mode_are_those_of_all_rows_so_far(
    batches: list[list[Event]], statements: Statements, stage: Callable[..., Any], tmp_path: Path
) -> None:
    """However the rows are spread over batches; nothing is forgotten and the state has one row a session."""
    del tmp_path
    made = step("complete")
    run = stage(SessionOperator(made, statements), made.state_tables)
    so_far: list[Event] = []
    for events in batches:
        so_far += events
        rows, counts = run(partial(events), -SECOND, 100 * SECOND)
        expected = sessions_of(so_far)
        assert [session[:4] for session in shown(rows)] == [session[:4] for session in expected]
        assert [sorted(session[4]) for session in shown(rows)] == [session[4] for session in expected]
        assert run.sizes == [len(expected), len({key for key, _, _ in so_far})]
        assert (counts.total, counts.removed, counts.dropped_late) == (len(expected), 0, 0)


def test_complete_mode_drops_late_sessions_and_forgets_none(statements: Statements, stage: Callable[..., Any]) -> None:
    """Unlike other aggregations in complete mode; seen in runs of Spark 4.2.0."""
    made = step("complete")
    run = stage(SessionOperator(made, statements), made.state_tables)
    run(partial([("a", 10, 5)]), 0, 0)
    rows, counts = run(partial([("a", 12, 5), ("a", 90, 5)]), 20 * SECOND, 40 * SECOND)
    assert shown(rows) == [("a", 10, 15, 1, [10]), ("a", 90, 95, 1, [90])]
    assert (counts.total, counts.removed, counts.dropped_late) == (2, 0, 1)


def test_sessions_are_given_once_and_forgotten_when_they_end_at_the_watermark(
    statements: Statements, stage: Callable[..., Any]
) -> None:
    """Spark's StreamingSessionWindowSuite, append, with a gap of 10 and a delay of 30."""
    made = step("append")
    run = stage(SessionOperator(made, statements), made.state_tables)
    timeline: list[tuple[list[Event], int, int]] = [
        ([("hello", 40, 10), ("spark", 40, 10), ("hello", 41, 10)], 0, 11),
        ([("spark", 25, 10)], 11, 11),
        ([("spark", 0, 10), ("hello", 0, 10), ("hello", 0, 10)], 11, 11),
        ([("spark", 30, 10)], 11, 11),
        ([("hello", 60, 10)], 11, 30),
        ([], 30, 60),
    ]
    found = []
    for events, late, eviction in timeline:
        rows, counts = run(partial(events), late * SECOND, eviction * SECOND)
        found.append((shown(rows), counts.total, counts.removed, counts.dropped_late))
    spark, hello = ("spark", 25, 50, 3, [25, 30, 40]), ("hello", 40, 51, 2, [40, 41])
    assert found == [
        ([], 2, 0, 0),
        ([], 3, 0, 0),
        ([], 3, 0, 2),
        ([], 2, 0, 0),
        ([], 3, 0, 0),
        ([hello, spark], 1, 2, 0),
    ]
    assert run.sizes == [1, 1]


def test_a_long_session_of_one_batch_keeps_the_order_of_its_rows(
    statements: Statements, stage: Callable[..., Any]
) -> None:
    """An odd number of parts, merged pair by pair."""
    made = step("complete")
    run = stage(SessionOperator(made, statements), made.state_tables)
    rows, counts = run(partial([("a", at, 1) for at in reversed(range(101))]), 0, 0)
    assert shown(rows) == [("a", 0, 101, 101, list(range(101)))]
    assert counts.updated == 1
