"""Aggregates give Spark's documented results and types, and obey the merge law."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import StreamError
from headrace.sql.aggregates import AGGREGATES
from headrace.sql.aggregates.forms.distinct import distinct as distinct_form
from headrace.sql.function import Argument
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INT,
    STRING,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    StructType,
    struct,
)
from headrace_state import RowCodec

L, F, NAN = "BIGINT", "DOUBLE", math.nan
D = Decimal
MONEY = DecimalType(5, 2)

CASES: list[tuple[str, list[DataType], list[tuple[Any, ...]], Any, str]] = [
    ("count", [], [(), (), ()], 3, L),
    ("count", [INT], [(None,), (5,), (5,)], 2, L),
    ("count", [INT, STRING], [(None, "a"), (5, None), (5, "b")], 1, L),
    ("count_if", [BOOLEAN], [(True,), (None,), (False,)], 1, L),
    ("sum", [INT], [(5,), (10,), (None,)], 15, L),
    ("sum", [INT], [(None,)], None, L),
    ("sum", [DOUBLE], [(1.5,), (2.5,)], 4.0, F),
    ("sum", [MONEY], [(D("1.10"),), (D("2.25"),)], D("3.35"), "DECIMAL(15,2)"),
    ("avg", [INT], [(1,), (2,), (None,)], 1.5, F),
    ("avg", [INT], [], None, F),
    ("avg", [MONEY], [(D("1.10"),), (D("2.25"),), (D("0.01"),)], D("1.120000"), "DECIMAL(9,6)"),
    ("min", [DOUBLE], [(NAN,), (2.0,), (None,)], 2.0, F),
    ("max", [DOUBLE], [(math.inf,), (NAN,), (None,)], NAN, F),
    ("max", [STRING], [("a",), ("b",)], "b", "STRING"),
    ("max_by", [STRING, INT], [("a", 10), ("b", 50), ("c", 20)], "b", "STRING"),
    ("max_by", [STRING, INT], [("a", 50), ("b", 50), ("c", None)], "b", "STRING"),
    ("max_by", [STRING, INT], [("a", 1), (None, 50)], None, "STRING"),
    ("min_by", [STRING, INT], [("a", 10), ("b", 50), ("c", 10)], "c", "STRING"),
    ("first", [INT], [(None,), (5,), (20,)], None, "INT"),
    ("last", [INT], [(10,), (5,), (None,)], None, "INT"),
    ("any_value", [INT], [(10,), (5,)], 10, "INT"),
    ("bool_and", [BOOLEAN], [(True,), (None,), (True,)], True, "BOOLEAN"),
    ("every", [BOOLEAN], [(True,), (False,)], False, "BOOLEAN"),
    ("any", [BOOLEAN], [(None,)], None, "BOOLEAN"),
    ("some", [BOOLEAN], [(True,), (False,)], True, "BOOLEAN"),
    ("bit_and", [INT], [(3,), (5,)], 1, "INT"),
    ("bit_or", [INT], [(3,), (5,)], 7, "INT"),
    ("bit_xor", [INT], [(3,), (5,)], 6, "INT"),
    ("stddev", [INT], [(1,), (2,), (3,)], 1.0, F),
    ("stddev", [INT], [(1,)], None, F),
    ("stddev_pop", [INT], [(1,), (2,), (3,)], 0.816496580927726, F),
    ("variance", [INT], [(1,), (2,), (3,)], 1.0, F),
    ("var_pop", [INT], [(1,), (2,), (3,)], 0.6666666666666666, F),
    ("var_pop", [DOUBLE], [(1.0,), (NAN,)], NAN, F),
    ("skewness", [INT], [(-10,), (-20,), (100,), (1000,)], 1.1135657469022011, F),
    ("skewness", [INT], [(-1000,), (-100,), (10,), (20,)], -1.1135657469022011, F),
    ("kurtosis", [INT], [(-10,), (-20,), (100,), (1000,)], -0.7014368047529627, F),
    ("kurtosis", [INT], [(1,), (10,), (100,), (10,), (1,)], 0.19432323191699075, F),
    ("corr", [INT, INT], [(3, 2), (3, 3), (6, 4)], 0.8660254037844387, F),
    ("covar_pop", [INT, INT], [(1, 1), (2, 2), (3, 3), (None, 9)], 0.6666666666666666, F),
    ("covar_samp", [INT, INT], [(1, 1), (2, 2), (3, 3)], 1.0, F),
    ("collect_list", [INT], [(1,), (2,), (None,), (1,)], [1, 2, 1], "ARRAY<INT>"),
    ("array_agg", [INT], [], [], "ARRAY<INT>"),
    ("collect_set", [STRING], [("b",), ("a",), (None,), ("b",)], ["a", "b"], "ARRAY<STRING>"),
    ("approx_count_distinct", [INT], [(1,), (1,), (2,), (2,), (3,)], 3, L),
    ("approx_count_distinct", [STRING], [("x",), ("y",), (None,), ("",)], 3, L),
]


@pytest.mark.parametrize(("name", "kinds", "rows", "value", "shown"), CASES)
def test_value_and_type_are_sparks(fold: Any, name: str, kinds: Any, rows: Any, value: Any, shown: str) -> None:
    """Values are those of Spark's function documentation or of a recorded run."""
    form = fold.form(name, kinds)
    kinds = list(form.arguments)
    assert form.type.sql() == shown
    rows = [
        tuple(float(v) if k == DOUBLE and v is not None else v for v, k in zip(r, kinds, strict=True)) for r in rows
    ]
    assert fold(form, [rows], kinds) == _like(value)


