"""CAST on DuckDB gives what Spark gives, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from tests.sql.sessions import provided

from headrace.ddl import parse_type
from headrace.duck import duckdb_type, literal_sql
from headrace.errors import StreamError
from headrace.sql.cast import CastMode, can_cast, render_cast
from headrace.sql.runtime_errors import translate
from headrace.sql.settings import SqlSettings
from headrace.types import INT, STRING

_ERROR = {
    "malformed": "CAST_INVALID_INPUT",
    "overflow": "CAST_OVERFLOW",
    "digits": "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
}


class Failed(str):
    """The condition that a cast is expected to raise with."""


MALFORMED, OVERFLOW, DIGITS = (Failed(_ERROR[name]) for name in ("malformed", "overflow", "digits"))


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with headrace's functions whose time zone may still be set."""
    connection = duckdb.connect()
    provided(connection)
    yield connection
    connection.close()


def run(duck: duckdb.DuckDBPyConnection, value: Any, frm: str, to: str, mode: CastMode, zone: str = "UTC") -> Any:
    """Return the value cast, read through a column as rows are, or the condition of the error."""
    source, target = parse_type(frm), parse_type(to)
    settings = SqlSettings(ansi=mode is not CastMode.LEGACY, time_zone=zone)
    text = render_cast("v", source, target, mode=mode, settings=settings)
    duck.execute(f"SET TimeZone = '{zone}'")
    try:
        statement = f"SELECT r, typeof(r) FROM (SELECT {text} AS r FROM (SELECT {literal_sql(value, source)} AS v))"
        row = duck.execute(statement).fetchone()
    except duckdb.Error as error:
        return translate(error).condition
    assert row is not None
    expected = duck.execute(f"SELECT typeof(CAST(NULL AS {duckdb_type(target)}))").fetchone()
    assert expected == (row[1],)
    return row[0].astimezone(UTC) if isinstance(row[0], datetime) and row[0].tzinfo else row[0]


