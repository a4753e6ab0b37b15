"""Ground floor: DuckDB statements over Arrow tables, planned once and run batch after batch.

Takes an open connection, statement text and the tables it names; gives Arrow tables. Planning a statement costs two to
four milliseconds, more than running it over the rows of a small batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from headrace.duck import quote

SMALL_ROWS = 10_000
"""Up to so many input rows a prepared statement is faster; DuckDB runs EXECUTE on one thread."""

_PLANS_KEPT = 256

# The copy it warns of is of at most a small batch, and cheaper than planning the statement again.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)


class _Relation:
    """What DuckDB plans over: a schema that stays, and the rows of the moment (PyCapsule stream interface)."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = schema.empty_table()
        self.readers: set[str] = set()
        """Texts of the statements planned over it."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class ArrowSql:
    """Runs SELECTs on one connection, one at a time; the caller owns the connection.

    A relation's name should mean the same schema at every call: one whose schema differs is planned anew.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._relations: dict[str, _Relation] = {}
        self._plans: dict[str, str] = {}
        self._planned = 0

    def run(self, text: str, tables: Mapping[str, pa.Table], *, keep: bool = True) -> pa.Table:
        """Return the rows of a statement, in input order where the statement keeps it.

        Args:
            text: One SELECT that names the tables.
            tables: Its inputs by name.
            keep: Whether the same text will come again, so that its plan is worth keeping.

        Raises:
            duckdb.Error: what DuckDB raises.
        """
        for name, table in tables.items():
            self._offer(name, table)
        try:
            if not keep or sum(map(len, tables.values())) > SMALL_ROWS:
                return self._connection.sql(text).to_arrow_table()
            return self._connection.execute(f"EXECUTE {self._plan(text, tables)}").to_arrow_table()
        finally:
            for name in tables:
                relation = self._relations[name]
                relation.rows = relation.schema.empty_table()

    def _offer(self, name: str, table: pa.Table) -> None:
        relation = self._relations.get(name)
        if relation is None or not relation.schema.equals(table.schema):
            if relation is not None:
                self._connection.unregister(name)
                for text in tuple(relation.readers):
                    self._forget(text)
            relation = self._relations[name] = _Relation(table.schema)
            self._connection.register(name, relation)
        relation.rows = table

    def _plan(self, text: str, tables: Mapping[str, pa.Table]) -> str:
        plan = self._plans.get(text)
        if plan is None:
            if len(self._plans) == _PLANS_KEPT:
                self._forget(next(iter(self._plans)))
            self._planned += 1
            plan = quote(f"plan {self._planned}")
            self._connection.execute(f"PREPARE {plan} AS {text}")
            self._plans[text] = plan
            for name in tables:
                self._relations[name].readers.add(text)
        return plan

    def _forget(self, text: str) -> None:
        for relation in self._relations.values():
            relation.readers.discard(text)
        plan = self._plans.pop(text, None)
        if plan is not None:
            self._connection.execute(f"DEALLOCATE {plan}")
