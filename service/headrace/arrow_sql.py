"""Ground floor: DuckDB statements over Arrow tables, planned once and run batch after batch.

Takes an open connection, statement text and the tables it names; gives Arrow tables. Planning a statement costs two to
four milliseconds, more than running it over the rows of a small batch.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from headrace.duck import quote

SMALL_ROWS = 10_000
"""Up to so many input rows a prepared statement is faster; DuckDB runs EXECUTE on one thread."""

_HAS_DIRECT_ARROW = duckdb.__version__.startswith("2.0.")
"""Whether a connection's `_submit` is the one known here.

The rows of EXECUTE come as Arrow through another statement otherwise, parsed and planned each time, which takes as long
as EXECUTE itself (docs/decisions/0011).
"""

_ARROW_ROWS = 131_072
_PLANS_KEPT = 256
_CALM = 16

# The copy it warns of is of at most a small batch, and cheaper than planning the statement again.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)


class _Relation:
    """What DuckDB plans over: a schema that stays, and the rows of the moment (PyCapsule stream interface)."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.none = self.rows = schema.empty_table()
        self.readers: set[str] = set()
        """Texts of the statements planned over it."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class Cores:
    """How many threads a DuckDB instance has: one while its statements are small, for each would wake the others.

    Its connections may be used on several threads; its setting `threads` must be one that may change.

    Args:
        threads: How many it has for larger statements, and to begin with.
    """

    def __init__(self, threads: int) -> None:
        self._most = self._now = threads
        self._small = 0
        self._lock = threading.Lock()

    def ready(self, connection: duckdb.DuckDBPyConnection, *, small: bool) -> None:
        """Set what suits the next statement; one that is not small has all threads, at once."""
        with self._lock:
            self._small = self._small + 1 if small else 0
            wanted = self._most if not small else 1 if self._small >= _CALM else self._now
            if wanted != self._now:
                connection.execute(f"SET threads = {wanted}")
                self._now = wanted


class ArrowSql:
    """Runs SELECTs on one connection, one at a time; the caller owns the connection.

    A relation's name should mean the same schema at every call: one whose schema differs is planned anew.

    Args:
        connection: Where to run.
        cores: Those of its instance; None leaves them as they are.
        provide: Is given a text before DuckDB is: it makes what the text needs.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        cores: Cores | None = None,
        provide: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._cores = cores
        self._provide = provide
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
            small = keep and sum(map(len, tables.values())) <= SMALL_ROWS
            if self._cores is not None:
                self._cores.ready(self._connection, small=small)
            if not small:
                self._provide(text)
                return self._connection.sql(text).to_arrow_table()
            return self._executed(self._plan(text, tables))
        finally:
            for name in tables:
                relation = self._relations[name]
                relation.rows = relation.none

    def _executed(self, plan: str) -> pa.Table:
        if _HAS_DIRECT_ARROW:
            return self._connection._submit(f"EXECUTE {plan}", None, "arrow", _ARROW_ROWS).arrow_table()  # noqa: SLF001
        return self._connection.execute(f"EXECUTE {plan}").to_arrow_table()

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
            self._provide(text)
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