def _like(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, nan_ok=True) if isinstance(value, float) else value


def test_nulls_are_ignored_by_flag_or_second_argument(fold: Any) -> None:
    """first(x) IGNORE NULLS and first(x, true) are the same."""
    rows = [(None, True), (5, True), (20, True), (None, True)]
    for name, value in (("first", 5), ("last", 20)):
        flagged = fold.form(name, [INT], ignore_nulls=True)
        assert fold(flagged, [[row[:1] for row in rows]], [INT]) == value
        second = fold.form(name, [INT], [(BOOLEAN, True)])
        assert fold(second, [rows], [INT, BOOLEAN]) == value


def test_a_filter_leaves_rows_out_of_every_aggregate(fold: Any) -> None:
    """FILTER (WHERE ...) holds for each buffer of an aggregate."""
    rows = [(1,), (None,), (5,), (9,)]
    expected = {"count": 1, "sum": 5, "avg": 5.0, "min": 5, "max": 5, "first": 5, "last": 5, "collect_list": [5]}
    expected |= {"collect_set": [5], "approx_count_distinct": 1, "var_pop": 0.0, "bit_or": 5}
    found = {n: fold(fold.form(n, [INT]), [rows], [INT], where="x0 BETWEEN 2 AND 8") for n in expected}
    assert found == expected


def test_a_sum_of_whole_numbers_raises_or_wraps(fold: Any) -> None:
    """A sum is BIGINT, within a batch and across batches."""
    form, top = fold.form("sum", [BIGINT]), 2**63 - 1
    for pieces in ([[(top,), (1,)]], [[(top,)], [(1,)]]):
        with pytest.raises(Exception, match=r"\[ARITHMETIC_OVERFLOW\]"):
            fold(form, pieces, [BIGINT])
        assert fold(form, pieces, [BIGINT], ansi=False) == -(2**63)


def test_the_correlation_of_a_constant_is_an_error_or_null(fold: Any) -> None:
    """Spark divides by zero there; one row, and none, give NULL."""
    form, kinds = fold.form("corr", [DOUBLE, DOUBLE]), [DOUBLE, DOUBLE]
    for pieces in ([[(1.0, 2.0), (1.0, 3.0)]], [[(1.0, 2.0)], [(1.0, 3.0)]]):
        with pytest.raises(Exception, match=r"\[DIVIDE_BY_ZERO\]"):
            fold(form, pieces, kinds)
        assert fold(form, pieces, kinds, ansi=False) is None
    assert fold(form, [[(1.0, 2.0), (None, 3.0)]], kinds) is None
    assert fold(form, [[]], kinds) is None


