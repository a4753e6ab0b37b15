"""What the analyzer makes of queries: output names and types, nodes, and errors with their places."""

from __future__ import annotations

import pytest
from tests.plan.relations import catalog, planned

from headrace.ddl import parse_schema
from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog, delay_us
from headrace.plan.nodes import walk
from headrace.plan.text import format_plan
from headrace.sql.parse import parse
from headrace.sql.settings import SqlSettings
from headrace.values import Position


def outputs(sql: str, settings: SqlSettings | None = None) -> dict[str, str]:
    """Return the names and types of a query's columns."""
    return {column.name: column.type.sql() for column in planned(sql, settings).columns}


@pytest.mark.parametrize(
    ("item", "name", "kind"),
    [
        ("count(*)", "count(1)", "BIGINT"),
        ("sum(n) + 1", "(sum(n) + 1)", "BIGINT"),
        ("count(*) FILTER (WHERE n > 1)", "count(1) FILTER (WHERE (n > 1))", "BIGINT"),
        ("count(DISTINCT user)", "count(DISTINCT user)", "BIGINT"),
    ],
)
def test_default_names_of_aggregates_are_sparks(item: str, name: str, kind: str) -> None:
    """The name is Spark's pretty text of the expression as written, implicit casts left out."""
    assert outputs(f"SELECT {item} FROM clicks") == {name: kind}


@pytest.mark.parametrize(
    ("item", "name", "kind"),
    [
        ("n + 1", "(n + 1)", "INT"),
        ("n + v", "(n + v)", "DOUBLE"),
        ("upper(user)", "upper(user)", "STRING"),
        ("p.a", "a", "INT"),
        ("p.a + 1", "(p.a + 1)", "INT"),
        ("clicks.p.a", "a", "INT"),
        ("USER", "USER", "STRING"),
        ("xs[0]", "xs[0]", "INT"),
        ("-n", "(- n)", "INT"),
        ("-5", "-5", "INT"),
        ("NOT (n > 1)", "(NOT (n > 1))", "BOOLEAN"),
        ("n <> 1", "(NOT (n = 1))", "BOOLEAN"),
        ("n IS NOT NULL", "(n IS NOT NULL)", "BOOLEAN"),
        ("n IN (1, 2)", "(n IN (1, 2))", "BOOLEAN"),
        ("n BETWEEN 1 AND 2", "between(n, 1, 2)", "BOOLEAN"),
        ("user NOT LIKE 'a%'", "(NOT user LIKE a%)", "BOOLEAN"),
        ("CAST(n AS STRING)", "CAST(n AS STRING)", "STRING"),
        ("CASE n WHEN 1 THEN 'a' ELSE 'b' END", "CASE WHEN (n = 1) THEN a ELSE b END", "STRING"),
        ("'x'", "x", "STRING"),
        ("1.50", "1.50", "DECIMAL(3,2)"),
        ("1e3", "1000.0", "DOUBLE"),
        ("9999999999", "9999999999", "BIGINT"),
        ("7L", "7", "BIGINT"),
        ("X'1F'", "X'1F'", "BINARY"),
        ("INTERVAL 10 SECONDS", "INTERVAL '10' SECOND", "INTERVAL SECOND"),
        ("struct(n, upper(user))", "struct(n, upper(user))", "STRUCT<n: INT, col2: STRING>"),
        (
            "transform(xs, x -> x * 10)",
            "transform(xs, lambdafunction((namedlambdavariable() * 10), namedlambdavariable()))",
            "ARRAY<INT>",
        ),
        ("window(ts, '10 seconds')", "window", "STRUCT<start: TIMESTAMP, end: TIMESTAMP>"),
        ("explode(xs)", "col", "INT"),
        ("rank() OVER (ORDER BY n)", None, "INT"),
    ],
)
def test_default_names_and_types_are_sparks(item: str, name: str | None, kind: str) -> None:
    """As above, for expressions over one row; None stands for a name too long to be of use."""
    found = outputs(f"SELECT {item} FROM clicks")
    assert found == {name or next(iter(found)): kind}


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT * FROM users", ["user", "city"]),
        ("SELECT c.user, u.* FROM clicks c JOIN users u ON c.user = u.user", ["user", "user", "city"]),
        ("SELECT p.* FROM clicks", ["a"]),
        ("SELECT * EXCEPT (city) FROM users", ["user"]),
        ("SELECT * FROM users JOIN clicks USING (user)", ["user", "city", "ts", "v", "n", "xs", "p"]),
        ("SELECT * FROM users a FULL JOIN users b USING (user)", ["user", "city", "city"]),
        ("SELECT city FROM users NATURAL JOIN users b", ["city"]),
        ("SELECT e FROM clicks LATERAL VIEW explode(xs) t AS e", ["e"]),
        ("SELECT posexplode(xs) FROM clicks", ["pos", "col"]),
        ("SELECT * FROM (VALUES (1, 'a')) AS t(x, y)", ["x", "y"]),
        ("VALUES (1), (2.5)", ["col1"]),
        ("SELECT * FROM range(3)", ["id"]),
        ("WITH q(z) AS (SELECT 1) SELECT * FROM q", ["z"]),
        ("SELECT n AS a, a + 1 AS b FROM clicks", ["a", "b"]),
        ("SELECT user FROM clicks UNION SELECT city FROM users", ["user"]),
        ("SELECT upper(user) AS u, count(*) AS c FROM clicks GROUP BY u", ["u", "c"]),
        ("SELECT upper(user), n % 2, count(*) FROM clicks GROUP BY ALL", ["upper(user)", "(n % 2)", "count(1)"]),
        ("SELECT user FROM clicks GROUP BY 1 HAVING count(*) > 1 ORDER BY sum(v) DESC", ["user"]),
        ("SELECT user, grouping(user), grouping_id() FROM clicks GROUP BY CUBE(user)", None),
        ("SELECT user FROM users WHERE EXISTS (SELECT 1 FROM users b WHERE b.city = users.city)", ["user"]),
        ("SELECT user FROM users WHERE (user, city) NOT IN (SELECT user, city FROM users)", ["user"]),
        ("SELECT user, (SELECT max(lim) FROM limits) AS top FROM clicks", ["user", "top"]),
    ],
)
def test_query_gives_these_columns(sql: str, names: list[str] | None) -> None:
    """Stars, joins, generators, groups and subqueries give Spark's columns in Spark's order."""
    found = [column.name for column in planned(sql).columns]
    assert found == (names or ["user", "grouping(user)", "grouping_id()"])


