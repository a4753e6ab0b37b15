"""Sessions on which a test types its own SQL: with all functions, whatever the text names."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from headrace.sql.aggregates.installed import installed_functions
from headrace.sql.session import SessionFunctions
from headrace.sql.vectorised import ARROW_FUNCTIONS, ArrowFunction


def provided(connection: duckdb.DuckDBPyConnection, more: Sequence[ArrowFunction] = ()) -> duckdb.DuckDBPyConnection:
    """Return the connection with every function there is, and more."""
    names = [function.name for function in (*ARROW_FUNCTIONS, *installed_functions(), *more)]
    SessionFunctions(connection, more).provide(" ".join(names))
    return connection
