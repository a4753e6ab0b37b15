"""Plugins formats: a small DuckDB that turns Arrow columns into others by one statement.

Takes Arrow tables and SQL text built by the formats, gives Arrow tables; no files, no network, no extensions. Knows no
format.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from headrace.arrow_sql import ArrowSql, Cores
from headrace.contract import Kind, Option
from headrace.duck import quote_text
from headrace.types import StructType

TIME_ZONE = Option("timeZone", Kind.STRING, "The zone of timestamps without one, the session's.", default="UTC")
"""The option every text format has."""

MEMORY_LIMIT = "2GB"
"""What one conversion may use."""

_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "allowed_configs": ["threads"],
    "async_threads": 1,
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "memory_limit": MEMORY_LIMIT,
    "temp_directory": "",
}


class _Instances:
    """Locked-down in-memory DuckDBs, one for all formats of a session time zone: each takes some 5 MB."""

    def __init__(self) -> None:
        # A connection may be given back by the collector while this same thread opens another.
        self._lock = threading.RLock()
        self._open: dict[str, tuple[duckdb.DuckDBPyConnection, Cores]] = {}
        self._users: Counter[str] = Counter()

    def connect(self, time_zone: str) -> tuple[duckdb.DuckDBPyConnection, Cores]:
        """Return a new connection and the cores of its instance; give it back with release()."""
        with self._lock:
            self._users[time_zone] += 1
            try:
                if time_zone not in self._open:
                    self._open[time_zone] = _opened(time_zone)
                instance, cores = self._open[time_zone]
                return instance.cursor(), cores
            except BaseException:
                self._leave(time_zone)
                raise

    def release(self, time_zone: str, connection: duckdb.DuckDBPyConnection) -> None:
        """Close a connection, and the instance when nobody else uses it."""
        with self._lock:
            connection.close()
            self._leave(time_zone)

    def _leave(self, time_zone: str) -> None:
        self._users[time_zone] -= 1
        if not self._users[time_zone] and time_zone in self._open:
            instance, _cores = self._open.pop(time_zone)
            instance.close()


def _opened(time_zone: str) -> tuple[duckdb.DuckDBPyConnection, Cores]:
    threads = os.cpu_count() or 1
    connection = duckdb.connect(":memory:", config={**_LOCKED, "threads": threads})
    # Not in the config, which has no order: without access to files no folder to spill to could be named.
    connection.execute("SET enable_external_access = false")
    connection.execute(f"SET GLOBAL TimeZone = {quote_text(time_zone)}")
    connection.execute("SET lock_configuration = true")
    return connection, Cores(threads)


_instances = _Instances()


class TextSql:
    """A connection to a locked-down in-memory DuckDB, made at the first use; one thread uses it at a time.

    Args:
        time_zone: The session time zone, such as ``Europe/Berlin``.
    """

    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone
        self._sql: ArrowSql | None = None
        self._release: Callable[[], object] | None = None

    def run(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """Return the rows of a SELECT over the tables; see `headrace.arrow_sql`."""
        if self._sql is None:
            connection, cores = _instances.connect(self._time_zone)
            # Codecs have no end of their own in the contract: what nobody refers to any more is given back.
            self._release = weakref.finalize(self, _instances.release, self._time_zone, connection)
            self._sql = ArrowSql(connection, cores)
        return self._sql.run(statement, tables)

    def close(self) -> None:
        """Free the memory; may be called twice, and used again."""
        if self._release is not None:
            self._release()
            self._sql = self._release = None


def conform(rows: pa.Table, schema: StructType) -> pa.Table:
    """Return the table with exactly the Arrow types of the schema, names and order included."""
    # A cast of no columns would forget how many rows there are.
    return rows.cast(schema.arrow_schema()) if schema.fields else rows


def pick(schema: StructType, columns: object) -> StructType:
    """Return the schema of the named columns only, in the order named."""
    fields = {field.name: field for field in schema.fields}
    assert isinstance(columns, list | tuple)  # what callers hand over
    return StructType(tuple(fields[name] for name in columns))
