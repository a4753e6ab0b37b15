"""Analysis errors: Spark's condition for each as recorded from Spark 4.2.0, its place, and what to write instead."""

from __future__ import annotations

import pytest
from tests.plan.relations import planned

from headrace.errors import StreamErrors

TABLE = [
    ("SELECT usr FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:8"),
    ("SELECT\n  zzz.usr FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "2:3"),
    ("SELECT zzzzzz FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:8"),
    ("SELECT foo(ts) FROM clicks", "UNRESOLVED_ROUTINE", "1:8"),
    ("SELECT uper(user) FROM clicks", "UNRESOLVED_ROUTINE", "1:8"),
    ("SELECT user + true FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "1:8"),
    ("SELECT\n  abs(ts) FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "2:3"),
    ("SELECT k FROM l JOIN r ON l.k = r.k", "AMBIGUOUS_REFERENCE", "1:8"),
    ("SELECT user, count(*) FROM clicks", "MISSING_GROUP_BY", "1:8"),
    ("SELECT user, v FROM clicks GROUP BY user", "MISSING_AGGREGATION", "1:14"),
    ("SELECT user, count(*) FROM clicks GROUP BY count(*)", "GROUP_BY_AGGREGATE", "1:44"),
    ("SELECT * FROM clickz", "TABLE_OR_VIEW_NOT_FOUND", "1:15"),
    ("SELECT p.b FROM clicks", "FIELD_NOT_FOUND", "1:8"),
    ("SELECT user FROM clicks WHERE count(*) > 1", "INVALID_WHERE_CONDITION", "1:31"),
    ("SELECT user FROM clicks WHERE v", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "1:31"),
    ("SELECT substring(user) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:18"),
    ("SELECT user FROM clicks GROUP BY 7", "GROUP_BY_POS_OUT_OF_RANGE", "1:34"),
    ("SELECT user FROM clicks ORDER BY 7", "ORDER_BY_POS_OUT_OF_RANGE", "1:34"),
    ("SELECT user FROM clicks UNION ALL SELECT user, v FROM clicks", "NUM_COLUMNS_MISMATCH", "1:8"),
    ("SELECT xs FROM clicks UNION ALL SELECT v FROM clicks", "INCOMPATIBLE_COLUMN_TYPE", "1:8"),
    ("SELECT v FROM clicks JOIN users ON v", "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", "1:36"),
    ("SELECT v FROM clicks JOIN users USING (city)", "UNRESOLVED_USING_COLUMN_FOR_JOIN", "1:27"),
    ("SELECT sum(sum(v)) FROM clicks", "NESTED_AGGREGATE_FUNCTION", "1:12"),
    ("SELECT window(user, 'x') FROM clicks", "INVALID_INTERVAL_FORMAT.UNRECOGNIZED_NUMBER", "1:8"),
    ("SELECT user FROM clicks LIMIT 'a'", "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", "1:31"),
    ("SELECT x.* FROM clicks", "CANNOT_RESOLVE_STAR_EXPAND", "1:8"),
    ("SELECT explode(user) FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT 1 + explode(xs) FROM clicks", "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", "1:8"),
    ("SELECT upper(v, 1) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    ("SELECT CAST(xs AS INT) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:13"),
    (
        "SELECT user FROM clicks WHERE user IN (SELECT user, city FROM users)",
        "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH",
        "1:31",
    ),
    (
        "SELECT (SELECT user, city FROM users) FROM clicks",
        "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN",
        "1:16",
    ),
    ("SELECT n IN ('a', ts) FROM clicks", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "1:8"),
    ("SELECT CASE WHEN n THEN 1 END FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:18"),
    ("SELECT rank() FROM clicks", "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "1:8"),
    ("SELECT upper(user) OVER (ORDER BY v) FROM clicks", "UNSUPPORTED_EXPR_FOR_WINDOW", "1:8"),
    ("SELECT a, b FROM (VALUES (1), (2, 3)) AS t(a, b)", "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", "1:27"),
    ("SELECT user AS a, v AS a FROM clicks ORDER BY a", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:47"),
    ("SELECT xs[ts] FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT user.x FROM clicks", "INVALID_EXTRACT_BASE_FIELD_TYPE", "1:8"),
    ("SELECT max(user) FILTER (WHERE v) FROM clicks", "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", "1:8"),
    ("SELECT transform(xs, (a,b,c) -> a) FROM clicks", "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", "1:8"),
    ("SELECT user FROM clicks HAVING v > 1", "MISSING_GROUP_BY", "1:8"),
    ("SELECT * EXCEPT (zz) FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:18"),
    ("SELECT grouping(user) FROM clicks", "UNSUPPORTED_GROUPING_EXPRESSION", "1:8"),
    ("SELECT session_window(ts) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    ("SELECT user AND 1 FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "1:8"),
    ("SELECT ts + true FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT xs + 1 FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT ts * 2 FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT user + ts FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "1:8"),
    ("SELECT ts = xs FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT v < p FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT true + true FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "1:25"),
    ("SELECT -ts FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:9"),
    ("SELECT n || xs FROM clicks", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "1:8"),
    ("SELECT n & v FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT CASE WHEN true THEN 1 ELSE xs END FROM clicks", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "1:28"),
    ("SELECT coalesce(n, xs) FROM clicks", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "1:8"),
    ("SELECT n BETWEEN 1 AND ts FROM clicks", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "1:8"),
    ("SELECT xs LIKE 'a' FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT CAST(n AS ARRAY<INT>) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:13"),
    ("SELECT CAST(ts AS BOOLEAN) FROM clicks", "DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION", "1:13"),
    ("SELECT CAST(v AS DATE) FROM clicks", "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION", "1:13"),
    ("SELECT CAST(p AS MAP<STRING,INT>) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:13"),
    ("SELECT CAST(true AS DATE) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:32"),
    ("SELECT CAST(v AS BINARY) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:13"),
    ("SELECT CAST(xs AS ARRAY<DATE>) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:13"),
    ("SELECT CAST(DATE'2020-01-01' AS INT) FROM clicks", "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION", "1:17"),
    ("SELECT TRY_CAST(xs AS INT) FROM clicks", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "1:17"),
    ("SELECT user, sum(v) AS s FROM clicks GROUP BY s", "GROUP_BY_AGGREGATE", "1:47"),
    ("SELECT user FROM clicks GROUP BY user HAVING v > 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:46"),
    ("SELECT user FROM clicks GROUP BY user ORDER BY v", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:48"),
    ("SELECT array(1, xs) FROM clicks", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "1:8"),
    ("SELECT sum(user, v) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    ("SELECT sum(xs) FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT nosuch.user FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:8"),
    ("SELECT t.user FROM clicks AS c", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:8"),
    ("SELECT date_trunc('day') FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    ("SELECT to_date(xs) FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT user FROM clicks c, clicks d", "AMBIGUOUS_REFERENCE", "1:8"),
    ("SELECT c.user FROM clicks c JOIN clicks c ON true", "AMBIGUOUS_REFERENCE", "1:8"),
    ("SELECT struct(1).x FROM clicks", "FIELD_NOT_FOUND", "1:8"),
    ("SELECT xs.a FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT lag(v) FROM clicks", "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "1:8"),
    ("SELECT row_number() OVER () FROM clicks", "WINDOW_FUNCTION_FRAME_NOT_ORDERED", "1:8"),
    ("SELECT first(v) OVER (PARTITION BY zz ORDER BY v) FROM clicks", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:36"),
    ("SELECT sum(v) FILTER (WHERE count(*) > 1) FROM clicks", "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE", "1:29"),
    ("SELECT user u FROM clicks WHERE u = 'a'", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:33"),
    ("SELECT filter(xs, x -> x) FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT aggregate(xs, 0, (a, b) -> 'x') FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    ("SELECT * FROM nosuch(1)", "UNRESOLVABLE_TABLE_VALUED_FUNCTION", "1:15"),
    ("WITH t AS (SELECT 1 AS a) SELECT b FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:34"),
    ("SELECT a FROM l WHERE a IN (1, 'x', ts)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:37"),
    ("SELECT 1 = (SELECT lim FROM users)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "1:20"),
    ("SELECT to_timestamp(user, 1, 2) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    ("SELECT window(ts) FROM clicks", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "1:8"),
    (
        "SELECT window(ts, '1 second', '2 seconds') FROM clicks",
        "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION",
        "1:8",
    ),
    ("SELECT window(ts, '-1 second') FROM clicks", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "1:8"),
    ("SELECT window(v, '1 second') FROM clicks", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "1:8"),
    (
        "SELECT count(*) FROM clicks GROUP BY window(ts, '1 second'), window(ts, '2 seconds')",
        "_LEGACY_ERROR_TEMP_1039",
        "1:62",
    ),
]


@pytest.mark.parametrize(("sql", "condition", "at"), TABLE)
def test_a_finding_has_spark_s_condition_a_place_and_a_way_out(sql: str, condition: str, at: str) -> None:
    """Line and column are those of the smallest part that is wrong and has a place of its own."""
    with pytest.raises(StreamErrors) as raised:
        planned(sql)
    first = raised.value.errors[0]
    assert (first.condition, str(first.at), bool(first.hint)) == (condition, f":{at}", True)


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT usr FROM clicks", "Did you mean one of the following? [`clicks`.`user`, `clicks`.`v`"),
        ("SELECT uper(user) FROM clicks", "Did you mean upper, user, power?"),
        ("SELECT * FROM clickz", 'Did you mean "clicks"?'),
        ("SELECT click.* FROM clicks", 'Did you mean "clicks"?'),
        ("SELECT v FROM clicks JOIN users USING (usr)", 'Did you mean "user"?'),
        ("SELECT named_struct('city', 1).cty FROM clicks", 'Did you mean "city"?'),
        ("SELECT monotonically_increasing_id() FROM clicks", None),
    ],
)
def test_a_misspelt_name_gets_the_nearest_ones(sql: str, hint: str | None) -> None:
    """The nearest first."""
    with pytest.raises(StreamErrors) as raised:
        planned(sql)
    found = raised.value.errors[0].hint
    assert found is None if hint is None else str(found).startswith(hint)


def test_all_independent_findings_come_at_once() -> None:
    """Four clauses, four mistakes, one round."""
    sql = "SELECT usr,\n  foo(1),\n  CAST(xs AS INT)\nFROM clicks\nWHERE v"
    with pytest.raises(StreamErrors) as raised:
        planned(sql)
    assert [(error.condition, str(error.at)) for error in raised.value.errors] == [
        ("UNRESOLVED_ROUTINE", ":2:3"),
        ("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", ":5:7"),
        ("UNRESOLVED_COLUMN.WITH_SUGGESTION", ":1:8"),
        ("DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", ":3:8"),
    ]