def test_columns_of_two_references_to_one_view_are_different_columns() -> None:
    """A self join works because each reference has ids of its own."""
    plan = planned("SELECT x.who, y.who FROM renamed x JOIN renamed y ON x.v = y.v")
    ids = [column.id for node in walk(plan) for column in node.columns if not node.inputs]
    assert len(ids) == len(set(ids))


def test_equal_aggregate_calls_are_computed_once() -> None:
    """SELECT, HAVING and ORDER BY share one column for one call."""
    plan = planned(
        "SELECT user, count(*), count(*) + 1 FROM clicks GROUP BY user HAVING count(*) > 1 ORDER BY count(*)"
    )
    assert format_plan(plan) == (
        "Sort count(1)#1 ASC NULLS FIRST\n"
        "  Project [user#2, count(1)#1, (count(1)#1 + 1) AS (count(1) + 1)#3]\n"
        "    Filter (count(1)#1 > 1)\n"
        "      Aggregate [user#2] [count(1) AS count(1)#1]\n"
        "        Watermark ts#4 delay 5000000us\n"
        "          Stream clicks [ts#4, user#2, v#5, n#6, xs#7, p#8]\n"
    )


def test_window_of_a_window_takes_its_last_microsecond() -> None:
    """window(window, ...) stands for window(window_time(window), ...)."""
    plan = planned(
        "SELECT window.start AS s, sum(c) AS c FROM (SELECT window AS w, count(*) AS c FROM clicks "
        "GROUP BY window(ts, '5 seconds')) GROUP BY window(w, '10 seconds')"
    )
    assert "Window (w#6.end - 1us) size 10000000us AS window#1" in format_plan(plan)


def test_grouping_sets_become_an_expand() -> None:
    """Each row once per set, the left-out keys NULL, the set told by its id."""
    plan = planned("SELECT user, count(*) AS c FROM plain GROUP BY GROUPING SETS ((user), ())")
    assert format_plan(plan) == (
        "Project [user#1, count(1)#2 AS c#3]\n"
        "  Aggregate [user#1, spark_grouping_id#4] [count(1) AS count(1)#2]\n"
        "    Expand (ts#5, user#6, v#7, user#6, 0), (ts#5, user#6, v#7, NULL, 1) AS "
        "[ts#5, user#6, v#7, user#1, spark_grouping_id#4]\n"
        "      Stream plain [ts#5, user#6, v#7]\n"
    )