@pytest.mark.parametrize("name", ["sum", "avg"])
def test_a_sum_of_decimals_that_has_no_place_raises_or_is_null(fold: Any, name: str) -> None:
    """Within a batch and across batches; the try_ form and ANSI off give NULL."""
    kind, top = DecimalType(38, 0), D(10**38 - 1)
    for pieces in ([[(top,), (top,)]], [[(top,)], [(top,)]], [[(top,), (top,)], [(top.copy_negate(),)]]):
        with pytest.raises(Exception, match=r"\[ARITHMETIC_OVERFLOW\]"):
            fold(fold.form(name, [kind]), pieces, [kind])
        assert fold(fold.form(name, [kind]), pieces, [kind], ansi=False) is None
        assert fold(fold.form(f"try_{name}", [kind]), pieces, [kind]) is None


@pytest.mark.parametrize("kind", [DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL])
def test_a_sum_of_intervals_that_has_no_place_raises_or_is_null(fold: Any, kind: DataType) -> None:
    """The limits are those of µs in a BIGINT and of months in an INT."""
    top = 2**63 - 1 if kind == DAY_TIME_INTERVAL else 2**31 - 1
    for name in ("sum", "avg"):
        for pieces in ([[(top,), (1,)]], [[(top,)], [(1,)]]):
            with pytest.raises(Exception, match=r"\[INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION\]"):
                fold(fold.form(name, [kind]), pieces, [kind])
            assert fold(fold.form(f"try_{name}", [kind]), pieces, [kind]) is None


@pytest.mark.parametrize("count", [0, 1, 50, 300, 1000, 5000])
def test_distinct_counts_stay_within_sparks_error(fold: Any, count: int) -> None:
    """Linear counting is Spark's to the last digit; above 400 the bias is interpolated from other points."""
    values = [(i * 7919,) for i in range(count)]
    found = fold(fold.form("approx_count_distinct", [INT]), [values], [INT])
    assert abs(found - count) <= 3 * 0.05 * count


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("measure", "write the aggregate itself"),
    ],
)
def test_what_is_not_done_is_refused_by_name(fold: Any, name: str, instead: str) -> None:
    """The refusal says why, and what to write instead."""
    with pytest.raises(StreamError) as caught:
        fold.form(name, [INT])
    assert AGGREGATES[name].why in caught.value.message
    assert instead in caught.value.message


_SPLITTABLE: list[tuple[str, Any, Any]] = [
    *((n, [INT], []) for n in ("count", "sum", "avg", "min", "max", "first", "last", "bit_and", "bit_or", "bit_xor")),
    *(
        (n, [INT], [])
        for n in ("stddev", "var_pop", "skewness", "kurtosis", "collect_list", "collect_set", "any_value")
    ),
    *((n, [INT], []) for n in ("approx_count_distinct", "try_sum", "try_avg", "median", "mode", "approx_top_k")),
    *((n, [MONEY], []) for n in ("sum", "avg", "try_sum", "try_avg", "median", "mode")),
    *((n, [DAY_TIME_INTERVAL], []) for n in ("sum", "avg", "try_sum", "try_avg", "median", "collect_list")),
    *((n, [INT, INT], []) for n in ("max_by", "min_by", "corr", "covar_samp", "covar_pop")),
    *(
        (f"regr_{n}", [INT, INT], [])
        for n in ("avgx", "avgy", "count", "intercept", "r2", "slope", "sxx", "sxy", "syy")
    ),
    ("percentile", [INT], [(DOUBLE, 0.3)]),
    ("percentile_cont", [INT], [(DOUBLE, 0.3), (BOOLEAN, True)]),
    ("percentile_disc", [INT], [(DOUBLE, 0.7), (BOOLEAN, False)]),
    ("percentile_approx", [INT], [(DOUBLE, 0.5), (INT, 100)]),
    ("max_by", [INT, INT], [(INT, 2)]),
    ("min_by", [INT, INT], [(INT, 3)]),
    ("histogram_numeric", [INT], [(INT, 40)]),
    ("count_min_sketch", [INT], [(DOUBLE, 0.5), (DOUBLE, 0.5), (INT, 1)]),
    ("listagg", [STRING], [(STRING, ",")]),
    ("listagg within group", [STRING], [(STRING, ","), (STRING, "-"), (BOOLEAN, True), (BOOLEAN, True)]),
    ("max", [struct(a=INT, b=STRING)], []),
    ("min", [ArrayType(INT)], []),
    ("bitmap_construct_agg", [BIGINT], []),
]
"""Name, arguments, and constants behind them."""


