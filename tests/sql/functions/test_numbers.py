"""Arithmetic, mathematics, comparisons and conditionals give Spark's documented results, types and errors."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from headrace.types import BIGINT, SMALLINT, TINYINT, DecimalType

N, L, F, B = "INT", "BIGINT", "DOUBLE", "BOOLEAN"
D = Decimal
NAN, INF = math.nan, math.inf
MAX = 9223372036854775807

CASES: list[tuple[Any, Any, str]] = [
    (("add", 1, 2), 3, N),
    (("add", 1, ("of", 2, BIGINT)), 3, L),
    (("add", "1", 2), 3, L),
    (("add", 1, 2.5), 3.5, F),
    (("add", 1, None), None, N),
    (("subtract", 2, 1), 1, N),
    (("multiply", 2, 3), 6, N),
    (("multiply", D("1.50"), D("2.5")), D("3.750"), "DECIMAL(6,3)"),
    (("add", D("1.50"), 1), D("2.50"), "DECIMAL(4,2)"),
    (("divide", 3, 2), 1.5, F),
    (("divide", 2, ("of", 2, BIGINT)), 1.0, F),
    (("divide", D("1.0"), D("3.0")), D("0.333333"), "DECIMAL(8,6)"),
    (("divide", D("-2.00"), D("3.0")), D("-0.666667"), "DECIMAL(8,6)"),
    (("divide", D("1.5"), 1.0), 1.5, F),
    (("div", 3, 2), 1, L),
    (("div", -7, 2), -3, L),
    (("div", D("7.5"), D("2.0")), 3, L),
    (("remainder", 2, 1.8), 0.2, F),
    (("mod", -7, 3), -1, N),
    (("remainder", D("7.5"), D("2.0")), D("1.5"), "DECIMAL(2,1)"),
    (("remainder", -2147483648, -1), 0, N),
    (("try_add", 2147483647, 1), None, N),
    (("try_multiply", ("of", MAX, BIGINT), ("of", 2, BIGINT)), None, L),
    (("try_subtract", 5, 1), 4, N),
    (("try_divide", 1, 0), None, F),
    (("try_divide", 3, 2), 1.5, F),
    (("negative", 1), -1, N),
    (("negative", D("1.5")), D("-1.5"), "DECIMAL(2,1)"),
    (("positive", 1), 1, N),
    (("bit_and_op", 3, 5), 1, N),
    (("bit_or_op", 3, 5), 7, N),
    (("bit_xor_op", 3, 5), 6, N),
    (("bit_not", 0), -1, N),
    (("shiftleft", 2, 1), 4, N),
    (("shift_left", 1, 33), 2, N),
    (("shift_left", 3, 31), -2147483648, N),
    (("shiftright", 4, 1), 2, N),
    (("shift_right", -5, 1), -3, N),
    (("shiftrightunsigned", -4, 1), 2147483646, N),
    (("shift_right_unsigned", ("of", -1, BIGINT), 1), MAX, L),
    (("bit_count", 0), 0, N),
    (("abs", -1), 1, N),
    (("ceil", -0.1), 0, L),
    (("ceil", 5), 5, L),
    (("ceil", D("3.1411")), D("4"), "DECIMAL(2,0)"),
    (("floor", -0.1), -1, L),
    (("floor", NAN), 0, L),
    (("ceil", 1e30), MAX, L),
    (("round", 2.5, 0), 3.0, F),
    (("round", 2.675, 2), 2.68, F),
    (("round", -2.5), -3.0, F),
    (("round", 25, -1), 30, N),
    (("round", D("2.5"), 0), D("3"), "DECIMAL(2,0)"),
    (("round", D("12.345"), 1), D("12.3"), "DECIMAL(4,1)"),
    (("bround", 2.5, 0), 2.0, F),
    (("bround", 25, -1), 20, N),
    (("bround", 35, -1), 40, N),
    (("round", NAN, 2), NAN, F),
    (("round", 1e300, 2), 1e300, F),
    (("sqrt", 4), 2.0, F),
    (("sqrt", -4), NAN, F),
    (("cbrt", 27.0), 3.0, F),
    (("exp", 0), 1.0, F),
    (("expm1", 0), 0.0, F),
    (("ln", 1), 0.0, F),
    (("ln", 0), None, F),
    (("log", 10, 100), 2.0, F),
    (("log10", 10), 1.0, F),
    (("log2", 2), 1.0, F),
    (("log1p", 0), 0.0, F),
    (("pow", 2, 3), 8.0, F),
    (("sin", 0), 0.0, F),
    (("cos", INF), NAN, F),
    (("acos", 2), NAN, F),
    (("atan2", 0, 0), 0.0, F),
    (("degrees", 3.141592653589793), 180.0, F),
    (("sign", -40), -1.0, F),
    (("hypot", 3, 4), 5.0, F),
    (("rint", 12.3456), 12.0, F),
    (("greatest", 10, 9, 2, 4, 3), 10, N),
    (("greatest", 1, None, 2.5), 2.5, F),
    (("least", None, 2), 2, N),
    (("greatest", NAN, INF), NAN, F),
    (("pmod", 10, 3), 1, N),
    (("pmod", -10, 3), 2, N),
    (("factorial", 5), 120, L),
    (("factorial", 21), None, L),
    (("width_bucket", 5.3, 0.2, 10.6, 5), 3, L),
    (("width_bucket", -2.1, 1.3, 3.4, 3), 0, L),
    (("width_bucket", 8.1, 0.0, 5.7, 4), 5, L),
    (("width_bucket", -0.9, 5.2, 0.5, 2), 3, L),
    (("bin", 13), "1101", "STRING"),
    (("bin", -13), "1111111111111111111111111111111111111111111111111111111111110011", "STRING"),
    (("equal", 1, "1"), True, B),
    (("equal", NAN, NAN), True, B),
    (("less", INF, NAN), True, B),
    (("equal", None, 1), None, B),
    (("null_safe_equal", None, None), True, B),
    (("null_safe_equal", 1, None), False, B),
    (("and", False, None), False, B),
    (("or", True, None), True, B),
    (("and", False, ("equal", ("divide", 1, 0), 1.0)), False, B),
    (("or", True, ("equal", ("divide", 1, 0), 1.0)), True, B),
    (("not", None), None, B),
    (("is_null", None), True, B),
    (("isnotnull", 1), True, B),
    (("isnan", NAN), True, B),
    (("isnan", None), False, B),
    (("in", 1, 1, 2), True, B),
    (("in", 3, 1, None), None, B),
    (("in", 2, 1), False, B),
    (("if", True, 1, 2.0), 1.0, F),
    (("coalesce", None, 1, None), 1, N),
    (("nvl", None, 2), 2, N),
    (("nvl2", None, 2, 1), 1, N),
    (("nullif", 2, 2), None, N),
    (("nullif", 1, ("of", 2, BIGINT)), 1, N),
    (("nanvl", NAN, 123.0), 123.0, F),
    (("assert_true", True), None, "VOID"),
    (("typeof", 1), "int", "STRING"),
    (("typeof", D("1.50")), "decimal(3,2)", "STRING"),
    (("typeof", {"a": [1]}), "map<string,array<int>>", "STRING"),
]


@pytest.mark.parametrize(("call", "value", "kind"), CASES)
def test_value_and_type_are_sparks(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """Whole numbers keep their type, / gives DOUBLE, decimals follow Spark's precision rules."""
    found, found_kind = evaluate(call)
    assert found_kind == kind
    if isinstance(value, float):
        assert found == pytest.approx(value, rel=1e-12, nan_ok=True)
    else:
        assert found == value


