"""Spark SQL texts become trees in which every call stays as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlglot import exp
from tests.sql.trees import read

from headrace.errors import StreamErrors
from headrace.sql.parse import parse, position_of
from headrace.values import Position

_CASES = Path(__file__).parents[1] / "conformance"


def _recorded() -> list[tuple[str, str]]:
    found = []
    for path in sorted(_CASES.glob("*/*.yaml")):
        case: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        parts = [case.get("query") or {}, *(case.get("views") or [])]
        found += [(f"{path.parent.name}/{path.stem}", part["sql"]) for part in parts if part.get("sql")]
    return found


def test_every_recorded_statement_is_read() -> None:
    """All but the one that Spark itself refuses by its syntax."""
    recorded = _recorded()
    assert len(recorded) > 250
    refused = []
    for name, sql in recorded:
        try:
            parse(sql)
        except StreamErrors:
            refused.append(name)
    assert refused == ["rejected/unclosed_quote"]


@pytest.mark.parametrize(
    "call",
    [
        "count(*)",
        "date_add(a, 1)",
        "datediff(a, b)",
        "to_timestamp(a, 'yyyy')",
        "nvl(a, b)",
        "approx_percentile(a, 0.5)",
        "element_at(a, 1)",
        "collect_list(a)",
        "any(a)",
        "struct(a, b)",
        "named_struct('a', 1)",
        "transform(a, x -> x + 1)",
        "aggregate(a, 0, (acc, x) -> acc + x)",
        "exists(a, x -> x > 1)",
        "window(ts, '10 seconds')",
        "session_window(ts, '5 minutes')",
        "left(a, 1)",
        "replace(a, 'b', 'c')",
        "date('2024-01-01')",
        "int(a)",
        "current_timestamp()",
        "decode(a, 'utf-8')",
        "rlike(a, 'x')",
        "first_value(a, TRUE)",
        "get_json_object(a, '$.b')",
        "trim(a)",
    ],
)
def test_a_call_keeps_its_name_and_arguments(call: str) -> None:
    """No function is renamed, reordered or turned into another."""
    node = read(call)
    assert isinstance(node, exp.Anonymous)
    written = f"{node.this}({', '.join(part.sql(dialect='spark') for part in node.expressions)})"
    assert written == call


@pytest.mark.parametrize(
    ("special", "plain"),
    [
        ("substring(a FROM 1 FOR 2)", "substring(a, 1, 2)"),
        ("position('a' IN b)", "position('a', b)"),
        ("overlay(a PLACING b FROM 3)", "overlay(a, b, 3)"),
    ],
)
def test_words_between_arguments_are_commas(special: str, plain: str) -> None:
    """The SQL standard's spellings are the same calls."""
    assert read(special) == read(plain)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("trim(BOTH 'x' FROM y)", exp.Trim),
        ("extract(YEAR FROM a)", exp.Extract),
        ("CAST(a AS INT)", exp.Cast),
        ("a::INT", exp.Cast),
        ("TRY_CAST(a AS INT)", exp.TryCast),
        ("TIMESTAMP'2024-01-01'", exp.Cast),
        ("INTERVAL '10' SECOND", exp.Interval),
        ("INTERVAL 10 seconds", exp.Interval),
        ("INTERVAL '1 02:03:04' DAY TO SECOND", exp.Interval),
        ("X'F0'", exp.HexString),
        ("a div b", exp.IntDiv),
        ("a <=> b", exp.NullSafeEQ),
        ("a || b", exp.DPipe),
        ("! a", exp.Not),
        ("a ^ b", exp.BitwiseXor),
        ("~a", exp.BitwiseNot),
        ("a[0]", exp.Bracket),
        ("a[0].b", exp.Dot),
        ("a.b", exp.Column),
        ("first(a) IGNORE NULLS", exp.IgnoreNulls),
        ("count(a) FILTER (WHERE b > 1)", exp.Filter),
        ("percentile_cont(0.5) WITHIN GROUP (ORDER BY a)", exp.WithinGroup),
        ("sum(a) OVER (PARTITION BY b)", exp.Window),
        ("a LIKE ANY ('x', 'y')", exp.Like),
        ("window.start", exp.Column),
        ("window", exp.Column),
    ],
)
def test_a_special_syntax_has_a_node_of_its_own(sql: str, kind: type[exp.Expr]) -> None:
    """a::INT raises on bad values, as CAST does."""
    assert type(read(sql)) is kind


