"""Queries inside expressions and LATERAL ones over tables give what Apache Spark 4.2.0 gave for the same statement.

spark_subqueries.jsonl was recorded from Spark in ANSI mode, one statement a line: [SQL, rows as texts], in no order, or
[SQL, error condition].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.errors import StreamError, StreamErrors

VIEWS = {
    "c": "SELECT * FROM VALUES ('a', 1, array(1, 2)), ('b', 2, array(1)), (NULL, 3, array(3)), "
    "('z', CAST(NULL AS INT), array()), ('a', 5, NULL), ('c', 3, array(7)) AS v(k, i, a)",
    "t": "SELECT * FROM VALUES ('a', 1), ('a', 2), ('c', 3), ('b', NULL) AS v(k, g)",
    "u": "SELECT * FROM VALUES ('a', 1), ('c', 3), ('b', 2) AS v(k, g)",
    "n": "SELECT * FROM VALUES ('a', 1), (NULL, 3) AS v(k, g)",
    "e": "SELECT * FROM VALUES ('a', 1) AS v(k, g) WHERE g > 5",
}
RECORDED = [json.loads(line) for line in Path(__file__).with_name("spark_subqueries.jsonl").read_text().splitlines()]
NOT_DONE = [
    "SELECT k, (SELECT g FROM t WHERE t.k = c.k ORDER BY g DESC LIMIT 1) AS x FROM c",
    "SELECT k, (SELECT row_number() OVER (ORDER BY g) FROM u WHERE u.k = c.k) AS x FROM c",
    "SELECT k, (SELECT sum(y) FROM (SELECT explode(c.a) AS y)) AS x FROM c",
    "SELECT (k IN (SELECT k FROM n)) = true AS x FROM c",
]
"""What Spark answers and headrace refuses."""


@pytest.fixture(scope="module")
def session() -> Iterator[BatchSession]:
    """A session with the tables of the recording."""
    opened = BatchSession({}, ManualClock(0))
    for name, sql in VIEWS.items():
        opened.run(f"CREATE TEMPORARY VIEW {name} AS {sql}")
    yield opened
    opened.close()


@pytest.mark.parametrize(("sql", "answer"), RECORDED, ids=lambda value: str(value)[:80])
def test_the_answer_over_tables_is_sparks(sql: str, answer: list[list[str]] | str, session: BatchSession) -> None:
    """Rows in any order, or the condition."""
    if isinstance(answer, str):
        with pytest.raises((StreamError, StreamErrors)) as caught:
            session.run(sql)
        raised = caught.value
        found = raised.errors[0] if isinstance(raised, StreamErrors) else raised
        assert isinstance(found, StreamError)
        assert found.condition == answer
    else:
        rows = session.run(sql).rows
        assert sorted([str(column[i].as_py()) for column in rows.columns] for i in range(len(rows))) == sorted(answer)


@pytest.mark.parametrize("sql", NOT_DONE)
def test_what_is_not_done_is_refused(sql: str, session: BatchSession) -> None:
    """A wrong answer would be worse."""
    with pytest.raises((StreamError, StreamErrors), match="SQL_UNSUPPORTED"):
        session.run(sql)