# value, from, to, under ANSI, without ANSI; TRY_CAST is the ANSI result with NULL for errors
CASES = [
    (" 5 ", "string", "int", 5, 5),
    ("+5", "string", "int", 5, 5),
    ("-12", "string", "bigint", -12, -12),
    ("5x", "string", "int", MALFORMED, None),
    ("1.5", "string", "int", MALFORMED, 1),
    ("-1.9", "string", "bigint", MALFORMED, -1),
    ("1e3", "string", "int", MALFORMED, None),
    ("1_000", "string", "int", MALFORMED, None),
    ("0x10", "string", "int", MALFORMED, None),
    ("", "string", "int", MALFORMED, None),
    ("300", "string", "tinyint", MALFORMED, None),
    (None, "string", "int", None, None),
    ("1.5", "string", "double", 1.5, 1.5),
    (" 1e3 ", "string", "double", 1000.0, 1000.0),
    (".5", "string", "double", 0.5, 0.5),
    ("5.", "string", "double", 5.0, 5.0),
    ("1.5d", "string", "double", 1.5, 1.5),
    ("Infinity", "string", "double", float("inf"), float("inf")),
    ("-inf", "string", "float", float("-inf"), float("-inf")),
    ("x", "string", "double", MALFORMED, None),
    ("1_0", "string", "double", MALFORMED, None),
    (Decimal("0.25"), "decimal(2,2)", "string", "0.25", "0.25"),
    (Decimal("-0.05"), "decimal(2,2)", "string", "-0.05", "-0.05"),
    (Decimal("0.25"), "decimal(3,2)", "string", "0.25", "0.25"),
    ("1.005", "string", "decimal(5,2)", Decimal("1.01"), Decimal("1.01")),
    ("-2.5", "string", "decimal(3,0)", Decimal(-3), Decimal(-3)),
    ("12345", "string", "decimal(3,0)", DIGITS, None),
    ("x", "string", "decimal(3,0)", MALFORMED, None),
    (" Yes ", "string", "boolean", True, True),
    ("f", "string", "boolean", False, False),
    ("2", "string", "boolean", MALFORMED, None),
    ("ab", "string", "binary", b"ab", b"ab"),
    ("2024-01-05", "string", "date", date(2024, 1, 5), date(2024, 1, 5)),
    ("2024-1-5", "string", "date", date(2024, 1, 5), date(2024, 1, 5)),
    ("2024", "string", "date", date(2024, 1, 1), date(2024, 1, 1)),
    ("2024-01-05 junk", "string", "date", date(2024, 1, 5), date(2024, 1, 5)),
    ("2024/01/05", "string", "date", MALFORMED, None),
    ("epoch", "string", "date", MALFORMED, None),
    ("2024-01-01T00:00:09Z", "string", "timestamp", datetime(2024, 1, 1, 0, 0, 9, tzinfo=UTC), ...),
    ("2024-01-01 00:00:09.5", "string", "timestamp", datetime(2024, 1, 1, 0, 0, 9, 500000, tzinfo=UTC), ...),
    ("2024-01-01 10:00:00+05:30", "string", "timestamp", datetime(2024, 1, 1, 4, 30, tzinfo=UTC), ...),
    ("2024-01-01 10:00:00+5", "string", "timestamp", datetime(2024, 1, 1, 5, tzinfo=UTC), ...),
    ("2024-01-01 10:00 America/New_York", "string", "timestamp", datetime(2024, 1, 1, 15, tzinfo=UTC), ...),
    ("2024-01-01", "string", "timestamp", datetime(2024, 1, 1, tzinfo=UTC), ...),
    ("junk", "string", "timestamp", MALFORMED, None),
    ("infinity", "string", "timestamp", MALFORMED, None),
    ("2024-01-01 24:00:00", "string", "timestamp", MALFORMED, None),
    ("2024-01-01 10:00:00+02:00", "string", "timestamp_ntz", datetime(2024, 1, 1, 10), ...),  # noqa: DTZ001 - NTZ
    (300, "int", "tinyint", OVERFLOW, 44),
    (-129, "int", "tinyint", OVERFLOW, 127),
    (2**40 + 7, "bigint", "int", OVERFLOW, 7),
    (2**31, "bigint", "int", OVERFLOW, -(2**31)),
    (7, "int", "bigint", 7, 7),
    (1.9, "double", "int", 1, 1),
    (-1.9, "double", "int", -1, -1),
    (1e10, "double", "int", OVERFLOW, 2**31 - 1),
    (1e30, "double", "bigint", OVERFLOW, 2**63 - 1),
    (-1e30, "double", "bigint", OVERFLOW, -(2**63)),
    (float("nan"), "double", "int", OVERFLOW, 0),
    (300.5, "double", "tinyint", OVERFLOW, 44),
    (Decimal("1.99"), "decimal(5,2)", "int", 1, 1),
    (Decimal("-1.99"), "decimal(5,2)", "int", -1, -1),
    (Decimal("99999999999"), "decimal(11,0)", "int", OVERFLOW, 1215752191),
    (Decimal("1.25"), "decimal(5,2)", "decimal(3,1)", Decimal("1.3"), Decimal("1.3")),
    (Decimal("-1.25"), "decimal(5,2)", "decimal(3,1)", Decimal("-1.3"), Decimal("-1.3")),
    (Decimal("100.0"), "decimal(4,1)", "decimal(2,0)", DIGITS, None),
    (1.005, "double", "decimal(5,2)", Decimal("1.01"), Decimal("1.01")),
    (float("nan"), "double", "decimal(5,2)", None, None),
    (1000, "int", "decimal(3,0)", DIGITS, None),
    (5, "int", "decimal(10,2)", Decimal("5.00"), Decimal("5.00")),
    (1e300, "double", "float", float("inf"), float("inf")),
    (0, "int", "boolean", False, False),
    (True, "boolean", "int", 1, 1),
    (True, "boolean", "decimal(3,1)", Decimal("1.0"), Decimal("1.0")),
    (True, "boolean", "string", "true", "true"),
    (1.0, "double", "string", "1.0", "1.0"),
    (1e10, "double", "string", "1.0E10", "1.0E10"),
    (1.5e-5, "double", "string", "1.5E-5", "1.5E-5"),
    (float("nan"), "double", "string", "NaN", "NaN"),
    (float("-inf"), "float", "string", "-Infinity", "-Infinity"),
    (12345678.5, "double", "string", "1.23456785E7", "1.23456785E7"),
    (Decimal("1.50"), "decimal(5,2)", "string", "1.50", "1.50"),
    (b"ab", "binary", "string", "ab", "ab"),
    (b"a\xff", "binary", "string", "a\N{REPLACEMENT CHARACTER}", "a\N{REPLACEMENT CHARACTER}"),
    (date(2024, 1, 5), "date", "string", "2024-01-05", "2024-01-05"),
    (datetime(2024, 1, 1, tzinfo=UTC), "timestamp", "string", "2024-01-01 00:00:00", ...),
    (datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC), "timestamp", "string", "2024-01-01 00:00:00.5", ...),
    (date(2024, 1, 5), "date", "timestamp", datetime(2024, 1, 5, tzinfo=UTC), ...),
    (datetime(2024, 1, 1, 23, 59, tzinfo=UTC), "timestamp", "date", date(2024, 1, 1), ...),
    (datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC), "timestamp", "bigint", -1, -1),
    (datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), "timestamp", "double", 1.5, 1.5),
    (datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), "timestamp", "decimal(10,3)", Decimal("1.500"), ...),
    (5, "int", "timestamp", datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC), ...),
    (1.5, "double", "timestamp", datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), ...),
    (Decimal("1.5"), "decimal(3,1)", "timestamp", datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), ...),
    (["1", None], "array<string>", "array<int>", [1, None], [1, None]),
    (["x"], "array<string>", "array<int>", MALFORMED, [None]),
    ({"a": "1"}, "map<string,string>", "map<string,int>", {"a": 1}, {"a": 1}),
    (["1", "2"], "struct<a:string,b:string>", "struct<c:int,d:double>", {"c": 1, "d": 2.0}, ...),
    ([1, None, 3], "array<int>", "string", "[1, null, 3]", "[1, null, 3]"),
    ({"a": 1.0}, "map<string,double>", "string", "{a -> 1.0}", "{a -> 1.0}"),
    ([1, "a"], "struct<a:int,b:string>", "string", "{1, a}", "{1, a}"),
    ([[1, None]], "array<struct<a:int,b:string>>", "string", "[{1, null}]", "[{1, null}]"),
    (None, "struct<a:int>", "string", None, None),
    (None, "array<int>", "array<string>", None, None),
    (93784500000, "interval day to second", "string", "INTERVAL '1 02:03:04.5' DAY TO SECOND", ...),
    (-14, "interval year to month", "string", "INTERVAL '-1-2' YEAR TO MONTH", ...),
    (None, "void", "int", None, None),
]


