"""Sketches of Apache DataSketches: any split of the rows gives the sketch of all, or one that estimates the same."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from typing import Any

import datasketches
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import StreamError
from headrace.sql.functions import FUNCTIONS
from headrace.sql.vectorised.by_value import ConditionError
from headrace.sql.vectorised.sketches import frequent, hll, kll, theta, tuples
from headrace.types import BIGINT, BINARY, DOUBLE, FLOAT, INT, STRING

_KEYS = [(i * 7919 % 1000,) for i in range(3000)]


def _pieces(rows: list[Any], count: int) -> list[list[Any]]:
    return [rows[at::count] for at in range(count)]


@pytest.mark.parametrize("log", [4, 8, 12])
@pytest.mark.parametrize("count", [2, 5])
def test_a_theta_sketch_of_pieces_is_that_of_all_rows(fold: Any, log: int, count: int) -> None:
    """The same bytes, since the smallest hashes of all are among the smallest of each piece."""
    form = fold.form("theta_sketch_agg", [INT], [(INT, log)])
    whole = fold(form, [_KEYS], [INT])
    assert fold(form, _pieces(_KEYS, count), [INT]) == whole
    assert theta.estimate(whole, "f") == pytest.approx(1000, rel=3 / math.sqrt(2**log))


@pytest.mark.parametrize("mode", tuples.MODES)
@pytest.mark.parametrize(("kind", "number"), [("double", DOUBLE), ("integer", INT)])
def test_a_tuple_sketch_of_pieces_is_that_of_all_rows(fold: Any, mode: str, kind: str, number: Any) -> None:
    """The same bytes: whole numbers add up to the same in any order."""
    rows = [(key, float(i) if kind == "double" else i) for i, (key,) in enumerate(_KEYS[:400] * 2)]
    form = fold.form(f"tuple_sketch_agg_{kind}", [BIGINT, number], [(INT, 6), (STRING, mode)])
    assert fold(form, _pieces(rows, 3), [BIGINT, number]) == fold(form, [rows], [BIGINT, number])


def test_hyperloglog_sketches_of_pieces_estimate_the_same_within_their_error(fold: Any) -> None:
    """A merged sketch no longer knows the order of its values, so that its estimate is another one."""
    form = fold.form("hll_sketch_agg", [INT], [(INT, 10)])
    for count in (1, 4):
        found = hll.estimate(fold(form, _pieces(_KEYS, count), [INT]), "f")
        assert found == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(("kind", "number"), [("bigint", INT), ("double", DOUBLE), ("float", FLOAT)])
def test_quantiles_of_pieces_stay_within_the_error(fold: Any, count: int, kind: str, number: Any) -> None:
    """Four times the error that 99 of 100 sketches keep; the same rows in the same pieces give the same bytes."""
    rows: list[Any] = [(i * 7919 % 4001 * (1 if kind == "bigint" else 1.0),) for i in range(4001)]
    form = fold.form(f"kll_sketch_agg_{kind}", [number])
    found = fold(form, _pieces(rows, count), [number])
    assert fold(form, _pieces(rows, count), [number]) == found
    assert kll.count(found, "f", kind) == 4001
    shares = np.linspace(0, 1, 41)
    errors = np.abs(np.array(kll.quantiles(found, shares, "f", kind)) / 4000 - shares)
    assert errors.max() < 4 * 0.0133
    assert kll.ranks(found, np.array([0, 4000]), "f", kind) == [pytest.approx(0, abs=0.001), 1.0]
    assert [kll.end(found, most, "f", kind) for most in (False, True)] == [0, 4000]


@pytest.mark.parametrize("tracked", [10, 100])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_frequent_items_of_pieces_are_those_of_all_rows(fold: Any, count: int, tracked: int) -> None:
    """Items that came often enough are found, none counted too high or by more than the error too low."""
    rows = [(f"item {min(i % 61, i % 7)}",) for i in range(3000)] + [(None,)] * 9
    form = fold.form("approx_top_k_accumulate", [STRING], [(INT, tracked)])
    state = fold(form, _pieces(rows, count), [STRING])
    assert (state["maxItemsTracked"], state["itemDataTypeDDL"]) == (tracked, "item string not null")
    found: dict[Any, Any] = {one["item"]: one["count"] for one in frequent.frequent(state["sketch"], 4, "text")}
    right: Counter[Any] = Counter(value for (value,) in rows)
    assert {item: right[item] for item in found} == found
    assert sorted(found.values(), reverse=True) == [number for _, number in right.most_common(4)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50), max_size=400), st.integers(1, 12))
def test_frequent_items_keep_their_bounds(items: list[int], tracked: int) -> None:
    """What is kept is never counted higher than it came, nor lower by more than the error; reading gives it again."""
    content = frequent.built(items, 3, tracked, "int")
    sketch, right = frequent.read(content, "int"), Counter(items)
    assert sketch.nulls == 3
    kept = dict(sketch.walk())
    if kept:  # the library writes a map from which all was taken as one that counted nothing
        assert sketch.total == len(items)
    else:
        sketch.offset = len(items)
    assert all(right[item] - sketch.offset <= kept.get(item, 0) <= right[item] for item in right)
    for end in range(len(content)):
        with pytest.raises(ConditionError, match="APPROX_TOP_K_SKETCH_INVALID"):
            frequent.read(content[:end], "int")


@pytest.mark.parametrize("count", [1, 30])
def test_many_values_in_many_pieces_keep_few_items(count: int) -> None:
    """A million values: the size is that of Spark's sketches, the error no larger."""
    values = np.random.default_rng(7).permutation(1_000_000)
    sketches = [kll.built(piece, 200, "bigint") for piece in np.array_split(values, count)]
    found = kll.union(sketches, 0, "f", "bigint")
    assert len(found) < 6_000
    shares = np.linspace(0, 1, 101)
    assert np.abs(np.array(kll.quantiles(found, shares, "f", "bigint")) / 999_999 - shares).max() < 2 * 0.0133


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.floats(width=32), max_size=200), min_size=1, max_size=4), st.integers(8, 20))
def test_the_library_reads_kll_sketches_and_finds_the_same(pieces: list[list[float]], k: int) -> None:
    """The package's own C++ takes the bytes; its ranks count the most value otherwise than Spark's Java, by one."""
    sketches = [kll.built(np.array(piece, np.float64), k, "double") for piece in pieces]
    ours = kll.union(sketches, k, "f", "double")
    theirs = datasketches.kll_doubles_sketch.deserialize(ours)
    counted = [value for piece in pieces for value in piece if not math.isnan(value)]
    assert (theirs.n, theirs.k, theirs.num_retained <= theirs.n) == (len(counted), k, True)
    assert kll.count(ours, "f", "double") == len(counted)
    if counted:
        assert (theirs.get_min_value(), theirs.get_max_value()) == (min(counted), max(counted))
        ranks = kll.ranks(ours, np.array(counted), "f", "double")
        step = 1 / len(counted) + 1e-9
        inner = [i for i, value in enumerate(counted) if min(counted) < value]
        assert [ranks[i] for i in inner] == pytest.approx([theirs.get_rank(counted[i], True) for i in inner], abs=step)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("theta_sketch_agg", [INT]),
        ("hll_sketch_agg", [STRING]),
        ("hll_union_agg", [BINARY]),
        ("theta_union_agg", [BINARY]),
        ("tuple_union_agg_double", [BINARY]),
        ("tuple_sketch_agg_integer", [INT, INT]),
        ("kll_sketch_agg_double", [DOUBLE]),
        ("kll_merge_agg_bigint", [BINARY]),
    ],
)
def test_no_rows_and_rows_of_nulls_give_the_empty_sketch(fold: Any, name: str, kinds: list[Any]) -> None:
    """It is no NULL, and merging it changes nothing."""
    form = fold.form(name, kinds)
    empty = fold(form, [[]], kinds)
    nulls = [tuple(None for _ in kinds)]
    assert empty
    assert fold(form, [nulls, nulls, []], kinds) == empty


