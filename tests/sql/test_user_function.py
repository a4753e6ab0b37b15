"""Functions of a pipeline's author inside DuckDB: every type there and back, and what they may not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.plan.relations import catalog
from tests.sql.sessions import provided

from headrace.ddl import parse_schema, parse_type
from headrace.duck import duckdb_type
from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind import bind
from headrace.plan.bind.expression.function.taken import refuse_taken
from headrace.sql.parse import parse
from headrace.sql.runtime_errors import translate
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction

TYPES = {
    "BOOLEAN": "true",
    "TINYINT": "1",
    "BIGINT": "1",
    "FLOAT": "1.5",
    "DOUBLE": "1.5",
    "STRING": "'a'",
    "BINARY": "'a'::BLOB",
    "DATE": "DATE '2024-01-01'",
    "TIMESTAMP": "TIMESTAMPTZ '2024-01-01'",
    "TIMESTAMP_NTZ": "TIMESTAMP '2024-01-01'",
    "DECIMAL(10,2)": "1.25",
    "DECIMAL(38,4)": "1.25",
    "ARRAY<TIMESTAMP>": "[TIMESTAMPTZ '2024-01-01', NULL]",
    "MAP<STRING, BIGINT>": "MAP {'a': 1}",
    "STRUCT<a: INT, `b c`: ARRAY<STRING>>": "{'a': 1, 'b c': ['x']}",
    "INTERVAL DAY TO SECOND": "1",
    "INTERVAL YEAR TO MONTH": "1",
}


def function(name: str, kind: str, code: Callable[..., Any], *, by_row: bool = False) -> UserFunction:
    """Return a function of one parameter x that gives its own type."""
    return UserFunction(name, f"mine:{name}", parse_schema(f"x {kind}"), parse_type(kind), code, by_row)


SEEN: list[pa.DataType] = []


def same(values: pa.Array) -> pa.Array:
    """Return what it takes, and note the type."""
    SEEN.append(values.type)
    return values


BAD = [
    ("raises", lambda x: x.fill_null("q"), False, "failed at test_user_function.py:"),
    ("shorter", lambda x: x[:1], False, "returned 1 values for 5 rows."),
    ("texts", lambda x: pa.array(["z"] * len(x)), False, "returned string, which does not go into BIGINT: Failed to"),
    ("a_list", lambda x: [1] * len(x), False, "returned a list; a pyarrow array is wanted."),
    ("a_word", lambda x: "no" if x == 3 else x, True, "returned 'no', which is no BIGINT."),
    ("a_row", lambda x: 1 // (x - 3), True, "failed at test_user_function.py:"),
]  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked session far from UTC with every function of these tests."""
    found = [function(f"same{place}", kind, same) for place, kind in enumerate(TYPES)]
    found += [function(f"same{place}", kind, lambda x: x, by_row=True) for place, kind in enumerate(TYPES, 100)]
    found += [function(name, "BIGINT", code, by_row=by_row) for name, code, by_row, _ in BAD]
    opened = open_session(
        SqlSettings(time_zone="Asia/Tokyo"),
        memory_limit_bytes=200_000_000,
        temp_folder=None,
    )
    provided(opened, [each.arrow() for each in found])
    yield opened
    opened.close()


@pytest.mark.parametrize("place", range(len(TYPES)), ids=list(TYPES))
def test_values_of_every_type_go_there_and_back(session: duckdb.DuckDBPyConnection, place: int) -> None:
    """The function sees exactly the declared Arrow type; nulls stay nulls; a row at a time the same."""
    kind = list(TYPES)[place]
    held = duckdb_type(parse_type(kind))
    values = f"SELECT CAST({TYPES[kind]} AS {held}) AS v UNION ALL SELECT CAST(NULL AS {held})"
    given = session.sql(
        f"SELECT v, headrace_user_same{place}(v), headrace_user_same{place + 100}(v) FROM ({values})"
    ).to_arrow_table()
    assert given.column(0).to_pylist()[0] is not None
    assert given.column(1).equals(given.column(0))
    assert given.column(2).equals(given.column(0))
    assert pa.types.is_null(SEEN[-1]) is False
    assert SEEN[-1] == parse_type(kind).arrow()


@pytest.mark.parametrize(("name", "said"), [(case[0], case[3]) for case in BAD], ids=[case[0] for case in BAD])
def test_what_a_function_does_wrong_is_one_clear_error(
    session: duckdb.DuckDBPyConnection, name: str, said: str
) -> None:
    """With the function, what it did, and where in the author's module."""
    with pytest.raises(duckdb.Error) as raised:
        session.sql(f"SELECT headrace_user_{name}(x) FROM range(5) AS t(x)").fetchall()
    error = translate(raised.value)
    assert error.code == "FUNCTION_FAILED"
    assert error.message.startswith(f"mine:{name} {said}")


def test_the_first_values_are_told(session: duckdb.DuckDBPyConnection) -> None:
    """A row at a time it is the row's own value."""
    for name, value in (("raises", "x=0"), ("a_row", "x=3")):
        with pytest.raises(duckdb.Error) as raised:
            session.sql(f"SELECT headrace_user_{name}(x) FROM range(5) AS t(x)").fetchall()
        assert translate(raised.value).message.endswith(f"Called with {value}.")


CALLS = [
    ("half(v, 1)", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "The `half` requires 1 parameters but the actual number is 2."),
    ("half(xs)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
     'Cannot resolve "half(xs)": parameter 1 (x) takes "DOUBLE", however "xs" has the type "ARRAY<INT>".'),
    ("halve(v)", "UNRESOLVED_ROUTINE",
     "Cannot resolve routine `halve`; it is no function of Spark SQL that headrace knows."),
    ("half(DISTINCT v)", "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
     "`half` is no aggregate function; DISTINCT, FILTER and IGNORE NULLS belong to those."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "condition", "said"), CALLS, ids=[case[0] for case in CALLS])
def test_a_call_that_does_not_fit_is_refused_as_sparks_are(call: str, condition: str, said: str) -> None:
    """Name, number and types of the arguments."""
    relations = catalog()
    relations.add_function(function("half", "DOUBLE", same))
    with pytest.raises(StreamErrors) as raised:
        bind(parse(f"SELECT {call} FROM clicks"), relations)
    assert [(error.condition, error.message) for error in raised.value.errors] == [(condition, said)]


def test_arguments_are_cast_to_the_declared_types() -> None:
    """Numbers widen, NULL is of every type; the result has the declared type and the call's text as its name."""
    relations = catalog()
    relations.add_function(function("half", "DOUBLE", same))
    plan = bind(parse("SELECT Half(n), half(NULL), v FROM clicks"), relations)
    assert plan.schema.sql() == "STRUCT<half(n): DOUBLE, half(NULL): DOUBLE, v: DOUBLE>"


TAKEN = ["upper", "COUNT", "window", "coalesce", "levenshtein", "int", "if", "grouping", "select"]


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_that_sql_knows_is_taken(name: str) -> None:
    """Functions of the author never stand for others."""
    with pytest.raises(StreamError, match=f"The name {name} is taken by a function of SQL"):
        refuse_taken(name)


def test_a_name_is_given_once() -> None:
    """Any other name is free."""
    relations = catalog()
    refuse_taken("half")
    relations.add_function(function("half", "DOUBLE", same))
    with pytest.raises(StreamError, match="The name half is taken by an earlier function"):
        relations.add_function(function("half", "DOUBLE", same))