def test_without_ansi_a_text_beside_a_number_is_compared_as_that_number() -> None:
    """The session's ANSI mode reaches the functions' types."""
    assert outputs("SELECT user + 1 AS x FROM clicks", SqlSettings(ansi=False)) == {"x": "DOUBLE"}
    assert outputs("SELECT user + 1 AS x FROM clicks") == {"x": "BIGINT"}


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT nobody FROM clicks", [("UNRESOLVED_COLUMN.WITH_SUGGESTION", 8)]),
        ("SELECT c.user FROM clicks", [("UNRESOLVED_COLUMN.WITH_SUGGESTION", 8)]),
        ("SELECT user FROM nowhere", [("TABLE_OR_VIEW_NOT_FOUND", 18)]),
        ("SELECT nope(1), p.z FROM clicks", [("UNRESOLVED_ROUTINE", 8), ("FIELD_NOT_FOUND", 17)]),
        ("SELECT upper(user, 1) FROM clicks", [("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", 8)]),
        ("SELECT user, v FROM clicks GROUP BY user", [("MISSING_AGGREGATION", 14)]),
        ("SELECT user, count(*) FROM clicks", [("MISSING_GROUP_BY", 8)]),
        ("SELECT user FROM clicks WHERE count(*) > 1", [("INVALID_WHERE_CONDITION", 31)]),
        ("SELECT user FROM clicks WHERE v", [("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", 31)]),
        ("SELECT user FROM clicks GROUP BY 3", [("GROUP_BY_POS_OUT_OF_RANGE", 34)]),
        ("SELECT count(*) FROM clicks GROUP BY max(v)", [("GROUP_BY_AGGREGATE", 38)]),
        ("SELECT user FROM clicks ORDER BY 2", [("ORDER_BY_POS_OUT_OF_RANGE", 34)]),
        ("SELECT user FROM clicks c JOIN users u ON c.user = u.user", [("AMBIGUOUS_REFERENCE", 8)]),
        ("SELECT user FROM clicks UNION ALL SELECT user, city FROM users", [("NUM_COLUMNS_MISMATCH", 8)]),
        ("SELECT (SELECT user FROM clicks) AS x", [("INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY", 16)]),
        ("SELECT 1 FROM clicks GROUP BY window(ts, '1 month')", [(None, 31)]),
        ("SELECT 1 FROM clicks GROUP BY window(ts, '0 seconds')", [("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", 31)]),
        ("SELECT 1 FROM clicks GROUP BY window(n, '1 second')", [("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", 31)]),
        ("SELECT explode(xs) + 1 FROM clicks", [("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", 8)]),
        ("SELECT grouping(user) FROM clicks GROUP BY user", [("UNSUPPORTED_GROUPING_EXPRESSION", 8)]),
        (
            "SELECT user FROM clicks QUALIFY rank() OVER (ORDER BY v) = 1",
            [("NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING", 33)],
        ),
    ],
)
def test_error_has_sparks_condition_and_its_place(sql: str, found: list[tuple[str | None, int]]) -> None:
    """Independent errors come together, in order; each with the column (from 1) where the cause begins."""
    with pytest.raises(StreamErrors) as raised:
        planned(sql)
    assert [(error.condition, error.at and error.at.column) for error in raised.value.errors] == found


def test_an_error_in_a_view_has_its_place_in_the_file() -> None:
    """A view's SQL starts somewhere in the pipeline file; errors are moved there."""
    relations = catalog()
    relations.add_view("broken", "SELECT user,\n  nobody FROM clicks", position=Position("p.yaml", 7, 10))
    with pytest.raises(StreamErrors) as raised:
        bind(parse("SELECT * FROM broken"), relations)
    assert [str(error.at) for error in raised.value.errors] == ["p.yaml:8:3"]


def test_a_view_sees_only_what_was_added_before_it() -> None:
    """Views resolve earlier names, so that they cannot name each other."""
    relations = Catalog()
    relations.add_view("early", "SELECT * FROM late")
    relations.add_stream("late", parse_schema("a INT"))
    with pytest.raises(StreamErrors) as raised:
        bind(parse("SELECT * FROM early"), relations)
    assert [error.condition for error in raised.value.errors] == ["TABLE_OR_VIEW_NOT_FOUND"]


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("user", "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE"),
        ("nobody", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        ("time", "_LEGACY_ERROR_TEMP_3076"),
    ],
)
def test_watermark_wants_a_timestamp_that_has_none(column: str, condition: str) -> None:
    """The column is looked up where the relation is used; a watermark below a watermark is refused."""
    relations = catalog()
    relations.add_view("v", "SELECT ts AS time, user FROM clicks")
    relations.add_watermark("v", column, "1 second")
    with pytest.raises(StreamErrors) as raised:
        bind(parse("SELECT * FROM v"), relations)
    assert [error.condition for error in raised.value.errors] == [condition]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10 seconds", 10_000_000), ("0 seconds", 0), ("1 month", 31 * 86_400_000_000), ("1 day 1 hour", 90_000_000_000)],
)
def test_delay_is_microseconds(text: str, expected: int) -> None:
    """A month counts as 31 days. Source: Spark IntervalUtils.getDuration."""
    assert delay_us(text) == expected


@pytest.mark.parametrize("text", ["-5 seconds", "soon", ""])
def test_delay_that_is_none_is_refused(text: str) -> None:
    """A delay is a duration of zero or more."""
    with pytest.raises(StreamError):
        delay_us(text)