def _drawn(kind: DataType) -> st.SearchStrategy[Any]:
    small = st.integers(-9, 9)
    if isinstance(kind, StructType):
        return st.none() | st.fixed_dictionaries({f.name: _drawn(f.type) for f in kind.fields})
    if isinstance(kind, ArrayType):
        return st.none() | st.lists(_drawn(kind.element), max_size=2)
    made = {STRING: st.sampled_from("abc"), MONEY: small.map(lambda n: D(n).scaleb(-2)), BIGINT: st.integers(0, 99)}
    return st.none() | made.get(kind, small)


_OFTEN_DISTINCT = ("count", "sum", "avg", "collect_list", "median", "corr", "percentile", "listagg within group")


@pytest.mark.parametrize(
    ("name", "kinds", "extra", "distinct"),
    [
        *((*case, False) for case in _SPLITTABLE),
        *((*case, True) for case in _SPLITTABLE if case[0] in _OFTEN_DISTINCT),
    ],
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), cuts=st.lists(st.integers(0, 12), max_size=2))
def test_merging_parts_equals_the_whole(
    fold: Any, name: str, kinds: Any, extra: Any, distinct: bool, data: Any, cuts: list[int]
) -> None:
    """final(merge(partial(a), partial(b))) = final(partial(a + b)), empty parts included; DISTINCT too."""
    form = fold.form(name, kinds, extra)
    if distinct:
        arguments = [*(Argument(k) for k in kinds), *(Argument(k, constant=True, value=v) for k, v in extra)]
        form = distinct_form(form, arguments)
    types = list(form.arguments)
    rows = data.draw(st.lists(st.tuples(*(_drawn(kind) for kind in kinds)), max_size=12))
    typed = [
        tuple(float(v) if k == DOUBLE and v is not None else v for v, k in zip(row, types, strict=False))
        + tuple(value for _, value in extra)
        for row in rows
    ]
    ends = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    pieces = [typed[a:b] for a, b in pairwise(ends)]
    whole, merged = (fold(form, parts, types, ansi=name != "corr") for parts in ([typed], pieces))
    assert merged == (pytest.approx(whole, rel=1e-9, abs=1e-9, nan_ok=True) if isinstance(whole, float) else whole)


@pytest.mark.parametrize(("name", "kinds", "extra"), _SPLITTABLE)
def test_state_keeps_every_buffer(fold: Any, name: str, kinds: Any, extra: Any) -> None:
    """What a batch over no rows gives comes back from the row codec of the state unchanged."""
    form = fold.form(name, kinds, extra)
    empty = fold.buffers(form, [], list(form.arguments))
    schema = pa.schema([pa.field(f"b{i}", kind.arrow()) for i, kind in enumerate(form.buffers)])
    codec = RowCodec(schema)
    assert codec.decode(codec.encode(empty.cast(schema))).to_pylist() == empty.to_pylist()


def test_a_histogram_of_many_values_keeps_their_number(fold: Any) -> None:
    """Bars are at most as many as wanted, in order, and weigh as much as there are values, merged or not."""
    form = fold.form("histogram_numeric", [INT], [(INT, 4)])
    rows = [(i * i % 997, 4) for i in range(500)]
    for pieces in ([rows], [rows[:100], rows[100:101], rows[101:]]):
        bars = fold(form, pieces, [INT, INT])
        assert len(bars) == 4
        assert sum(bar["y"] for bar in bars) == 500
        assert [bar["x"] for bar in bars] == sorted(bar["x"] for bar in bars)


def test_a_large_mean_costs_no_digits(fold: Any) -> None:
    """Sums of squares would leave nothing of the variance here."""
    form = fold.form("var_pop", [DOUBLE])
    pieces = [[(1e9 + x,) for x in piece] for piece in ((4.0, 7.0), (13.0,), (16.0,))]
    assert fold(form, pieces, [DOUBLE]) == pytest.approx(22.5, rel=1e-9)
