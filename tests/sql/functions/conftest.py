"""Evaluates calls of the function table in a real locked session.

A call is a tuple (name, arguments...); a list is an array, a dict a map, a Python function a lambda, and
("of", value, type) a value of a type that Python has no word for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from tests.sql.sessions import provided

from headrace.duck import literal_sql
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.function import Argument, Rendered
from headrace.sql.functions import FUNCTIONS
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
)

_KINDS: dict[type, DataType] = {
    bool: BOOLEAN,
    bytes: BINARY,
    date: DATE,
    float: DOUBLE,
    int: INT,
    str: STRING,
    type(None): NULL,
}


@dataclass(frozen=True)
class Value:
    """An expression with its type; constants keep their value, lambdas their number of parameters."""

    sql: str
    type: DataType
    constant: bool = False
    value: Any = None
    arity: int | None = None


def type_of(value: Any) -> DataType:
    """The Spark type of a Python value."""
    if isinstance(value, datetime):
        return TIMESTAMP if value.tzinfo else TIMESTAMP_NTZ
    if isinstance(value, Decimal):
        digits, exponent = value.as_tuple().digits, int(value.as_tuple().exponent)
        return DecimalType(max(len(digits), -exponent), -exponent)
    if isinstance(value, list):
        return ArrayType(next((type_of(v) for v in value if v is not None), NULL))
    if isinstance(value, dict):
        key, item = next(iter(value.items()))
        return MapType(type_of(key), type_of(item))
    return _KINDS[type(value)]


class Evaluator:
    """Resolves, renders and runs calls."""

    def __init__(self, connections: Callable[[SqlSettings], duckdb.DuckDBPyConnection]) -> None:
        self._connections = connections

    def __call__(self, call: Any, *, ansi: bool = True, zone: str = "UTC") -> tuple[Any, str]:
        """Give (value, Spark type) of a call."""
        settings = SqlSettings(ansi=ansi, time_zone=zone)
        built = self.build(call, settings)
        connection = self._connections(settings)
        # A CASE over a column keeps DuckDB from folding the call at planning, as it will be over real rows.
        found = connection.execute(f"SELECT {built.sql} AS v, typeof({built.sql}) FROM range(1) AS t(row)").fetchone()
        assert found is not None
        return found[0], built.type.sql()

    def build(self, item: Any, settings: SqlSettings) -> Value:
        """Give the text and type of a call or value."""
        if isinstance(item, Value):
            return item
        if isinstance(item, tuple) and item[0] == "of":
            return Value(literal_sql(item[1], item[2]), item[2], constant=True, value=item[1])
        if not isinstance(item, tuple):
            kind = type_of(item)
            return Value(literal_sql(item, kind), kind, constant=True, value=item)
        return self._call(item[0], item[1:], settings)

    def _call(self, name: str, items: tuple[Any, ...], settings: SqlSettings) -> Value:
        function = FUNCTIONS[name]
        values = [Value("", NULL) if inspect.isfunction(i) else self.build(i, settings) for i in items]
        arguments = [self._argument(v, settings) for v in values]
        for position, item in enumerate(items):
            if inspect.isfunction(item):
                assert function.lambda_types is not None
                kinds = function.lambda_types(arguments, position)
                names = list(inspect.signature(item).parameters)
                body = self.build(item(*(Value(n, k) for n, k in zip(names, kinds, strict=False))), settings)
                values[position] = Value(f"lambda {', '.join(names)}: {body.sql}", body.type, arity=len(names))
                arguments[position] = self._argument(values[position], settings)
        resolved = function.resolve(arguments)
        rendered = [self._cast(v, k, settings) for v, k in zip(values, resolved.arguments, strict=True)]
        return Value(function.render(rendered, resolved.type, settings), resolved.type)

    def _argument(self, value: Value, settings: SqlSettings) -> Argument:
        return Argument(value.type, value.constant, value.value, value.arity, settings.ansi)

    def _cast(self, value: Value, kind: DataType, settings: SqlSettings) -> Rendered:
        if value.arity is not None or value.type == kind:
            return Rendered(value.sql, kind, value.constant, value.value)
        if value.constant and value.value is None:
            return Rendered(literal_sql(None, kind), kind, constant=True)
        mode = CastMode.ANSI if settings.ansi else CastMode.LEGACY
        sql = render_cast(value.sql, value.type, kind, mode=mode, settings=settings)
        return Rendered(sql, kind, value.constant, value.value)


@pytest.fixture(scope="session")
def _sessions() -> Iterator[Callable[[SqlSettings], duckdb.DuckDBPyConnection]]:
    opened: dict[str, duckdb.DuckDBPyConnection] = {}

    def of(settings: SqlSettings) -> duckdb.DuckDBPyConnection:
        if settings.time_zone not in opened:
            session = open_session(settings, memory_limit_bytes=500_000_000, temp_folder=None)
            opened[settings.time_zone] = provided(session)
        return opened[settings.time_zone]

    yield of
    for connection in opened.values():
        connection.close()


@pytest.fixture
def evaluate(_sessions: Callable[[SqlSettings], duckdb.DuckDBPyConnection]) -> Evaluator:
    """Gives (value, Spark type) of a call."""
    return Evaluator(_sessions)
