"""Runs an aggregate's four texts over rows in a real locked session, whole or split and merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.sql.sessions import provided

from headrace.arrow_sql import ArrowSql
from headrace.duck import duckdb_type, literal_sql
from headrace.sql.aggregate import ROW_ORDER, AggregateForm
from headrace.sql.aggregates import AGGREGATES
from headrace.sql.function import Argument, Rendered
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, DataType

Row = tuple[Any, ...]


class Folding:
    """Aggregates rows given as tuples, in one piece or in several that are merged."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def form(self, name: str, kinds: Sequence[DataType], constants: Sequence[Any] = (), **flags: bool) -> AggregateForm:
        """Resolve an aggregate for argument types, with constants behind them."""
        arguments = [Argument(kind) for kind in kinds]
        arguments += [Argument(kind, constant=True, value=value) for kind, value in constants]
        return AGGREGATES[name].resolve(arguments, flags.get("ignore_nulls", False))

    def __call__(
        self, form: AggregateForm, pieces: Sequence[Sequence[Row]], kinds: Sequence[DataType], **options: Any
    ) -> Any:
        """Return the final value of the pieces, merged from left to right."""
        settings = SqlSettings(ansi=options.get("ansi", True))
        names = [f"b{i}" for i in range(len(form.buffers))]
        state = self._partial(form, pieces[0], kinds, settings, options.get("where"))
        for rows in pieces[1:]:
            newer = self._partial(form, rows, kinds, settings, options.get("where"))
            merged = form.merge([f"o.{n}" for n in names], [f"n.{n}" for n in names], settings)
            items = ", ".join(f"{text} AS {name}" for text, name in zip(merged, names, strict=True))
            state = f"SELECT {items} FROM ({state}) o, ({newer}) n"
        shown = [f"CAST({n} AS {duckdb_type(k)})" for n, k in zip(names, form.buffers, strict=True)]
        ((value,),) = self._connection.execute(f"SELECT {form.final(shown, settings)} FROM ({state})").fetchall()
        return value

    def buffers(self, form: AggregateForm, rows: Sequence[Row], kinds: Sequence[DataType]) -> pa.Table:
        """Return the buffers of a batch."""
        text = self._partial(form, rows, kinds, SqlSettings(), None)
        return ArrowSql(self._connection).run(text, {}, keep=False)

    def _partial(
        self,
        form: AggregateForm,
        rows: Sequence[Row],
        kinds: Sequence[DataType],
        settings: SqlSettings,
        where: str | None,
    ) -> str:
        columns = [Rendered(f"x{i}", kind) for i, kind in enumerate(kinds)]
        texts = form.partial(columns, where, settings)
        values = [[*(literal_sql(v, k) for v, k in zip(row, kinds, strict=True)), str(i)] for i, row in enumerate(rows)]
        names = ", ".join([*(f"x{i}" for i in range(len(kinds))), ROW_ORDER])
        source = "VALUES " + ", ".join(f"({', '.join(v)})" for v in values)
        if not rows:
            nothing = [*(literal_sql(None, k) for k in kinds), literal_sql(0, BIGINT)]
            source = f"SELECT {', '.join(nothing)} WHERE false"
        items = ", ".join(f"{text} AS b{i}" for i, text in enumerate(texts))
        return f"SELECT {items} FROM ({source}) t({names})"


@pytest.fixture(scope="session")
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = provided(open_session(SqlSettings(), memory_limit_bytes=500_000_000, temp_folder=None))
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def fold(_connection: duckdb.DuckDBPyConnection) -> Folding:
    """Gives the final value of an aggregate over pieces of rows."""
    return Folding(_connection)
