"""Workers: what user code gives, as Arrow tables of a declared schema.

Takes whatever a call returned: nothing, tables, or rows as tuples or mappings; gives one table, or says what does not
fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from headrace.types import StructType
from headrace.user_code import broken


class Collected:
    """Gathers the output of all calls of a batch.

    Args:
        target: The code, for messages.
        schema: What it declared to give.
        takes_tables: Whether it gives tables, not rows.
    """

    def __init__(self, target: str, schema: StructType, *, takes_tables: bool) -> None:
        self._target = target
        self._schema = schema
        self._names = schema.names
        self._takes_tables = takes_tables
        self._tables: list[pa.Table] = []
        self._rows: list[tuple[Any, ...]] = []

    def add(self, given: Any) -> None:
        """Take in what one call returned; a generator is run to its end here."""
        if given is None:
            return
        if self._takes_tables:
            for table in [given] if isinstance(given, pa.Table | pa.RecordBatch) else self._iterable(given):
                self._tables.append(self._conformed(table))
        else:
            self._rows.extend(self._row(row) for row in self._iterable(given))

    def table(self, schema: pa.Schema) -> pa.Table:
        """Return everything under the names of a schema."""
        if self._takes_tables:
            return pa.concat_tables(
                [schema.empty_table(), *(each.rename_columns(schema.names) for each in self._tables)]
            )
        return columns_of(self._target, self._rows, self._schema, schema)

    def _iterable(self, given: Any) -> Iterable[Any]:
        if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
            return given
        wanted = "pyarrow tables" if self._takes_tables else "rows"
        raise broken(self._target, f"gave {given!r}; it must return or yield {wanted}.")

    def _row(self, row: Any) -> tuple[Any, ...]:
        names = self._names
        if not isinstance(row, tuple | list) and isinstance(row, Mapping):
            unknown = sorted(str(name) for name in row if name not in names)
            if unknown:
                raise broken(self._target, f"gave the column {unknown[0]}; output_schema has {', '.join(names)}.")
            return tuple(row.get(name) for name in names)
        if not isinstance(row, tuple | list):
            raise broken(self._target, f"gave the row {row!r}; a row is a tuple or a dict.")
        if len(row) != len(names):
            raise broken(self._target, f"gave a row of {len(row)} values {row!r}; output_schema has {len(names)}.")
        return row if type(row) is tuple else tuple(row)

    def _conformed(self, table: Any) -> pa.Table:
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        if not isinstance(table, pa.Table):
            raise broken(self._target, f"gave a {type(table).__name__}; a pyarrow Table is wanted.")
        names = list(self._schema.names)
        if sorted(table.column_names) != sorted(names):
            given = ", ".join(table.column_names)
            raise broken(self._target, f"gave the columns {given}; output_schema has {', '.join(names)}.")
        try:
            return table.select(names).cast(self._schema.arrow_schema())
        except pa.ArrowException as error:
            raise broken(self._target, f"gave a table that does not fit output_schema: {error}") from error


def columns_of(target: str, rows: list[tuple[Any, ...]], schema: StructType, arrow: pa.Schema) -> pa.Table:
    """Return rows of Python values as a table.

    Args:
        target: The code they are from, for messages.
        rows: Tuples, all as long as the schema.
        schema: Their types.
        arrow: The same types, and the names of the result.
    """
    arrays = []
    for place, field in enumerate(schema.fields):
        values = [row[place] for row in rows]
        try:
            arrays.append(pa.array(values, field.type.arrow()))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            bad = next((value for value in values if not _fits(value, field.type.arrow())), None)
            message = f"gave {bad!r} for the column {field.name}, which is no {field.type.sql()} ({error})."
            raise broken(target, message) from error
    return pa.Table.from_arrays(arrays, schema=arrow)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True
