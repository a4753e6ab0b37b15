"""Room 7: DuckDB statements over Arrow tables.

Takes statement text and the tables it names; gives an Arrow table of exact Spark types, or the Spark error of a bad
row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.types as pt

from headrace.arrow_sql import ArrowSql, Cores
from headrace.incremental.render import column_name
from headrace.plan.expressions import Column
from headrace.sql.functions import BATCH_TIME_PLACEHOLDER
from headrace.sql.runtime_errors import translate
from headrace.sql.session import SessionFunctions
from headrace.sql.vectorised import ArrowFunction
from headrace.values import ProcessingTime, to_datetime


class Statements:
    """Runs statements on one locked-down session, one at a time; close() ends the session.

    Args:
        connection: The session.
        threads: How many it has.
        functions: Functions of the pipeline's author.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, threads: int = 1, functions: Sequence[ArrowFunction] = ()
    ) -> None:
        self._connection = connection
        self._sql = ArrowSql(connection, Cores(threads), SessionFunctions(connection, functions).provide)
        self._batch_time = ""

    def set_batch_time(self, batch_time: ProcessingTime) -> None:
        """Fix what current_timestamp() means until the next call."""
        text = to_datetime(batch_time).strftime("%Y-%m-%d %H:%M:%S.%f")
        self._batch_time = f"TIMESTAMPTZ '{text}+00'"

    def run(self, sql: str, relations: Mapping[str, pa.Table], schema: pa.Schema | None = None) -> pa.Table:
        """Return the rows of a statement.

        Args:
            sql: One SELECT; the batch time stands in it as a placeholder.
            relations: The tables it reads, by name.
            schema: What the result is cast to; None keeps DuckDB's types.

        Raises:
            StreamError: SQL_RUNTIME with Spark's condition when an expression fails on a row.
        """
        text = sql.replace(BATCH_TIME_PLACEHOLDER, self._batch_time)
        try:
            result = self._sql.run(text, {n: _whole_intervals(t) for n, t in relations.items()}, keep=text == sql)
        except duckdb.Error as error:
            raise translate(error) from error
        return result if schema is None else conform(result, schema)

    def interrupt(self) -> None:
        """Make a running statement fail soon; from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def _whole_intervals(table: pa.Table) -> pa.Table:
    """Return the table with day-time intervals as microseconds, which is what statements compute with."""
    if not any(_has_duration(field.type) for field in table.schema):
        return table
    return table.cast(pa.schema([field.with_type(_whole(field.type)) for field in table.schema]))


def _has_duration(kind: pa.DataType) -> bool:
    if not pt.is_nested(kind):
        return bool(pt.is_duration(kind))
    return any(_has_duration(kind.field(i).type) for i in range(kind.num_fields))


def _whole(kind: pa.DataType) -> pa.DataType:
    """The type with BIGINT in place of durations."""
    if pt.is_map(kind):
        return pa.map_(_whole(kind.key_type), _whole(kind.item_type))
    if pt.is_list(kind):
        return pa.list_(_whole(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([part.with_type(_whole(part.type)) for part in kind])
    return pa.int64() if pt.is_duration(kind) else kind


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with exactly the schema's names and types, columns by position."""
    if table.schema.equals(schema):
        return table
    return table.rename_columns(schema.names).cast(schema)


def inner_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of a step's table, columns called c<id>."""
    return pa.schema([pa.field(column_name(column), column.type.arrow()) for column in columns])