@pytest.mark.parametrize(
    ("sql", "text", "is_string"),
    [
        ("1L", "1L", False),
        ("1.5D", "1.5D", False),
        ("2BD", "2BD", False),
        ("1e3", "1e3", False),
        ("r'a\\n'", "a\\n", True),
        ("'a\\_b'", "a\\_b", True),
        ("'it\\'s'", "it's", True),
        ("'a' 'b'", "ab", True),
        ('"text"', "text", True),
    ],
)
def test_a_literal_keeps_its_suffix_and_spark_s_escapes(sql: str, text: str, is_string: bool) -> None:
    """The analyzer gives numbers their types; raw texts and neighbours are one literal."""
    node = read(sql)
    assert isinstance(node, exp.Literal)
    assert (node.this, node.is_string) == (text, is_string)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a LEFT SEMI JOIN b ON a.x = b.x",
        "SELECT a FROM t LATERAL VIEW OUTER explode(x) e AS y",
        "SELECT a FROM t GROUP BY a WITH ROLLUP",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ())",
        "SELECT a FROM t GROUP BY ALL",
        "SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY a)",
        "SELECT window FROM t GROUP BY window",
        "SELECT window.end FROM t GROUP BY window(ts, '1 minute')",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT 1 UNION ALL SELECT 2 MINUS SELECT 3",
        "SELECT * FROM VALUES (1, 2) AS t(a, b)",
        "SELECT explode(m) AS (k, v) FROM t",
        "SELECT * FROM t TABLESAMPLE (10 PERCENT)",
    ],
)
def test_a_query_of_every_shape_is_read(sql: str) -> None:
    """WINDOW is a clause only before `name AS (`."""
    assert isinstance(parse(sql), exp.Query)


@pytest.mark.parametrize(
    ("sql", "code", "line", "column"),
    [
        ("SELECT 'abc", "SQL_SYNTAX", 1, 8),
        ("SELECT\n  `abc", "SQL_SYNTAX", 2, 3),
        ("SELECT a b c", "SQL_SYNTAX", 1, 12),
        ("SELECT a,\n  b +\nFROM t", "SQL_SYNTAX", 3, 1),
        ("", "SQL_SYNTAX", 1, 1),
        ("SELECT 1; SELECT 2", "SQL_SYNTAX", 1, 1),
        ("CREATE TABLE x (a INT)", "SQL_UNSUPPORTED", 1, 1),
        ("INSERT INTO x SELECT 1", "SQL_UNSUPPORTED", 1, 1),
        ("EXPLAIN SELECT 1", "SQL_UNSUPPORTED", 1, 1),
    ],
)
def test_what_is_no_query_is_refused_with_its_place(
    sql: str, code: str, line: int, column: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Syntax errors have Spark's condition; the parser we use says nothing of its own."""
    with pytest.raises(StreamErrors) as raised:
        parse(sql)
    (error,) = raised.value.errors
    assert (error.code, error.at) == (code, Position("", line, column))
    syntax = "PARSE_SYNTAX_ERROR" if sql else "PARSE_EMPTY_STATEMENT"
    assert error.condition == (syntax if code == "SQL_SYNTAX" else "WRITE_STREAM_NOT_ALLOWED")
    assert "<class" not in error.message
    assert caplog.messages == []


def test_a_node_knows_where_it_stands() -> None:
    """A node without a token of its own begins where its first part does."""
    tree = parse("SELECT aa,\n  foo(bb.c, 1) + dd AS z\nFROM t")
    places = {
        part.sql(dialect="spark"): str(position_of(part))
        for part in tree.walk()
        if isinstance(part, exp.Column | exp.Anonymous | exp.Add | exp.Literal)
    }
    assert places == {
        "aa": ":1:8",
        "FOO(bb.c, 1)": ":2:3",
        "FOO(bb.c, 1) + dd": ":2:3",
        "bb.c": ":2:7",
        "1": ":2:13",
        "dd": ":2:18",
    }
    assert position_of(exp.Null()) is None
