"""from_json and to_json on DuckDB give what Spark gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.ddl import parse_type
from headrace.duck import duckdb_type, literal_sql
from headrace.errors import StreamError
from headrace.json_text import from_json_sql, malformed_json_sql, to_json_sql
from headrace.types import BIGINT, DOUBLE, STRING, struct


def read(duck: duckdb.DuckDBPyConnection, schema: str, text: str | None) -> tuple[Any, bool]:
    """Return the value and whether the text is malformed; the type is checked on the way."""
    kind = parse_type(schema)
    value, bad = from_json_sql("v", kind, "UTC"), malformed_json_sql("v", kind)
    statement = f"SELECT j, {bad}, typeof(j) = typeof(CAST(NULL AS {duckdb_type(kind)}))"
    row = duck.execute(f"{statement} FROM (SELECT v, {value} AS j FROM (SELECT CAST(? AS VARCHAR) AS v))", [text])
    found = row.fetchone()
    assert found is not None
    assert found[2], "the type differs"
    return found[0], found[1]


RECORDED = "STRUCT<a: INT, b: ARRAY<STRING>>"
NOTHING = {"a": None, "b": None}


@pytest.mark.parametrize(
    ("text", "expected", "malformed"),
    [
        ('{"a": 1, "b": ["x", "y"]}', {"a": 1, "b": ["x", "y"]}, False),
        ('{"a": 1', NOTHING, True),
        ("not json", NOTHING, True),
        ('{"a": "7", "b": "x"}', NOTHING, True),
        (None, None, False),
        ("{}", NOTHING, False),
        ("", None, False),
        ("  ", None, False),
        ('{"a": 1.5, "c": {"d": 9}}', NOTHING, True),
        ('[{"a": 1}]', NOTHING, True),
        ('{"A": 4, "b": [null, 2]}', {"a": None, "b": [None, "2"]}, False),
        ("null", NOTHING, True),
        ('\n\t {"a": 1}', {"a": 1, "b": None}, False),
        ("\n\t", None, False),
        ('"x"', NOTHING, True),
        ('{"a": 2147483648, "b": ["kept"]}', {"a": None, "b": ["kept"]}, True),
        ('{"a": 1e3}', NOTHING, True),
        ('{"a": true}', NOTHING, True),
        ('{"a": null, "b": null}', NOTHING, False),
        ('{"b": [{"x": 1.5}, []]}', {"a": None, "b": ['{"x":1.5}', "[]"]}, False),
    ],
)
def test_a_text_is_read_as_recorded_from_spark(
    duck: duckdb.DuckDBPyConnection, text: str | None, expected: Any, malformed: bool
) -> None:
    """The first eleven are stateless/from_json.yaml; a bad field is NULL, the others are kept."""
    assert read(duck, RECORDED, text) == (expected, malformed)


@pytest.mark.parametrize(
    ("schema", "text", "expected", "malformed"),
    [
        ("STRUCT<a: STRING, b: STRING>", '{"a":{"x": 1},"b":1.5}', {"a": '{"x":1}', "b": "1.5"}, False),
        ("STRUCT<a: STRING, b: STRING>", '{"a":true,"b":"\\u00e9\\n"}', {"a": "true", "b": "é\n"}, False),
        ("STRUCT<a: STRING>", "null", {"a": None}, True),
        ("STRUCT<a: STRING>", "[1]", {"a": None}, True),
        ("STRUCT<a: STRING>", "", None, False),
        ("STRUCT<d: DOUBLE, e: DOUBLE>", '{"d":"-INF","e":1}', {"d": -math.inf, "e": 1.0}, False),
        ("STRUCT<d: DOUBLE, e: FLOAT>", '{"d":"1.5","e":"Infinity"}', {"d": None, "e": math.inf}, True),
        ("STRUCT<b: BOOLEAN, c: BOOLEAN>", '{"b":true,"c":"true"}', {"b": True, "c": None}, True),
        (
            "STRUCT<e: DECIMAL(10,2), f: DECIMAL(4,1)>",
            '{"e":"12.345","f":12345}',
            {"e": Decimal("12.35"), "f": None},
            True,
        ),
        ("STRUCT<l: BIGINT>", '{"l":9223372036854775807}', {"l": 2**63 - 1}, False),
        ("STRUCT<l: BIGINT>", '{"l":9223372036854775808}', {"l": None}, True),
        (
            "STRUCT<t: TIMESTAMP>",
            '{"t":"2024-01-01T00:00:00.5Z"}',
            {"t": datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)},
            False,
        ),
        ("STRUCT<t: TIMESTAMP>", '{"t":5}', {"t": datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)}, False),
        ("STRUCT<t: TIMESTAMP>", '{"t":"junk"}', {"t": None}, True),
        (
            "STRUCT<d: DATE, n: TIMESTAMP_NTZ>",
            '{"d":"2024-01-05","n":"2024-01-01T10:00:00"}',
            {"d": date(2024, 1, 5), "n": datetime(2024, 1, 1, 10)},  # noqa: DTZ001 - NTZ
            False,
        ),
        ("STRUCT<n: TIMESTAMP_NTZ>", '{"n":"2024-01-01T10:00:00Z"}', {"n": None}, True),
        ("STRUCT<x: BINARY>", '{"x":"AQI="}', {"x": b"\x01\x02"}, False),
        ("STRUCT<x: BINARY>", '{"x":"?"}', {"x": None}, True),
        ("STRUCT<s: STRUCT<a: INT, b: STRING>>", '{"s":{"a":"x","b":"y"}}', {"s": {"a": None, "b": "y"}}, True),
        ("STRUCT<s: STRUCT<a: INT>>", '{"s":5}', {"s": None}, True),
        ("STRUCT<s: STRUCT<a: INT>>", '{"s":{}}', {"s": {"a": None}}, False),
        ("STRUCT<l: ARRAY<INT>>", '{"l":[1,null]}', {"l": [1, None]}, False),
        ("STRUCT<l: ARRAY<INT>>", '{"l":[1,"x"]}', {"l": None}, True),
        ("STRUCT<l: ARRAY<ARRAY<INT>>>", '{"l":[[1],[]]}', {"l": [[1], []]}, False),
        (
            "STRUCT<q: ARRAY<STRUCT<a: INT>>>",
            '{"q":[{"a":1},null,{"a":"x"}]}',
            {"q": [{"a": 1}, None, {"a": None}]},
            True,
        ),
        ("STRUCT<m: MAP<STRING, INT>>", '{"m":{"k":1,"n":null}}', {"m": {"k": 1, "n": None}}, False),
        ("STRUCT<m: MAP<STRING, INT>>", '{"m":{"k":"x"}}', {"m": None}, True),
        ("STRUCT<m: MAP<STRING, STRING>>", '{"m":{"k":[1, 2]}}', {"m": {"k": "[1,2]"}}, False),
        ("ARRAY<INT>", "[1,2]", [1, 2], False),
        ("ARRAY<INT>", '[1,"x"]', None, True),
        ("ARRAY<INT>", "x", None, True),
        ("ARRAY<STRUCT<a: INT>>", '[{"a":1}]', [{"a": 1}], False),
        ("MAP<STRING, INT>", '{"a":1}', {"a": 1}, False),
        ("MAP<STRING, INT>", "[1]", None, True),
        ('STRUCT<`it\'s "q"`: INT, `é`: STRING>', '{"it\'s \\"q\\"":1,"é":"x"}', {'it\'s "q"': 1, "é": "x"}, False),
    ],
)
def test_each_type_is_read_by_its_rule(
    duck: duckdb.DuckDBPyConnection, schema: str, text: str, expected: Any, malformed: bool
) -> None:
    """Whole numbers, special numbers, times, nested values, top-level arrays and maps."""
    assert read(duck, schema, text) == (expected, malformed)


def test_an_expression_is_evaluated_beside_bad_rows_of_the_same_batch(duck: duckdb.DuckDBPyConnection) -> None:
    """No row can fail the statement, and rows do not touch each other."""
    value = from_json_sql("CAST(w AS VARCHAR)", struct(a=BIGINT, b=STRING), "UTC")
    rows = '(SELECT unnest([\'{"a":1}\', \'{\', NULL, \'{"a":2,"b":"x"}\']) AS w)'
    assert duck.execute(f"SELECT {value} FROM {rows}").fetchall() == [
        ({"a": 1, "b": None},),
        ({"a": None, "b": None},),
        (None,),
        ({"a": 2, "b": "x"},),
    ]


@pytest.mark.parametrize("schema", ["INT", "STRUCT<m: MAP<INT, INT>>", "STRUCT<i: INTERVAL DAY TO SECOND>"])
def test_a_schema_that_json_cannot_carry_is_refused(schema: str) -> None:
    """Before any row is read."""
    with pytest.raises(StreamError) as raised:
        from_json_sql("v", parse_type(schema), "UTC")
    assert raised.value.condition == "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA"


def write(duck: duckdb.DuckDBPyConnection, value: Any, schema: str, zone: str = "UTC") -> str | None:
    """Return the JSON of a value."""
    kind = parse_type(schema)
    duck.execute(f"SET TimeZone = '{zone}'")
    text = to_json_sql("v", kind, zone)
    row = duck.execute(f"SELECT {text} FROM (SELECT {literal_sql(value, kind)} AS v)").fetchone()
    duck.execute("SET TimeZone = 'UTC'")
    assert row is not None
    found: str | None = row[0]
    return found


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ({"a": 1.0, "b": None}, "MAP<STRING, DOUBLE>", '{"a":1.0,"b":null}'),
        ({}, "MAP<STRING, DOUBLE>", "{}"),
        (None, "MAP<STRING, DOUBLE>", None),
        (
            [datetime(2024, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), None, Decimal("1.50")],
            "STRUCT<t: TIMESTAMP, n: INT, d: DECIMAL(5,2)>",
            '{"t":"2024-01-01T00:00:01.500Z","d":1.50}',
        ),
        ([None], "STRUCT<a: INT>", "{}"),
        (None, "STRUCT<a: INT>", None),
        ([1, None, 'x"\\/\n\x01é'], 'STRUCT<a: INT, b: INT, `c"`: STRING>', '{"a":1,"c\\"":"x\\"\\\\/\\n\\u0001é"}'),
        ([[1.0, None], None], "ARRAY<ARRAY<DOUBLE>>", "[[1.0,null],null]"),
        ([], "ARRAY<INT>", "[]"),
        ([[1, None]], "ARRAY<STRUCT<a: INT, b: STRUCT<c: INT>>>", '[{"a":1}]'),
        ({1: [1, None]}, "MAP<INT, ARRAY<INT>>", '{"1":[1,null]}'),
        (
            [math.nan, 1e10, True, date(2024, 1, 5), b"\x01\x02", datetime(2024, 7, 1, 1)],  # noqa: DTZ001 - NTZ
            "STRUCT<a: DOUBLE, b: DOUBLE, c: BOOLEAN, d: DATE, e: BINARY, f: TIMESTAMP_NTZ>",
            '{"a":"NaN","b":1.0E10,"c":true,"d":"2024-01-05","e":"AQI=","f":"2024-07-01T01:00:00.000"}',
        ),
    ],
)
def test_a_value_is_written_as_spark_writes_it(
    duck: duckdb.DuckDBPyConnection, value: Any, schema: str, expected: str | None
) -> None:
    """Null fields are left out, null elements and map values are kept."""
    assert write(duck, value, schema) == expected


def test_a_time_is_written_with_the_offset_of_the_session_zone(duck: duckdb.DuckDBPyConnection) -> None:
    """Summer and winter differ."""
    times = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 7)]
    seen = [write(duck, [time], "STRUCT<t: TIMESTAMP>", "America/New_York") for time in times]
    assert seen == ['{"t":"2023-12-31T19:00:00.000-05:00"}', '{"t":"2024-06-30T20:00:00.000-04:00"}']


_TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NUMBERS = st.none() | st.floats(allow_nan=False) | st.just(math.inf)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-(2**63), 2**63 - 1), _TEXTS, _NUMBERS), min_size=1, max_size=5))
def test_what_is_written_is_read_back(duck: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    """from_json(to_json(x)) is x for numbers and texts of any kind."""
    kind = struct(l=BIGINT, s=STRING, d=DOUBLE)
    values = ", ".join(f"({literal_sql(row, kind)})" for row in rows)
    text = to_json_sql("v", kind, "UTC")
    back = from_json_sql("j", kind, "UTC")
    found = duck.execute(f"SELECT {back} FROM (SELECT {text} AS j FROM (VALUES {values}) AS t(v))").fetchall()
    assert [tuple(row[0].values()) for row in found] == rows


@pytest.mark.parametrize("schema", ["STRUCT<a: INT>", "ARRAY<STRUCT<a: INT>>", "MAP<STRING, INT>"])
def test_a_text_that_is_no_json_is_mended_only_where_asked(duck: duckdb.DuckDBPyConnection, schema: str) -> None:
    """What becomes JSON is read as that, and fits or does not; what does not become JSON stays malformed."""
    kind = parse_type(schema)
    texts = "(VALUES (0, '<`a`: 1>'), (1, '<`a`: `x`>'), (2, '<`a'), (3, ' '), (4, '{\"a\": 2}')) AS t(place, v)"

    def asked(mend: Callable[[str], str] | None) -> list[Any]:
        value, bad = from_json_sql("v", kind, "UTC", mend), malformed_json_sql("v", kind, mend)
        return duck.execute(f"SELECT {value}, {bad} FROM {texts} ORDER BY place").fetchall()

    def shown(a: int | None) -> Any:
        return [{"a": a}] if schema.startswith("ARRAY") else {"a": a}

    alone = schema.startswith("ARRAY")  # Spark reads an object as an array of one, and calls it malformed
    nothing = {"a": None} if schema.startswith("STRUCT") else None
    unfit = None if schema.startswith("MAP") else shown(None)
    mended = asked(lambda v: f"CASE WHEN {v} LIKE '%>' THEN translate({v}, '<>`', '{{}}\"') END")
    assert mended == [(shown(1), alone), (unfit, True), (nothing, True), (None, False), (shown(2), alone)]
    assert asked(None) == [*[(nothing, True)] * 3, (None, False), (shown(2), alone)]