FAILURES: list[tuple[Any, str]] = [
    (("add", 2147483647, 1), "Overflow in addition"),
    (("add", ("of", 127, TINYINT), ("of", 1, TINYINT)), "Overflow in addition"),
    (("subtract", ("of", -32768, SMALLINT), ("of", 1, SMALLINT)), "Overflow in subtraction"),
    (("multiply", ("of", MAX, BIGINT), ("of", 2, BIGINT)), "Overflow in multiplication"),
    (("negative", -2147483648), "Overflow in subtraction"),
    (("abs", -2147483648), "Overflow on abs"),
    (("divide", 1, 0), "[DIVIDE_BY_ZERO]"),
    (("divide", 1.0, 0.0), "[DIVIDE_BY_ZERO]"),
    (("div", 1, 0), "[DIVIDE_BY_ZERO]"),
    (("remainder", 1, 0), "[REMAINDER_BY_ZERO]"),
    (("pmod", 1, 0), "[REMAINDER_BY_ZERO]"),
    (("divide", D("1.0"), D("0.0")), "[DIVIDE_BY_ZERO]"),
    (("raise_error", "no"), "[USER_RAISED_EXCEPTION] no"),
    (("assert_true", False), "[USER_RAISED_EXCEPTION]"),
]


@pytest.mark.parametrize(("call", "message"), FAILURES)
def test_ansi_raises_for_the_row(evaluate: Any, call: Any, message: str) -> None:
    """DuckDB's own messages are given Spark's conditions by `runtime_errors`."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # DuckDB's own class differs from case to case
        evaluate(call)
    assert message in str(caught.value)


LEGACY: list[tuple[Any, Any, str]] = [
    (("add", 2147483647, 1), -2147483648, N),
    (("add", ("of", 127, TINYINT), ("of", 1, TINYINT)), -128, "TINYINT"),
    (("multiply", ("of", MAX, BIGINT), ("of", 2, BIGINT)), -2, L),
    (("negative", -2147483648), -2147483648, N),
    (("abs", -2147483648), -2147483648, N),
    (("divide", 1, 0), None, F),
    (("div", ("of", -MAX - 1, BIGINT), ("of", -1, BIGINT)), -MAX - 1, L),
    (("remainder", 1, 0), None, N),
    (("pmod", 1, 0), None, N),
    (("equal", "1.0", 1), True, B),
    (("add", "1.5", 1), 2.5, F),
    (("add", "x", 1), None, F),
    (("divide", D("1.0"), D("0.0")), None, "DECIMAL(8,6)"),
]


@pytest.mark.parametrize(("call", "value", "kind"), LEGACY)
def test_without_ansi_it_wraps_or_is_null(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """Spark 3's answers: Java's low bits, NULL for a division by zero."""
    assert evaluate(call, ansi=False) == (value, kind)


def test_decimals_that_would_lose_digits_are_refused(evaluate: Any) -> None:
    """DuckDB would answer with another scale than Spark."""
    wide = ("of", D(1), DecimalType(38, 18))
    with pytest.raises(Exception, match="38 digits"):
        evaluate(("multiply", wide, wide))
