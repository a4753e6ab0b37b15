"""Plugins formats: a small DuckDB of one's own that turns Arrow columns into others by one statement.

Takes Arrow tables and SQL text built by the formats, gives Arrow tables; no files, no network, no extensions. Knows no
format.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from headrace.arrow_sql import ArrowSql
from headrace.contract import Kind, Option
from headrace.duck import quote_text
from headrace.types import StructType

TIME_ZONE = Option("timeZone", Kind.STRING, "The zone of timestamps without one, the session's.", default="UTC")
"""The option every text format has."""

MEMORY_LIMIT = "2GB"
"""What one conversion may use."""

_LOCKED = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "memory_limit": MEMORY_LIMIT,
    "temp_directory": "",
}


class TextSql:
    """One locked-down in-memory DuckDB; one thread uses it at a time.

    Args:
        time_zone: The session time zone, such as ``Europe/Berlin``.
    """

    def __init__(self, time_zone: str) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = duckdb.connect(":memory:", config=dict(_LOCKED))
        self._connection.execute(f"SET TimeZone = {quote_text(time_zone)}")
        self._connection.execute("SET lock_configuration = true")
        self._sql = ArrowSql(self._connection)

    def run(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """Return the rows of a SELECT over the tables; see `headrace.arrow_sql`."""
        if self._connection is None:
            msg = "this format was closed"
            raise ValueError(msg)
        return self._sql.run(statement, tables)

    def close(self) -> None:
        """Free the memory; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.close()


def conform(rows: pa.Table, schema: StructType) -> pa.Table:
    """Return the table with exactly the Arrow types of the schema, names and order included."""
    # A cast of no columns would forget how many rows there are.
    return rows.cast(schema.arrow_schema()) if schema.fields else rows


def pick(schema: StructType, columns: object) -> StructType:
    """Return the schema of the named columns only, in the order named."""
    fields = {field.name: field for field in schema.fields}
    assert isinstance(columns, list | tuple)  # what callers hand over
    return StructType(tuple(fields[name] for name in columns))
