"""Texts of intervals hold the fields of their types, whichever way these came about."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sql.interval import interval_text
from headrace.time_text import interval_to_text_sql
from headrace.types import DAY_TIME_FIELDS, FIELD_SIZES, YEAR_MONTH_FIELDS, interval_of

_PAIRS = st.sampled_from(
    [
        (fields[first], fields[last])
        for fields in (DAY_TIME_FIELDS, YEAR_MONTH_FIELDS)
        for last in range(len(fields))
        for first in range(last + 1)
    ]
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for all texts."""
    with duckdb.connect() as found:
        yield found


@given(fields=_PAIRS, count=st.integers(-(10**6), 10**6), rest=st.integers(0, 10**6 - 1))
def test_rows_and_literals_are_written_alike(
    connection: duckdb.DuckDBPyConnection, fields: tuple[str, str], count: int, rest: int
) -> None:
    """By DuckDB for rows, by Python for literals in the names of columns."""
    kind = interval_of(*fields)
    value = count * FIELD_SIZES[fields[1]] + (rest if fields[1] == "SECOND" else 0)
    row = connection.execute(f"SELECT {interval_to_text_sql(f'{value}::BIGINT', kind)}").fetchone()
    assert row == (interval_text(value, kind),)
