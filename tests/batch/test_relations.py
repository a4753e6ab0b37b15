"""What stands in FROM, and QUALIFY, gives over tables what Apache Spark 4.2.0 gave for the same statement.

spark_relations.jsonl was recorded from Spark in ANSI mode, one statement a line: [SQL, columns with their types, rows
as texts], in no order, or [SQL, error condition]; an empty condition stands for one of Spark's that have no name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.batch.recorded import condition_of

from headrace.batch.session import BatchSession

RECORDED = [json.loads(line) for line in Path(__file__).with_name("spark_relations.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded[0])[:90])
def test_the_answer_is_sparks(recorded: list[Any], session: BatchSession) -> None:
    """Names and types of columns, and the rows; or the condition."""
    sql, *answer = recorded
    if len(answer) == 1:
        condition = condition_of(session, sql)
        assert condition == answer[0] or not answer[0]
        return
    found = session.run(sql)
    assert [[field.name, field.type.sql()] for field in found.schema.fields] == answer[0]
    rows = [[str(column[i].as_py()) for column in found.rows.columns] for i in range(len(found.rows))]
    assert sorted(rows) == sorted(answer[1])
