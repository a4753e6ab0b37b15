"""Every rule of what Structured Streaming refuses: a query it refuses, in which modes, and one it lets pass."""

from __future__ import annotations

import pytest
from tests.plan.relations import planned

from headrace.check.checks import CHECKS, check
from headrace.check.subject import LEGACY, Subject
from headrace.errors import StreamErrors

MODE = "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"
RANGE = "rt BETWEEN lt AND lt + INTERVAL 10 SECONDS"
ALL = ("append", "update", "complete")

TABLE = [
    ("needs_stream", "SELECT user FROM users", ALL, "WRITE_STREAM_NOT_ALLOWED"),
    ("aggregate_needs_watermark", "SELECT user, count(*) FROM clicks GROUP BY user", ("append",), MODE),
    ("aggregate_needs_watermark", "SELECT count(*) FROM plain GROUP BY window(ts, '1 second')", ("append",), MODE),
    ("aggregate_needs_watermark", "SELECT user FROM clicks UNION SELECT user FROM plain", ("append",), MODE),
    ("aggregate_needs_watermark", "SELECT count(*) FROM clicks GROUP BY window(ts, '1 second')", (), None),
    ("aggregate_needs_watermark", "SELECT DISTINCT ts FROM clicks", (), None),
    (
        "session_not_in_update",
        "SELECT count(*) FROM clicks GROUP BY session_window(ts, '1 second'), user",
        ("update",),
        MODE,
    ),
    ("complete_needs_aggregate", "SELECT user FROM clicks", ("complete",), MODE),
    ("complete_needs_aggregate", "SELECT user FROM once", ("complete",), MODE),
    ("complete_needs_aggregate", "SELECT count(*) FROM clicks", (), None),
    ("distinct_aggregates", "SELECT count(DISTINCT user) FROM clicks", ALL, LEGACY),
    ("distinct_aggregates", "SELECT approx_count_distinct(user) FROM clicks", (), None),
    ("stream_join_modes", f"SELECT a FROM l LEFT JOIN r ON l.k = r.k AND {RANGE}", ("update", "complete"), LEGACY),
    ("stream_join_modes", "SELECT a FROM l JOIN r ON l.k = r.k", ("complete",), LEGACY),
    ("full_outer_with_table", "SELECT v FROM clicks c FULL JOIN users u ON c.user = u.user", ALL, LEGACY),
    ("full_outer_with_table", "SELECT v FROM users u FULL JOIN clicks c ON c.user = u.user", ALL, LEGACY),
    ("anti_join_on_stream", "SELECT a FROM l LEFT ANTI JOIN r ON l.k = r.k", ALL, LEGACY),
    ("anti_join_on_stream", "SELECT city FROM users u LEFT ANTI JOIN clicks c ON c.user = u.user", ALL, LEGACY),
    ("anti_join_on_stream", "SELECT v FROM clicks c LEFT ANTI JOIN users u ON c.user = u.user", (), None),
    ("static_left_outer", "SELECT v FROM users u LEFT JOIN clicks c ON c.user = u.user", ALL, LEGACY),
    ("static_left_outer", "SELECT city FROM users u LEFT SEMI JOIN clicks c ON c.user = u.user", ALL, LEGACY),
    ("static_left_outer", "SELECT v FROM clicks c LEFT JOIN users u ON c.user = u.user", (), None),
    ("static_right_outer", "SELECT v FROM clicks c RIGHT JOIN users u ON c.user = u.user", ALL, LEGACY),
    ("static_right_outer", "SELECT v FROM users u RIGHT JOIN clicks c ON c.user = u.user", (), None),
    ("outer_join_needs_bound", "SELECT a FROM l LEFT JOIN r ON l.k = r.k", ALL, LEGACY),
    ("outer_join_needs_bound", "SELECT a FROM l LEFT SEMI JOIN r ON l.k = r.k", ALL, LEGACY),
    ("outer_join_needs_bound", "SELECT a FROM l LEFT JOIN r ON l.k = r.k AND rt >= lt", ALL, LEGACY),
    ("outer_join_needs_bound", "SELECT a FROM l RIGHT JOIN r ON l.k = r.k AND rt >= lt", (), None),
    ("outer_join_needs_bound", f"SELECT a FROM l FULL JOIN r ON l.k = r.k AND {RANGE}", (), None),
    ("outer_join_needs_bound", "SELECT a FROM l LEFT JOIN r ON l.k = r.k AND l.lt = r.rt", (), None),
    ("equality_needed", "SELECT a FROM l CROSS JOIN r", ALL, LEGACY),
    ("equality_needed", f"SELECT a FROM l LEFT JOIN r ON {RANGE}", ALL, LEGACY),
    ("equality_needed", "SELECT a FROM l JOIN r ON l.k <=> r.k", (), None),
    ("deduplicate_needs_watermark", "SELECT user FROM once_within", (), None),
    ("union_with_table", "SELECT user FROM clicks UNION ALL SELECT user FROM users", ALL, LEGACY),
    ("except_on_stream", "SELECT k FROM l EXCEPT SELECT k FROM r", ALL, LEGACY),
    ("except_on_stream", "SELECT user FROM clicks EXCEPT SELECT user FROM users", (), None),
    ("intersect_on_stream", "SELECT user FROM clicks INTERSECT SELECT user FROM users", ALL, LEGACY),
    ("limit_in_update", "SELECT user FROM clicks LIMIT 3", ("update",), LEGACY),
    ("no_offset", "SELECT user FROM clicks OFFSET 1", ALL, LEGACY),
    ("sort_needs_complete", "SELECT user FROM clicks ORDER BY user", ALL, LEGACY),
    (
        "sort_needs_complete",
        "SELECT user, count(*) AS c FROM clicks GROUP BY user ORDER BY c",
        ("append", "update"),
        LEGACY,
    ),
    (
        "no_over",
        "SELECT rank() OVER (ORDER BY v) AS n FROM clicks",
        ALL,
        "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING",
    ),
    ("row_numbers", "SELECT user FROM clicks", (), None),
    ("session_needs_key", "SELECT count(*) FROM clicks GROUP BY session_window(ts, '1 second')", ALL, LEGACY),
    ("session_needs_key", "SELECT count(*) FROM clicks GROUP BY session_window(ts, '1 second'), user", (), None),
    (
        "one_event_time",
        "SELECT count(*) FROM clicks GROUP BY ts, window(ts, '1 second')",
        ("append", "update"),
        "_LEGACY_ERROR_TEMP_3077",
    ),
    (
        "late_rows_into_stateful",
        "SELECT c, count(*) FROM (SELECT user, count(*) AS c FROM clicks GROUP BY user) GROUP BY c",
        ("update", "complete"),
        LEGACY,
    ),
    ("late_rows_into_stateful", "SELECT * FROM totals_of_timed", ALL, LEGACY),
    ("late_rows_into_stateful", "SELECT * FROM totals_of_totals", (), None),
    ("mode_of_query", "SELECT * FROM totals", ("update", "complete"), LEGACY),
    ("mode_of_query", "SELECT * FROM changes", ("append", "complete"), LEGACY),
    ("mode_of_query", "SELECT count(*) FROM changes", ALL, LEGACY),
    ("mode_of_query", "SELECT count(*) FROM totals", (), None),
    ("timeout_needs_watermark", "SELECT * FROM timed_plain", ALL, LEGACY),
    ("timeout_needs_watermark", "SELECT * FROM timed", (), None),
    ("several_in_append", "SELECT * FROM changes_of_changes", ALL, LEGACY),
    ("several_in_append", "SELECT * FROM totals_of_totals", ("update", "complete"), LEGACY),
]


