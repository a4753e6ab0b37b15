"""Statements over Arrow tables: kept plans give what fresh ones give."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from headrace.arrow_sql import SMALL_ROWS, ArrowSql, Cores


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A plain DuckDB."""
    opened = duckdb.connect(":memory:")
    yield opened
    opened.close()


def _numbers(count: int) -> pa.Table:
    return pa.table({"n": pa.array(range(count), pa.int64())})


def _prepared(connection: duckdb.DuckDBPyConnection) -> int:
    found = connection.execute("SELECT count(*) FROM duckdb_prepared_statements()").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("rows", [0, 1, SMALL_ROWS, SMALL_ROWS + 1])
def test_small_and_large_inputs_give_the_same_rows(
    connection: duckdb.DuckDBPyConnection, rows: int, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared below the bound, planned anew above it; whatever is known of DuckDB's version."""
    monkeypatch.setattr("headrace.arrow_sql._HAS_DIRECT_ARROW", direct)
    sql = ArrowSql(connection)

    doubled = sql.run("SELECT n * 2 AS twice FROM numbers", {"numbers": _numbers(rows)})

    assert doubled == pa.table({"twice": pa.array([2 * n for n in range(rows)], pa.int64())})


def test_a_kept_plan_reads_the_rows_of_each_call(connection: duckdb.DuckDBPyConnection) -> None:
    """And there is one plan, however many rows."""
    sql = ArrowSql(connection)

    counts = [
        sql.run("SELECT count(*) AS n FROM numbers", {"numbers": _numbers(rows)})["n"].to_pylist()
        for rows in (3, 0, 5, SMALL_ROWS + 1, 2)
    ]

    assert counts == [[3], [0], [5], [SMALL_ROWS + 1], [2]]
    assert _prepared(connection) == 1


def test_rows_are_not_held_after_the_call(connection: duckdb.DuckDBPyConnection) -> None:
    """Memory of a batch is free once its statement has run."""
    sql = ArrowSql(connection)
    sql.run("SELECT n FROM numbers", {"numbers": _numbers(3)})

    assert connection.execute("SELECT count(*) FROM numbers").fetchall() == [(0,)]


def test_a_relation_whose_schema_differs_is_planned_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """The old plan is given up."""
    sql = ArrowSql(connection)
    sql.run("SELECT * FROM rows", {"rows": _numbers(2)})

    again = sql.run("SELECT * FROM rows", {"rows": pa.table({"name": ["a", "b"]})})

    assert again == pa.table({"name": ["a", "b"]})
    assert _prepared(connection) == 1


def test_a_row_that_fails_does_not_spoil_the_plan(connection: duckdb.DuckDBPyConnection) -> None:
    """The next call with the same text goes on."""
    sql = ArrowSql(connection)
    text = "SELECT CAST(t AS INTEGER) AS n FROM texts"

    with pytest.raises(duckdb.ConversionException):
        sql.run(text, {"texts": pa.table({"t": ["1", "x"]})})

    assert sql.run(text, {"texts": pa.table({"t": ["1", "2"]})})["n"].to_pylist() == [1, 2]


def test_a_text_that_does_not_come_again_is_not_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """Such as one with the batch time in it."""
    sql = ArrowSql(connection)

    found = sql.run("SELECT n FROM numbers", {"numbers": _numbers(2)}, keep=False)

    assert found == _numbers(2)
    assert _prepared(connection) == 0


def test_no_more_than_a_fixed_number_of_plans_is_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """The oldest ones go."""
    sql = ArrowSql(connection)

    for number in range(300):
        sql.run(f"SELECT n + {number} AS m FROM numbers", {"numbers": _numbers(1)})

    assert _prepared(connection) == 256


def test_an_instance_has_one_thread_while_all_that_uses_it_is_small() -> None:
    """And all of them for the first statement that is not; the other settings stay locked."""
    with (
        duckdb.connect(config={"threads": 2, "allowed_configs": ["threads"], "lock_configuration": True}) as instance,
        instance.cursor() as other,
    ):
        cores = Cores(2)
        one, two = ArrowSql(instance, cores), ArrowSql(other, cores)
        threads = "SELECT current_setting('threads') AS n FROM numbers LIMIT 1"

        seen = [sql.run(threads, {"numbers": _numbers(1)})["n"].to_pylist() for sql in (one, two) * 10]
        large = one.run(threads, {"numbers": _numbers(SMALL_ROWS + 1)})["n"].to_pylist()
        again = two.run("SELECT count(*) AS n FROM numbers", {"numbers": _numbers(1)})["n"].to_pylist()

        assert seen == [[2]] * 15 + [[1]] * 5
        assert (large, again) == ([2], [1])
        assert instance.execute("SELECT current_setting('threads')").fetchall() == [(2,)]
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            instance.execute("SET memory_limit = '1GB'")