@pytest.mark.parametrize(("value", "frm", "to", "ansi", "legacy"), CASES)
def test_a_cast_gives_what_spark_gives(
    duck: duckdb.DuckDBPyConnection, value: Any, frm: str, to: str, ansi: Any, legacy: Any
) -> None:
    """One value under ANSI, without it, and under TRY_CAST."""
    lax = ansi if legacy is ... else legacy
    quiet = None if isinstance(ansi, Failed) else ansi
    seen = [run(duck, value, frm, to, mode) for mode in (CastMode.ANSI, CastMode.LEGACY, CastMode.TRY)]
    if frm.startswith("array<string>") and isinstance(ansi, Failed):
        quiet = [None]
    assert seen == [ansi, lax, quiet]


def test_times_are_read_in_the_session_zone(duck: duckdb.DuckDBPyConnection) -> None:
    """Texts and dates without a zone are wall times; of two instants of one wall time Java takes the earlier."""
    texts = ["2024-07-01 12:00:00", "2024-10-27 02:30:00", "2024-03-31 02:30:00", "2024-07-01"]
    seen = [run(duck, text, "string", "timestamp", CastMode.ANSI, "Europe/Berlin") for text in texts]
    assert seen == [
        datetime(2024, 7, 1, 10, tzinfo=UTC),
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
        datetime(2024, 6, 30, 22, tzinfo=UTC),
    ]
    instant = datetime(2024, 7, 1, 23, tzinfo=UTC)
    assert run(duck, instant, "timestamp", "string", CastMode.ANSI, "Europe/Berlin") == "2024-07-02 01:00:00"
    assert run(duck, instant, "timestamp", "date", CastMode.ANSI, "Europe/Berlin") == date(2024, 7, 2)
    assert run(duck, date(2024, 7, 2), "date", "timestamp", CastMode.ANSI, "Europe/Berlin") == datetime(
        2024, 7, 1, 22, tzinfo=UTC
    )


def test_only_the_bad_row_raises(duck: duckdb.DuckDBPyConnection) -> None:
    """A bad value behind a condition that is false is never cast, so it never raises."""
    text = render_cast("v", STRING, INT, mode=CastMode.ANSI, settings=SqlSettings())
    rows = "(SELECT unnest(['1', 'x', '3']) AS v)"
    found = duck.execute(f"SELECT CASE WHEN v <> 'x' THEN {text} END FROM {rows}").fetchall()
    assert found == [(1,), (None,), (3,)]
    with pytest.raises(duckdb.Error) as raised:
        duck.execute(f"SELECT {text} FROM {rows}").fetchall()
    error = translate(raised.value)
    assert (error.code, error.condition) == ("SQL_RUNTIME", "CAST_INVALID_INPUT")
    assert error.message.startswith("""The value 'x' of the type "STRING" cannot be cast to "INT" because""")


@pytest.mark.parametrize(
    ("frm", "to"),
    [
        ("array<int>", "int"),
        ("int", "date"),
        ("date", "int"),
        ("struct<a:int>", "struct<a:int,b:int>"),
        ("map<string,int>", "array<int>"),
        ("binary", "int"),
        ("boolean", "date"),
        ("interval", "interval day"),
        ("interval day", "interval month"),
        ("double", "interval second"),
    ],
)
def test_a_pair_without_a_cast_is_refused(frm: str, to: str) -> None:
    """Nothing is passed on to DuckDB's own casts, which mean other things."""
    with pytest.raises(StreamError) as raised:
        render_cast("v", parse_type(frm), parse_type(to), mode=CastMode.ANSI, settings=SqlSettings())
    assert raised.value.condition == "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION"
    assert not can_cast(parse_type(frm), parse_type(to), mode=CastMode.ANSI, settings=SqlSettings())
