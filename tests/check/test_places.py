"""Every rule: our own code, Spark's condition, and where in the SQL it points."""

from __future__ import annotations

import pytest
from tests.plan.relations import catalog, planned

from headrace.check.checks import CHECKS, check
from headrace.check.subject import LEGACY, Subject
from headrace.errors import ERRORS, StreamErrors
from headrace.plan.bind import bind
from headrace.sql.parse import parse
from headrace.values import Position

MODE = "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"
RANGE = "rt BETWEEN lt AND lt + INTERVAL 10 SECONDS"

TABLE = [
    ("needs_stream", "SELECT user\nFROM users", "append", "WRITE_STREAM_NOT_ALLOWED", "STREAM_MISSING", "2:6"),
    (
        "aggregate_needs_watermark",
        "SELECT user, count(*)\nFROM clicks\nGROUP BY user",
        "append",
        MODE,
        "STREAM_AGGREGATE_WITHOUT_WATERMARK",
        "3:10",
    ),
    (
        "aggregate_needs_watermark",
        "SELECT 1 AS one,\n  count(*) FROM clicks",
        "append",
        MODE,
        "STREAM_AGGREGATE_WITHOUT_WATERMARK",
        "2:3",
    ),
    (
        "session_not_in_update",
        "SELECT count(*) FROM clicks\nGROUP BY session_window(ts, '1 second'), user",
        "update",
        MODE,
        "STREAM_SESSION_IN_UPDATE",
        "2:10",
    ),
    (
        "complete_needs_aggregate",
        "SELECT user\nFROM clicks",
        "complete",
        MODE,
        "STREAM_COMPLETE_WITHOUT_AGGREGATE",
        "2:6",
    ),
    (
        "distinct_aggregates",
        "SELECT user,\n  1 + count(DISTINCT v) FROM clicks GROUP BY user",
        "update",
        LEGACY,
        "STREAM_DISTINCT_AGGREGATE",
        "2:7",
    ),
    (
        "stream_join_modes",
        f"SELECT a FROM l\nLEFT JOIN r ON l.k = r.k AND {RANGE}",
        "update",
        LEGACY,
        "STREAM_JOIN_MODE",
        "2:11",
    ),
    (
        "full_outer_with_table",
        "SELECT v FROM clicks c\nFULL JOIN users u ON c.user = u.user",
        "append",
        LEGACY,
        "STREAM_FULL_JOIN_TABLE",
        "2:11",
    ),
    (
        "anti_join_on_stream",
        "SELECT a FROM l\nLEFT ANTI JOIN r ON l.k = r.k",
        "append",
        LEGACY,
        "STREAM_ANTI_JOIN",
        "2:16",
    ),
    (
        "static_left_outer",
        "SELECT v FROM users\nLEFT JOIN clicks USING (user)",
        "append",
        LEGACY,
        "STREAM_LEFT_JOIN_TABLE",
        "2:11",
    ),
    (
        "static_right_outer",
        "SELECT v FROM clicks c RIGHT JOIN users u ON c.user = u.user",
        "append",
        LEGACY,
        "STREAM_RIGHT_JOIN_TABLE",
        "1:35",
    ),
    (
        "outer_join_needs_bound",
        "SELECT a FROM l LEFT JOIN\n  r ON l.k = r.k",
        "append",
        LEGACY,
        "STREAM_JOIN_UNBOUNDED",
        "2:3",
    ),
    ("equality_needed", "SELECT a FROM l CROSS JOIN r", "append", LEGACY, "STREAM_JOIN_WITHOUT_EQUALITY", "1:28"),
    (
        "deduplicate_needs_watermark",
        "SELECT user\nFROM plain_within",
        "append",
        LEGACY,
        "STREAM_DEDUPLICATE_WITHOUT_WATERMARK",
        "2:6",
    ),
    (
        "union_with_table",
        "SELECT user FROM clicks\nUNION ALL\nSELECT user FROM users",
        "append",
        LEGACY,
        "STREAM_UNION_TABLE",
        "3:8",
    ),
    ("except_on_stream", "SELECT k FROM l\nEXCEPT\nSELECT k FROM r", "append", LEGACY, "STREAM_EXCEPT", "3:8"),
    ("intersect_on_stream", "SELECT k FROM l INTERSECT SELECT k FROM r", "append", LEGACY, "STREAM_INTERSECT", "1:34"),
    ("limit_in_update", "SELECT user FROM clicks\nLIMIT 3", "update", LEGACY, "STREAM_LIMIT_IN_UPDATE", "2:7"),
    ("no_offset", "SELECT user FROM clicks\nOFFSET 1", "append", LEGACY, "STREAM_OFFSET", "2:8"),
    ("sort_needs_complete", "SELECT user FROM clicks\nORDER BY user", "append", LEGACY, "STREAM_SORT", "2:10"),
    (
        "no_over",
        "SELECT user,\n  rank() OVER (ORDER BY v) AS n FROM clicks",
        "append",
        "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING",
        "STREAM_OVER",
        "2:3",
    ),
    (
        "session_needs_key",
        "SELECT count(*) FROM clicks\nGROUP BY session_window(ts, '1 second')",
        "append",
        LEGACY,
        "STREAM_SESSION_WITHOUT_KEY",
        "2:10",
    ),
    (
        "one_event_time",
        "SELECT count(*) FROM clicks\nGROUP BY ts, window(ts, '1 second')",
        "append",
        "_LEGACY_ERROR_TEMP_3077",
        "STREAM_TWO_EVENT_TIMES",
        "2:10",
    ),
    (
        "late_rows_into_stateful",
        "SELECT c, count(*) FROM (SELECT user, count(*) AS c FROM clicks GROUP BY user)\nGROUP BY c",
        "update",
        LEGACY,
        "STREAM_STATE_OVER_UPDATES",
        "2:10",
    ),
    ("several_in_append", "SELECT ts FROM\nchanges_of_changes", "update", LEGACY, "STREAM_SEVERAL_FUNCTIONS", "2:1"),
    ("mode_of_query", "SELECT ts\nFROM changes", "append", LEGACY, "STREAM_FUNCTION_MODE", "2:6"),
    (
        "timeout_needs_watermark",
        "SELECT ts FROM timed_plain",
        "append",
        LEGACY,
        "STREAM_TIMEOUT_WITHOUT_WATERMARK",
        "1:16",
    ),
]

