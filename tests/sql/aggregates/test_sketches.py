"""Sketches of Apache DataSketches: any split of the rows gives the sketch of all rows, or one that estimates the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from headrace.errors import StreamError
from headrace.sql.functions import FUNCTIONS
from headrace.sql.vectorised.sketches import hll, theta, tuples
from headrace.sql.vectorised.values.by_value import ConditionError
from headrace.types import BIGINT, BINARY, DOUBLE, INT, STRING

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
    rows = [(key, float(i) if kind == "double" else i) for i, (key,) in enumerate(_KEYS)]
    form = fold.form(f"tuple_sketch_agg_{kind}", [BIGINT, number], [(INT, 6), (STRING, mode)])
    assert fold(form, _pieces(rows, 3), [BIGINT, number]) == fold(form, [rows], [BIGINT, number])


def test_hyperloglog_sketches_of_pieces_estimate_the_same_within_their_error(fold: Any) -> None:
    """A merged sketch no longer knows the order of its values, so that its estimate is another one."""
    form = fold.form("hll_sketch_agg", [INT], [(INT, 10)])
    for count in (1, 4):
        found = hll.estimate(fold(form, _pieces(_KEYS, count), [INT]), "f")
        assert found == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("theta_sketch_agg", [INT]),
        ("hll_sketch_agg", [STRING]),
        ("hll_union_agg", [BINARY]),
        ("theta_union_agg", [BINARY]),
        ("tuple_union_agg_double", [BINARY]),
        ("tuple_sketch_agg_integer", [INT, INT]),
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


def test_bytes_cut_short_are_refused_with_sparks_condition(fold: Any) -> None:
    """At every length, for each family."""
    keys = fold(fold.form("theta_sketch_agg", [INT], [(INT, 4)]), [_KEYS], [INT])
    pairs = fold(fold.form("tuple_sketch_agg_integer", [INT, INT], [(INT, 4)]), [[(k, k) for (k,) in _KEYS]], [INT, INT])
    for content, read, condition in (
        (keys, lambda b: theta.read(b, "f"), "THETA_INVALID_INPUT_SKETCH_BUFFER"),
        (pairs, lambda b: tuples.read(b, "f", tuples.INTEGER), "TUPLE_INVALID_INPUT_SKETCH_BUFFER"),
        (pairs, lambda b: tuples.read(b, "f", tuples.DOUBLE), "TUPLE_INVALID_INPUT_SKETCH_BUFFER"),
    ):
        for end in range(len(content)):
            with pytest.raises(ConditionError, match=condition):
                read(content[:end])