@pytest.mark.parametrize("name", ["theta_intersection_agg", "tuple_intersection_agg_double"])
def test_an_intersection_of_no_sketches_fails(fold: Any, name: str) -> None:
    """It would be the set of everything; Spark fails too."""
    with pytest.raises(Exception, match=f"{name} of no sketches"):
        fold(fold.form(name, [BINARY]), [[(None,)]], [BINARY])


def test_hyperloglog_is_refused_without_its_package(fold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says what to install; nothing else needs the package."""
    monkeypatch.setattr(hll, "PACKAGE", "package_that_is_not_there")
    for resolve in (
        lambda: fold.form("hll_sketch_agg", [INT]),
        lambda: fold.form("hll_union_agg", [BINARY]),
        lambda: FUNCTIONS["hll_sketch_estimate"].resolve([]),
        lambda: FUNCTIONS["hll_union"].resolve([]),
    ):
        with pytest.raises(StreamError) as caught:
            resolve()
        assert caught.value.hint == "pip install 'headrace[sketches]'"
    fold.form("theta_sketch_agg", [INT])


def test_the_package_leaves_no_word_behind_when_the_process_ends() -> None:
    """Its binding tells of objects that outlive the interpreter; none does, not after errors either."""
    statements = (
        "SELECT hll_sketch_estimate(hll_sketch_agg(id)) FROM range(9)",
        "SELECT hll_sketch_estimate(X'0A01070400000000')",
        "SELECT hll_union(hll_sketch_agg(1, 10), hll_sketch_agg(2, 12))",
    )
    command = [sys.executable, "-m", "headrace", "sql", "--output", "json"]
    text = "".join(f"{statement};\n" for statement in statements)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.stderr, answers[0]["rows"]) == ("", [[9]])
    codes = [answer["error"]["code"] for answer in answers[1:]]
    assert codes == ["HLL_INVALID_INPUT_SKETCH_BUFFER", "HLL_UNION_DIFFERENT_LG_K"]


def test_bytes_cut_short_are_refused_with_sparks_condition(fold: Any) -> None:
    """At every length, for each family."""
    keys = fold(fold.form("theta_sketch_agg", [INT], [(INT, 4)]), [_KEYS], [INT])
    form = fold.form("tuple_sketch_agg_integer", [INT, INT], [(INT, 4)])
    pairs = fold(form, [[(key, key) for (key,) in _KEYS]], [INT, INT])
    values = fold(fold.form("kll_sketch_agg_bigint", [INT], [(INT, 8)]), [_KEYS], [INT])
    for content, read, condition in (
        (keys, lambda b: theta.read(b, "f"), "THETA_INVALID_INPUT_SKETCH_BUFFER"),
        (pairs, lambda b: tuples.read(b, "f", tuples.INTEGER), "TUPLE_INVALID_INPUT_SKETCH_BUFFER"),
        (pairs, lambda b: tuples.read(b, "f", tuples.DOUBLE), "TUPLE_INVALID_INPUT_SKETCH_BUFFER"),
        (values, lambda b: kll.read(b, "f", "bigint"), "KLL_INVALID_INPUT_SKETCH_BUFFER"),
    ):
        for end in range(len(content)):
            with pytest.raises(ConditionError, match=condition):
                read(content[:end])
