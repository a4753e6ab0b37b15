"""A session computes and does nothing else; opening one is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.sql.sessions import provided

from headrace.sql.session import SessionFunctions, open_session
from headrace.sql.settings import SqlSettings


@pytest.fixture
def session(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked session with its own folder to spill to, and all functions."""
    connection = open_session(
        SqlSettings(time_zone="Europe/Berlin"), threads=1, memory_limit_bytes=64_000_000, temp_folder=tmp_path
    )
    provided(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/headrace-escape.csv'",
        "ATTACH '/tmp/headrace-escape.db'",
        "EXPORT DATABASE '/tmp/headrace-escape'",
        "INSTALL httpfs",
        "LOAD '/tmp/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '8GB'",
        "SET async_threads = 8",
        "SET allowed_configs = ['threads', 'memory_limit']",
        "RESET memory_limit",
        "PRAGMA enable_logging",
        "SELECT * FROM local_variable_of_python",
    ],
)
def test_sql_reaches_nothing_outside(session: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Files, network, extensions and settings are all closed."""
    local_variable_of_python = [1]
    with pytest.raises(duckdb.Error):
        session.execute(statement)
    assert local_variable_of_python == [1]


def test_settings_and_functions_are_there(session: duckdb.DuckDBPyConnection) -> None:
    """The zone and the threads are set before the lock; threads alone may change later, and functions be created."""
    assert session.execute("SELECT current_setting('allowed_configs')").fetchone() == (["threads"],)
    row = session.execute(
        "SELECT current_setting('TimeZone'), current_setting('threads'), headrace_crc32(encode('Spark')), "
        "headrace_xxhash64_int(1::INTEGER, 42::BIGINT), headrace_sha512(''::BLOB)[:8], hour(make_timestamptz(0))"
    ).fetchone()
    assert row == ("Europe/Berlin", 1, 1557323817, -6698625589789238999, "cf83e135", 1)


def test_a_cursor_of_the_session_has_its_functions_and_its_lock(session: duckdb.DuckDBPyConnection) -> None:
    """The engine runs statements on cursors."""
    cursor = session.cursor()
    assert cursor.execute("SELECT headrace_crc32(encode('Spark'))").fetchone() == (1557323817,)
    with pytest.raises(duckdb.Error):
        cursor.execute("SET memory_limit = '8GB'")
    cursor.close()


def test_only_functions_that_a_text_names_are_created() -> None:
    """Once each, whatever else begins with their names; what nobody knows is left for DuckDB to refuse."""
    session = open_session(SqlSettings(), memory_limit_bytes=64_000_000, temp_folder=None)
    functions = SessionFunctions(session)
    for _ in range(2):
        functions.provide(
            'SELECT headrace_crc32(x), "headrace_sha512"(headrace_kll_built_bigint_(x), headrace_nothing(x))'
        )
    found = session.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'headrace%' ORDER BY 1"
    )
    assert found.fetchall() == [("headrace_crc32",), ("headrace_sha512",)]
    session.close()


def test_functions_agree_on_every_row_of_a_large_column(session: duckdb.DuckDBPyConnection) -> None:
    """Vectors are handed over in pieces of 2,048 rows, some of them sliced and with NULLs."""
    row = session.execute(
        "SELECT count(*), count(DISTINCT h), count(*) FILTER (WHERE i IS NULL AND h = 42) FROM "
        "(SELECT i, headrace_xxhash64_long(i, 42::BIGINT) AS h FROM "
        "(SELECT CASE WHEN r % 10 = 0 THEN NULL ELSE r END AS i FROM range(10000) t(r)))"
    ).fetchone()
    assert row == (10000, 9001, 1000)


def test_memory_beyond_the_limit_fails_without_a_folder_to_spill_to() -> None:
    """The limit holds."""
    connection = open_session(SqlSettings(), memory_limit_bytes=20_000_000, temp_folder=None)
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("CREATE TABLE t AS SELECT range AS a, hash(range) AS b FROM range(10000000)")
    connection.close()


def test_an_unknown_time_zone_closes_the_connection() -> None:
    """Nothing stays open behind a failure."""
    with pytest.raises(duckdb.Error, match="Mars"):
        open_session(SqlSettings(time_zone="Mars/Olympus"), memory_limit_bytes=20_000_000, temp_folder=None)


def test_a_sum_overflows_where_what_is_summed_does(session: duckdb.DuckDBPyConnection) -> None:
    """DuckDB's optimizer would add the constant once, to the sum, which is wider."""
    for name in ("sum", "avg"):
        with pytest.raises(duckdb.OutOfRangeException, match="Overflow in addition"):
            session.execute(f"SELECT {name}(i + 2147483647) FROM (SELECT i::INTEGER AS i FROM range(1, 3) t(i))")
