"""Aggregates over inline rows give what Apache Spark 4.2.0 gave for the same statement.

spark_aggregates.jsonl was recorded from Spark in ANSI mode, one statement a line: [SQL, column names, lines of the
spark-sql shell], or [SQL, error condition]. Nulls, NaN, -0.0, infinities, no rows and single rows are among them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from headrace.batch.session import BatchSession
from headrace.clock import SystemClock
from headrace.errors import StreamError, StreamErrors

RECORDED: list[list[object]] = [
    json.loads(line) for line in Path(__file__).with_name("spark_aggregates.jsonl").read_text().splitlines()
]
BY_FUNCTION = {
    name: list(cases)
    for name, cases in groupby(RECORDED, key=lambda case: re.findall(r"(\w+)\(", f"{case[0]}(")[0].lower())
}
_FRACTION = re.compile(r"-?\d+\.\d+(?:E-?\d+)?")


@pytest.fixture(scope="module")
def session() -> Iterator[BatchSession]:
    """One session for all statements."""
    opened = BatchSession({}, SystemClock())
    yield opened
    opened.close()


@pytest.mark.parametrize("name", BY_FUNCTION)
def test_an_aggregate_gives_what_spark_gave(session: BatchSession, name: str) -> None:
    """Fractions agree to 1e-12: Spark itself gives other last digits with other partitions."""
    wrong = [(case, found) for case in BY_FUNCTION[name] if not _agree(case[1:], found := _ask(session, str(case[0])))]
    assert wrong == []


def _ask(session: BatchSession, sql: str) -> list[object]:
    try:
        result = session.run(sql)
    except StreamErrors as errors:
        return [errors.errors[0].condition]
    except StreamError as error:
        return [error.condition]
    return [list(result.schema.names), list(result.lines)]


def _agree(recorded: object, found: object) -> bool:
    if isinstance(recorded, str) and isinstance(found, str):
        numbers = zip(_FRACTION.findall(recorded), _FRACTION.findall(found), strict=False)
        close = all(math.isclose(float(a), float(b), rel_tol=1e-12) for a, b in numbers)
        return close and _FRACTION.sub("#", recorded) == _FRACTION.sub("#", found)
    if isinstance(recorded, list) and isinstance(found, list):
        return len(recorded) == len(found) and all(map(_agree, recorded, found))
    return recorded == found


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT mode(v) FROM VALUES (2), (1), (3) AS t(v)", ["1"]),
        ("SELECT collect_set(v) FROM VALUES (3), (1), (2), (1) AS t(v)", ["[1,2,3]"]),
        (
            "SELECT collect_list(DISTINCT v), listagg(DISTINCT v) FROM VALUES ('b'), ('a'), ('b') AS t(v)",
            ['["a","b"]\tab'],
        ),
        ("SELECT max_by(x, 1, 2), min_by(x, 1, 2) FROM VALUES ('b'), ('a'), ('c') AS t(x)", ['["b","a"]\t["b","a"]']),
        (
            "SELECT approx_top_k(v, 2) FROM VALUES ('b'), ('a'), ('a'), ('b'), ('c') AS t(v)",
            ['[{"item":"a","count":2},{"item":"b","count":2}]'],
        ),
        ("SELECT sum(v) FROM VALUES (9223372036854775807L), (1L), (-5L) AS t(v)", ["9223372036854775803"]),
        (
            "SELECT histogram_numeric(v, 2) FROM VALUES (1), (2), (9), (10) AS t(v)",
            ['[{"x":1,"y":2.0},{"x":9,"y":2.0}]'],
        ),
    ],
)
def test_where_spark_leaves_it_to_chance_the_answer_is_always_the_same(
    session: BatchSession, sql: str, rows: list[str]
) -> None:
    """Ties go to the smaller or the earlier value; a sum overflows by its result, not by the order of its rows."""
    assert list(session.run(sql).lines) == rows


@pytest.mark.parametrize(
    ("call", "condition", "says"),
    [
        ("percentile_cont(0.5)", "INVALID_WITHIN_GROUP_EXPRESSION.WITHIN_GROUP_MISSING", "WITHIN GROUP (ORDER BY x)"),
        ("mode(DISTINCT v)", "INVALID_WITHIN_GROUP_EXPRESSION.DISTINCT_UNSUPPORTED", "DISTINCT"),
        ("sum(v) WITHIN GROUP (ORDER BY v)", "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX", "WITHIN GROUP"),
        ("percentile(v, v)", "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", "must be a constant"),
        ("histogram_numeric(v, 1)", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "between [2, 2147483647]"),
        ("count_min_sketch(v, 0.0d, 0.5d, 1)", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "epsilon"),
        ("count(DISTINCT map(1, v))", "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE", "DISTINCT needs values that compare"),
        ("sum(v) FILTER (WHERE v)", "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", "must be BOOLEAN"),
        ("approx_top_k_accumulate(double(v))", None, "DOUBLE is not done"),
        ("count(DISTINCT *)", None, "count(DISTINCT *) is not done."),
    ],
)
def test_a_refusal_says_what_is_wrong(session: BatchSession, call: str, condition: str | None, says: str) -> None:
    """Each has Spark's condition where Spark has one."""
    with pytest.raises(StreamErrors) as caught:
        session.run(f"SELECT {call} FROM VALUES (1), (2) AS t(v)")
    assert caught.value.errors[0].condition == condition
    assert says in caught.value.errors[0].message
