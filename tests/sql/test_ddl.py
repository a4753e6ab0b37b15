"""Spark's DDL texts become types and back, and the names DuckDB has for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ddl import parse_schema, parse_type
from headrace.duck import each, let, literal_sql, quote, quote_text
from headrace.errors import StreamError
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    Field,
    MapType,
    StructType,
    struct,
)


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection."""
    connection = duckdb.connect()
    yield connection
    connection.close()


def test_a_schema_is_read_with_every_decoration() -> None:
    """Nullability and comments are read and dropped; names keep their spelling."""
    text = (
        "a INT, B struct<x: double, y array<string>>, c decimal(10,2) NOT NULL COMMENT 'it''s', `d ``e` map<int,long>"
    )
    assert parse_schema(text) == StructType(
        (
            Field("a", INT),
            Field("B", struct(x=DOUBLE, y=ArrayType(STRING))),
            Field("c", DecimalType(10, 2)),
            Field("d `e", MapType(INT, BIGINT)),
        )
    )
    assert parse_schema("STRUCT<a: INT>") == parse_schema("a: int") == struct(a=INT)
    assert parse_schema("struct struct<a: int>") == StructType((Field("struct", struct(a=INT)),))
    assert parse_schema("  ") == StructType(())


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("tinyint byte", TINYINT),
        ("smallint short", SMALLINT),
        ("int integer", INT),
        ("bigint long", BIGINT),
        ("float real", FLOAT),
        ("double", DOUBLE),
        ("boolean", BOOLEAN),
        ("string varchar(5) char(3) character(3)", STRING),
        ("binary", BINARY),
        ("date", DATE),
        ("timestamp timestamp_ltz", TIMESTAMP),
        ("timestamp_ntz", TIMESTAMP_NTZ),
        ("decimal dec numeric decimal(10) dec(10,0)", DecimalType(10, 0)),
        ("void", NULL),
    ],
)
def test_every_name_of_a_type_is_known(names: str, kind: DataType) -> None:
    """In any case."""
    assert {parse_type(text) for name in names.split() for text in (name, name.upper())} == {kind}


def test_intervals_are_read_with_their_units() -> None:
    """DAY TO SECOND and its parts are equal, YEAR TO MONTH another; each keeps its name."""
    assert parse_type("interval day to second") == parse_type("INTERVAL HOUR") == DAY_TIME_INTERVAL
    names = ["INTERVAL HOUR", "INTERVAL MINUTE TO SECOND", "INTERVAL YEAR", "INTERVAL DAY TO SECOND"]
    assert [parse_type(name.lower()).sql() for name in names] == names
    assert parse_type("interval year to month") == parse_type("interval month") == YEAR_MONTH_INTERVAL
    assert parse_type("interval") == CALENDAR_INTERVAL


@pytest.mark.parametrize(
    ("text", "condition", "line", "column"),
    [
        ("a", "PARSE_SYNTAX_ERROR", 1, 2),
        ("a INT,", "PARSE_SYNTAX_ERROR", 1, 7),
        ("a INT\n  b INT", "PARSE_SYNTAX_ERROR", 2, 3),
        ("a ARRAY<INT", "PARSE_SYNTAX_ERROR", 1, 12),
        ("a INT ?", "PARSE_SYNTAX_ERROR", 1, 7),
        ("a MAP<INT>", "PARSE_SYNTAX_ERROR", 1, 10),
        ("a INTERVAL SECOND TO DAY", "PARSE_SYNTAX_ERROR", 1, 22),
        ("a IN", "UNSUPPORTED_DATATYPE", 1, 3),
        ("a GEOMETRY", "UNSUPPORTED_DATATYPE", 1, 3),
        ("a DECIMAL(39,0)", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", 1, 3),
        ("a DECIMAL(3,4)", "UNSUPPORTED_DATATYPE", 1, 3),
    ],
)
def test_an_error_says_where_it_stands(text: str, condition: str, line: int, column: int) -> None:
    """Line and column count from 1."""
    with pytest.raises(StreamError) as raised:
        parse_schema(text)
    at = raised.value.at
    assert at is not None
    assert (raised.value.code, raised.value.condition, at.line, at.column) == ("SQL_SYNTAX", condition, line, column)


_ATOMIC = st.sampled_from(
    [
        *(TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, BOOLEAN, STRING, BINARY, DATE, TIMESTAMP, TIMESTAMP_NTZ),
        *(NULL, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL, CALENDAR_INTERVAL),
    ]
)
_DECIMALS = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: DecimalType(p, s)))
_NAMES = st.from_regex(re.compile("[a-z_][a-z0-9_]{0,5}"), fullmatch=True)
_TYPES: st.SearchStrategy[DataType] = st.recursive(
    _ATOMIC | _DECIMALS,
    lambda inner: (
        inner.map(ArrayType)
        | st.tuples(inner, inner).map(lambda pair: MapType(*pair))
        | st.lists(st.builds(Field, _NAMES, inner), min_size=1, max_size=3).map(lambda f: StructType(tuple(f)))
    ),
    max_leaves=6,
)


@given(_TYPES)
def test_a_type_is_read_back_from_its_own_text(kind: DataType) -> None:
    """parse_type(t.sql()) is t."""
    assert parse_type(kind.sql()) == kind


@pytest.mark.parametrize("text", ["it's", "", "a\0b", "é\n\\", '"'])
def test_a_text_is_quoted_for_duckdb(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    """Quotes, backslashes and NUL characters come back as they were."""
    name = quote('a"b')
    assert duck.execute(f"SELECT {quote_text(text)} AS {name}").fetchall() == [(text,)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-(2**63), "bigint"),
        (1.5, "float"),
        (b"\x00\xff", "binary"),
        ([1, None], "array<int>"),
        ({"a": 1}, "map<string,int>"),
        (None, "struct<a:int>"),
        ({"a": 1, "b": None}, "struct<a:int,b:string>"),
        (5, "interval day to second"),
    ],
)
def test_a_constant_comes_back_as_it_was(duck: duckdb.DuckDBPyConnection, value: Any, text: str) -> None:
    """literal_sql writes values of every shape."""
    assert duck.execute(f"SELECT {literal_sql(value, parse_type(text))}").fetchall() == [(value,)]


def test_a_binding_is_evaluated_once_and_keeps_names_apart(duck: duckdb.DuckDBPyConnection) -> None:
    """A binding inside a binding, and a list's elements, each have their own name."""
    text = let("1 + 1", lambda a: let("2 + 3", lambda b: f"{a} * 10 + {b}"))
    assert duck.execute(f"SELECT {text}").fetchall() == [(25,)]
    nested = each("[[1, 2], [3]]", lambda row: each(row, lambda item: f"{item} + len({row})"))
    assert duck.execute(f"SELECT {nested}").fetchall() == [([[3, 4], [4]],)]
    assert let("v", lambda v: f"{v} + {v}") == "v + v"
