"""Room 2: a DuckDB connection that can compute and nothing else: no files, no network, no extensions, no settings.

Takes the SQL settings and resource limits; gives a locked connection, and on it the functions that the function table's
texts call.
Source: DuckDB's securing guide; every escape named in docs/security was tried on 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
from duckdb.func import FunctionNullHandling, PythonUDFType

from headrace.sql.aggregates.installed import installed_functions
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised import ARROW_FUNCTIONS, ArrowFunction

_NAMES = re.compile(r"\bheadrace_\w+")
_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "allow_unsigned_extensions": False,
    "allowed_configs": ["threads"],
    "async_threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


def open_session(
    settings: SqlSettings,
    *,
    threads: int = 2,
    memory_limit_bytes: int,
    temp_folder: Path | None,
) -> duckdb.DuckDBPyConnection:
    """Return a new in-memory connection in the session time zone, and locked; `SessionFunctions` gives it functions.

    Args:
        settings: The session time zone is read here; ANSI mode is in the texts.
        threads: DuckDB threads.
        memory_limit_bytes: What DuckDB may hold before it spills, or fails when it may not spill.
        temp_folder: Where it spills; None forbids spilling.
    """
    config = dict(_LOCKED)
    # It turns sum(i + 1) into sum(i) + count(*), which never overflows where i + 1 does.
    # And a condition on results of an aggregation must not decide which of them are computed (incremental/fragment).
    config["disabled_optimizers"] = "aggregate_function_rewriter,cte_filter_pusher"
    config["threads"] = threads
    config["memory_limit"] = f"{memory_limit_bytes}B"
    config["temp_directory"] = str(temp_folder) if temp_folder is not None else ""
    config["max_temp_directory_size"] = f"{8 * memory_limit_bytes}B" if temp_folder is not None else "0B"
    connection = duckdb.connect(":memory:", config=config)
    try:
        # Not in the config, which has no order: without access to files no folder to spill to could be named.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET TimeZone = $1", [settings.time_zone])
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


class SessionFunctions:
    """The Arrow functions that statements of a session may call, each created before the first one that names it.

    To create all of them takes 30 ms and 6 MB at every start; a query calls a few. DuckDB 2.0 crashes when a Python
    function outlives the cursor that created it: they belong to this connection, which must stay open while any of its
    cursors is used.

    Args:
        connection: The session.
        more: Functions of the pipeline's author.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, more: Sequence[ArrowFunction] = ()) -> None:
        self._connection = connection
        self._missing = {function.name: function for function in (*ARROW_FUNCTIONS, *installed_functions(), *more)}

    def provide(self, text: str) -> None:
        """Create what the text names and the session lacks."""
        for name in self._missing.keys() & set(_NAMES.findall(text)):
            function = self._missing[name]
            self._connection.create_function(
                name,
                function.run,
                list(function.parameters),
                function.result,
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )
            del self._missing[name]
