"""Queries inside expressions and LATERAL ones over tables give what Apache Spark 4.2.0 gave for the same statement.

spark_subqueries.jsonl was recorded from Spark in ANSI mode, one statement a line: [SQL, rows as texts], in no order, or
[SQL, error condition].
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.batch.recorded import condition_of

from headrace.batch.session import BatchSession
from headrace.errors import StreamError, StreamErrors

RECORDED = [json.loads(line) for line in Path(__file__).with_name("spark_subqueries.jsonl").read_text().splitlines()]
NOT_DONE = [
    "SELECT k, (SELECT g FROM t WHERE t.k = c.k ORDER BY g DESC LIMIT 1) AS x FROM c",
    "SELECT k, (SELECT row_number() OVER (ORDER BY g) FROM u WHERE u.k = c.k) AS x FROM c",
    "SELECT k, (SELECT sum(y) FROM (SELECT explode(c.a) AS y)) AS x FROM c",
    "SELECT (k IN (SELECT k FROM n)) = true AS x FROM c",
]
"""What Spark answers and headrace refuses."""


@pytest.mark.parametrize(("sql", "answer"), RECORDED, ids=lambda value: str(value)[:80])
def test_the_answer_over_tables_is_sparks(sql: str, answer: list[list[str]] | str, session: BatchSession) -> None:
    """Rows in any order, or the condition."""
    if isinstance(answer, str):
        assert condition_of(session, sql) == answer
    else:
        rows = session.run(sql).rows
        assert sorted([str(column[i].as_py()) for column in rows.columns] for i in range(len(rows))) == sorted(answer)


@pytest.mark.parametrize("sql", NOT_DONE)
def test_what_is_not_done_is_refused(sql: str, session: BatchSession) -> None:
    """A wrong answer would be worse."""
    with pytest.raises((StreamError, StreamErrors), match="SQL_UNSUPPORTED"):
        session.run(sql)