@pytest.mark.parametrize(("rule", "sql", "modes", "condition"), TABLE, ids=lambda value: str(value)[:70])
def test_rule_refuses_in_these_modes_only(rule: str, sql: str, modes: tuple[str, ...], condition: str | None) -> None:
    """Each rule alone: the modes in which it finds something, and Spark's condition of what it finds."""
    plan = planned(sql)
    found = next(item for item in CHECKS if item.__module__.endswith(f".{rule}"))
    refused = {mode: [error.condition for error in found(Subject(plan, mode))] for mode in ALL}
    assert refused == {mode: [condition] if mode in modes else [] for mode in ALL}


def test_every_rule_is_in_the_table() -> None:
    """A rule without a query is a rule nobody has seen work."""
    assert {rule.__module__.rpartition(".")[2] for rule in CHECKS} == {row[0] for row in TABLE}


def test_all_findings_come_at_once_with_reason_and_hint() -> None:
    """A user mends a query in one round."""
    plan = planned("SELECT user, count(DISTINCT v) AS c FROM plain GROUP BY user ORDER BY c LIMIT 3 OFFSET 1")
    with pytest.raises(StreamErrors) as raised:
        check(plan, "append")
    found = [(error.code, str(error.at)) for error in raised.value.errors]
    assert [error.condition for error in raised.value.errors] == [MODE, LEGACY, LEGACY, LEGACY]
    assert found == [
        ("STREAM_AGGREGATE_WITHOUT_WATERMARK", ":1:57"),
        ("STREAM_DISTINCT_AGGREGATE", ":1:14"),
        ("STREAM_OFFSET", ":1:88"),
        ("STREAM_SORT", ":1:71"),
    ]
    assert all(error.hint for error in raised.value.errors)


def test_distinct_aggregates_are_an_extension() -> None:
    """What Spark refuses and headrace can do is opted into by name."""
    plan = planned("SELECT count(DISTINCT user) FROM clicks")
    check(plan, "complete", extensions=frozenset({"distinct_aggregates"}))
