"""Types go together as in Spark, with ANSI mode on and off."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ddl import parse_type
from headrace.errors import StreamError
from headrace.sql.coercion import (
    bounded_decimal,
    can_implicitly_cast,
    common_type,
    common_types,
    comparison_type,
    decimal_result,
)
from headrace.sql.runtime_errors import translate
from headrace.sql.settings import SqlSettings
from headrace.types import NULL, STRING, DataType, DecimalType

ANSI, LEGACY = SqlSettings(ansi=True), SqlSettings(ansi=False)


def _type(text: str | None) -> DataType | None:
    return parse_type(text) if text is not None else None


@pytest.mark.parametrize(
    ("a", "b", "ansi", "legacy"),
    [
        ("int", "bigint", "bigint", "bigint"),
        ("int", "void", "int", "int"),
        ("int", "float", "double", "float"),
        ("bigint", "double", "double", "double"),
        ("float", "decimal(5,2)", "double", "double"),
        ("int", "decimal(5,2)", "decimal(12,2)", "decimal(12,2)"),
        ("decimal(10,4)", "decimal(12,2)", "decimal(14,4)", "decimal(14,4)"),
        ("date", "timestamp", "timestamp", "timestamp"),
        ("timestamp_ntz", "timestamp", "timestamp", "timestamp"),
        ("date", "timestamp_ntz", "timestamp_ntz", "timestamp_ntz"),
        ("string", "int", "bigint", "string"),
        ("string", "float", "double", "string"),
        ("string", "decimal(5,2)", "double", "string"),
        ("string", "timestamp", "timestamp", "string"),
        ("string", "boolean", "boolean", None),
        ("string", "binary", "binary", None),
        ("int", "boolean", None, None),
        ("int", "date", None, None),
        ("array<int>", "array<bigint>", "array<bigint>", "array<bigint>"),
        ("array<int>", "int", None, None),
        ("map<string,int>", "map<string,double>", "map<string,double>", "map<string,double>"),
        ("struct<a:int>", "struct<A:bigint>", "struct<a:bigint>", "struct<a:bigint>"),
        ("struct<a:int>", "struct<b:int>", None, None),
    ],
)
def test_two_types_have_the_common_type_of_spark(a: str, b: str, ansi: str | None, legacy: str | None) -> None:
    """And it is the same the other way round, but for the spelling of fields."""
    one, other = parse_type(a), parse_type(b)
    assert common_type(one, other, ANSI) == _type(ansi)
    assert common_type(one, other, LEGACY) == _type(legacy)
    assert (common_type(other, one, ANSI) is None) == (ansi is None)


def test_many_types_have_one_common_type() -> None:
    """NULL for none at all; without ANSI one string makes all of them strings."""
    kinds = [parse_type(text) for text in ("int", "void", "bigint")]
    assert common_types(kinds) == parse_type("bigint")
    assert common_types([]) == NULL
    assert common_types([*kinds, parse_type("date")]) is None
    assert common_types([parse_type("int"), parse_type("date"), STRING], LEGACY) == STRING


@pytest.mark.parametrize(
    ("a", "b", "ansi", "legacy"),
    [
        ("string", "int", "bigint", "int"),
        ("int", "string", "bigint", "int"),
        ("string", "double", "double", "double"),
        ("string", "decimal(5,2)", "double", "double"),
        ("string", "date", "date", "date"),
        ("string", "timestamp", "timestamp", "timestamp"),
        ("string", "boolean", "boolean", "boolean"),
        ("string", "string", "string", "string"),
        ("date", "timestamp", "timestamp", "timestamp"),
        ("array<int>", "int", None, None),
    ],
)
def test_two_sides_of_a_comparison_meet(a: str, b: str, ansi: str | None, legacy: str | None) -> None:
    """Without ANSI a string is cast to the other side's type: '1.0' = 1 is true (recorded)."""
    one, other = parse_type(a), parse_type(b)
    assert (comparison_type(one, other, ANSI), comparison_type(one, other, LEGACY)) == (_type(ansi), _type(legacy))


@pytest.mark.parametrize(
    ("frm", "to", "ansi", "legacy"),
    [
        ("int", "bigint", True, True),
        ("bigint", "int", False, True),
        ("bigint", "double", True, True),
        ("double", "int", False, True),
        ("string", "int", True, True),
        ("string", "timestamp", True, True),
        ("int", "string", True, True),
        ("date", "timestamp", True, True),
        ("timestamp", "date", False, True),
        ("void", "array<int>", True, True),
        ("array<int>", "array<double>", True, True),
        ("array<int>", "string", False, False),
        ("boolean", "int", False, False),
    ],
)
def test_an_argument_is_cast_only_where_spark_would(frm: str, to: str, ansi: bool, legacy: bool) -> None:
    """ANSI mode does not narrow by itself."""
    one, other = parse_type(frm), parse_type(to)
    assert (can_implicitly_cast(one, other, ANSI), can_implicitly_cast(one, other, LEGACY)) == (ansi, legacy)


@pytest.mark.parametrize(
    ("op", "a", "b", "expected"),
    [
        ("+", (10, 2), (5, 3), (12, 3)),
        ("-", (38, 10), (38, 2), (38, 6)),
        ("*", (10, 2), (5, 3), (16, 5)),
        ("*", (38, 18), (38, 18), (38, 6)),
        ("/", (10, 2), (5, 3), (19, 8)),
        ("/", (38, 10), (38, 10), (38, 6)),
        ("%", (10, 2), (5, 3), (5, 3)),
        ("div", (10, 2), (5, 3), (11, 0)),
    ],
)
def test_decimal_arithmetic_has_the_digits_of_spark(
    op: str, a: tuple[int, int], b: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Beyond 38 digits whole digits win over fractional ones after the sixth."""
    assert decimal_result(op, DecimalType(*a), DecimalType(*b)) == DecimalType(*expected)


_DECIMALS = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: DecimalType(p, s)))


@given(st.sampled_from(["+", "-", "*", "/", "%", "div"]), _DECIMALS, _DECIMALS)
def test_a_decimal_result_is_always_a_decimal(op: str, a: DecimalType, b: DecimalType) -> None:
    """1 <= precision <= 38 and 0 <= scale <= precision, for any operands."""
    result = decimal_result(op, a, b)
    assert 0 <= result.scale <= result.precision <= 38
    assert bounded_decimal(result.precision, result.scale) == result


@pytest.mark.parametrize(
    ("sql", "code", "condition"),
    [
        ("SELECT error('[DIVIDE_BY_ZERO] Division by zero.')", "SQL_RUNTIME", "DIVIDE_BY_ZERO"),
        ("SELECT error('[A_B.C_D] why')", "SQL_RUNTIME", "A_B.C_D"),
        ("SELECT 9223372036854775807 + 1::BIGINT", "SQL_RUNTIME", "ARITHMETIC_OVERFLOW"),
        ("SELECT CAST('x' AS INTEGER)", "SQL_RUNTIME", "CAST_INVALID_INPUT"),
        ("SELECT nowhere", "INTERNAL", None),
        ("SELEC 1", "INTERNAL", None),
    ],
)
def test_what_duckdb_raises_is_told_in_sparks_words(sql: str, code: str, condition: str | None) -> None:
    """Text that we rendered wrongly is our bug, not the author's."""
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as raised:
        connection.execute(sql).fetchall()
    error = translate(raised.value)
    assert isinstance(error, StreamError)
    assert (error.code, error.condition) == (code, condition)