UNREACHED = {"row_numbers"}
"""monotonically_increasing_id() is refused by name before a plan exists; see tests/plan/test_findings.py."""


@pytest.mark.parametrize(("rule", "sql", "mode", "condition", "code", "at"), TABLE, ids=lambda value: str(value)[:60])
def test_a_finding_has_a_code_a_condition_a_place_and_a_way_out(
    rule: str, sql: str, mode: str, condition: str, code: str, at: str
) -> None:
    """One row a rule; a rule that points at a clause points at its first word that is no keyword."""
    found = next(item for item in CHECKS if item.__module__.endswith(f".{rule}"))
    errors = [(error.code, error.condition, str(error.at)) for error in found(Subject(planned(sql), mode))]
    assert errors == [(code, condition, f":{at}")]
    assert all(error.hint for error in found(Subject(planned(sql), mode)))


def test_every_rule_and_every_code_is_in_the_table() -> None:
    """Each rule has a code of its own."""
    rules = {rule.__module__.rpartition(".")[2] for rule in CHECKS}
    assert {row[0] for row in TABLE} | UNREACHED == rules
    codes = {row[4] for row in TABLE} | {"STREAM_ROW_NUMBERS"}
    assert codes == {code for code in ERRORS if code.startswith("STREAM_")}
    assert len({(row[0], row[4]) for row in TABLE}) == len({row[0] for row in TABLE}) == len({row[4] for row in TABLE})


def test_a_finding_inside_a_view_points_into_the_view_s_sql() -> None:
    """The view's SQL begins in line 10 of its file; the query's own findings stay in the query."""
    relations = catalog()
    relations.add_view("sorted", "SELECT user\nFROM clicks\nORDER BY user", position=Position("views.yaml", 10, 5))
    relations.add_view("above", "SELECT * FROM sorted", position=Position("views.yaml", 20, 5))
    plan = bind(parse("SELECT user FROM above\nOFFSET 2"), relations)
    with pytest.raises(StreamErrors) as raised:
        check(plan, "append")
    found = [(error.code, str(error.at)) for error in raised.value.errors]
    assert found == [("STREAM_OFFSET", ":2:8"), ("STREAM_SORT", "views.yaml:12:10")]


def test_a_finding_is_called_by_a_name_that_lasts() -> None:
    """Spark's legacy names change from release to release, so ours is shown; its others are shown as they are."""
    shown = {}
    for sql, mode in (("SELECT user FROM clicks OFFSET 1", "append"), ("SELECT user FROM clicks", "complete")):
        with pytest.raises(StreamErrors) as raised:
            check(planned(sql), mode)
        [error] = raised.value.errors
        shown[error.code] = str(error).split("]")[0]
    assert shown == {"STREAM_OFFSET": "[STREAM_OFFSET", "STREAM_COMPLETE_WITHOUT_AGGREGATE": f"[{MODE}"}
