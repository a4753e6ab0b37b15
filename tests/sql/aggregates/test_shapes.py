"""vector_sum, vector_avg and schema_of_variant_agg over pieces that are merged."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.types import FLOAT, STRING, VARIANT, ArrayType

_VECTOR = ArrayType(FLOAT)
_ROWS = [([1.0, 2.0],), (None,), ([3.0, 5.0],), ([5.0, None],), ([8.0, 2.0],), ([4.0, 3.0],)]


@pytest.mark.parametrize(("name", "result"), [("vector_sum", [16.0, 12.0]), ("vector_avg", [4.0, 3.0])])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_vectors_of_pieces_give_that_of_all_rows(fold: Any, name: str, result: list[float], count: int) -> None:
    """NULL vectors and those that hold a NULL do not count; pieces may be empty."""
    pieces = [*(_ROWS[at::count] for at in range(count)), []]
    assert fold(fold.form(name, [_VECTOR]), pieces, [_VECTOR]) == result


@pytest.mark.parametrize("name", ["vector_sum", "vector_avg"])
def test_no_vectors_give_null_and_other_lengths_fail(fold: Any, name: str) -> None:
    """Within a piece and between pieces."""
    form = fold.form(name, [_VECTOR])
    assert fold(form, [[], [(None,)], [([None],)]], [_VECTOR]) is None
    for pieces in ([[([1.0],), ([1.0, 2.0],)]], [[([1.0],)], [([1.0, 2.0],)]]):
        with pytest.raises(Exception, match=f"VECTOR_DIMENSION_MISMATCH.*`{name}`.*1 and 2"):
            fold(form, pieces, [_VECTOR])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_schema_of_pieces_is_that_of_all_variants(fold: Any, count: int) -> None:
    """Decimals keep both their sides, objects all their fields."""
    rows = [(v,) for v in ('{"a":1}', None, '{"a":2.5,"b":[1]}', '{"b":[true],"c":{"d":"x"}}', "null")]
    pieces = [rows[at::count] for at in range(count)]
    found = fold(fold.form("schema_of_variant_agg", [VARIANT]), pieces, [STRING])
    assert found == "OBJECT<a: DECIMAL(21,1), b: ARRAY<VARIANT>, c: OBJECT<d: STRING>>"
    assert fold(fold.form("schema_of_variant_agg", [VARIANT]), [[], []], [STRING]) == "VOID"
