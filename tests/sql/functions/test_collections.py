"""Arrays, maps, structs, lambdas, generators and JSON give Spark's documented results and types."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import StreamError
from headrace.sql.functions import FUNCTIONS
from headrace.types import BIGINT, INT, STRING, ArrayType, MapType

N, B, AI = "INT", "BOOLEAN", "ARRAY<INT>"
NONE = ("of", None, ArrayType(INT))

CASES: list[tuple[Any, Any, str]] = [
    (("array", 1, 2, 3), [1, 2, 3], AI),
    (("array", 1, None, 2.5), [1.0, None, 2.5], "ARRAY<DOUBLE>"),
    (("size", ["b", "d", "c", "a"]), 4, N),
    (("cardinality", {"a": 1, "b": 2}), 2, N),
    (("size", NONE), None, N),
    (("array_contains", [1, 2, 3], 2), True, B),
    (("array_contains", [1, None], 2), None, B),
    (("array_contains", [1, 2], 3), False, B),
    (("array_distinct", [1, 2, 3, None, 3, None]), [1, 2, 3, None], AI),
    (("array_distinct", [3, 1, 2, 2]), [3, 1, 2], AI),
    (("array_position", [312, 773, 708, 708], 708), 3, "BIGINT"),
    (("array_position", [312, 773], 414), 0, "BIGINT"),
    (("array_remove", [1, 2, 3, None, 3], 3), [1, 2, None], AI),
    (("array_append", ["b", None], None), ["b", None, None], "ARRAY<STRING>"),
    (("array_prepend", ["b", "d"], "a"), ["a", "b", "d"], "ARRAY<STRING>"),
    (("array_compact", [1, None, 3]), [1, 3], AI),
    (("array_repeat", "123", 2), ["123", "123"], "ARRAY<STRING>"),
    (("array_join", ["hello", None, "world"], " "), "hello world", "STRING"),
    (("array_join", ["hello", None, "world"], " ", ","), "hello , world", "STRING"),
    (("array_join", [5, None, 4], ",", "-"), "5,-,4", "STRING"),
    (("array_max", [1, 20, None, 3]), 20, N),
    (("array_min", [1, 20, None, 3]), 1, N),
    (("sort_array", ["b", "d", None, "c", "a"], True), [None, "a", "b", "c", "d"], "ARRAY<STRING>"),
    (("sort_array", [5, None, 4], False), [5, 4, None], AI),
    (("array_sort", ["b", None, "a"]), ["a", "b", None], "ARRAY<STRING>"),
    (("array_union", [1, 2, 3], [1, 3, 5, None]), [1, 2, 3, 5, None], AI),
    (("array_intersect", [1, 2, 3, None], [1, 3, 5, None]), [1, 3, None], AI),
    (("array_except", [1, 2, 3, None, 2], [1, 3, 5]), [2, None], AI),
    (("arrays_overlap", [1, 2, 3], [3, 4, 5]), True, B),
    (("arrays_overlap", [1, None], [3]), None, B),
    (("flatten", [[1, 2], [3, 4]]), [1, 2, 3, 4], AI),
    (("flatten", [[1], None]), None, AI),
    (("slice", [1, 2, 3, 4], 2, 2), [2, 3], AI),
    (("slice", [1, 2, 3, 4], -2, 2), [3, 4], AI),
    (("slice", [1, 2], -3, 2), [], AI),
    (("slice", [1, 2], 5, 2), [], AI),
    (("sequence", 1, 5), [1, 2, 3, 4, 5], AI),
    (("sequence", 5, 1), [5, 4, 3, 2, 1], AI),
    (("sequence", 1, 1), [1], AI),
    (("sequence", 1, 6, 2), [1, 3, 5], AI),
    (("reverse", [2, 1, 4, 3]), [3, 4, 1, 2], AI),
    (
        ("arrays_zip", [1, 2], [2, 3, 4]),
        [{"0": 1, "1": 2}, {"0": 2, "1": 3}, {"0": None, "1": 4}],
        "ARRAY<STRUCT<0: INT, 1: INT>>",
    ),
    (("get_item", [3, 1], 0), 3, N),
    (("get_item", {"a": 1}, "b"), None, N),
    (("get", [1, 2, 3], 0), 1, N),
    (("get", [1, 2, 3], 3), None, N),
    (("get", [1, 2, 3], -1), None, N),
    (("element_at", [1, 2, 3], 2), 2, N),
    (("element_at", [1, 2, 3], -1), 3, N),
    (("element_at", {"a": 1}, "a"), 1, N),
    (("try_element_at", [1, 2, 3], 9), None, N),
    (("try_element_at", {"k": 1}, "zz"), None, N),
    (("map", 1.0, "2", 3.0, "4"), {1.0: "2", 3.0: "4"}, "MAP<DOUBLE, STRING>"),
    (("map_keys", {"a": 1, "b": 2}), ["a", "b"], "ARRAY<STRING>"),
    (("map_values", {"a": 1, "b": 2}), [1, 2], AI),
    (("map_entries", {"a": 1}), [{"key": "a", "value": 1}], "ARRAY<STRUCT<key: STRING, value: INT>>"),
    (("map_from_arrays", ["x", "y"], [1, 2]), {"x": 1, "y": 2}, "MAP<STRING, INT>"),
    (("map_from_entries", ("map_entries", {"a": 1})), {"a": 1}, "MAP<STRING, INT>"),
    (("map_concat", {"a": 1}, {"b": 2}), {"a": 1, "b": 2}, "MAP<STRING, INT>"),
    (("map_contains_key", {"a": 1}, "a"), True, B),
    (("map_contains_key", {"a": 1}, "b"), False, B),
    (("str_to_map", "a:1,b:2,c:3"), {"a": "1", "b": "2", "c": "3"}, "MAP<STRING, STRING>"),
    (("str_to_map", "k=v;z", ";", "="), {"k": "v", "z": None}, "MAP<STRING, STRING>"),
    (("str_to_map", "", ";", "="), {"": None}, "MAP<STRING, STRING>"),
    (("str_to_map", "a=b=c", ";", "="), {"a": "b=c"}, "MAP<STRING, STRING>"),
    (("named_struct", "a", 1, "b", 2), {"a": 1, "b": 2}, "STRUCT<a: INT, b: INT>"),
    (("struct", 1, "x"), {"col1": 1, "col2": "x"}, "STRUCT<col1: INT, col2: STRING>"),
    (("transform", [1, 2, 3], lambda x: ("add", x, 1)), [2, 3, 4], AI),
    (("transform", [1, 2, 3], lambda x, i: ("add", x, i)), [1, 3, 5], AI),
    (("filter", [1, 2, 3], lambda x: ("equal", ("remainder", x, 2), 1)), [1, 3], AI),
    (("filter", [0, 2, 3], lambda x, i: ("greater", x, i)), [2, 3], AI),
    (("exists", [1, 2, 3], lambda x: ("equal", x, 2)), True, B),
    (("exists", [1, None], lambda x: ("equal", x, 2)), None, B),
    (("exists", [1], lambda x: ("equal", x, 2)), False, B),
    (("forall", [1, 2], lambda x: ("greater", x, 0)), True, B),
    (("forall", [1, None], lambda x: ("greater", x, 0)), None, B),
    (("aggregate", [1, 2, 3], 0, lambda acc, x: ("add", acc, x)), 6, N),
    (("reduce", [1, 2, 3], 0, lambda acc, x: ("add", acc, x), lambda acc: ("multiply", acc, 10)), 60, N),
    (("aggregate", NONE, 0, lambda acc, x: ("add", acc, x)), None, N),
    (("aggregate", [5, None], 0, lambda acc, x: ("add", acc, x)), None, N),
    (("zip_with", [1, 2, 3], ["a", "b"], lambda x, y: ("concat", x, y)), ["1a", "2b", None], "ARRAY<STRING>"),
    (("transform_keys", {1: "a", 2: "b"}, lambda k, v: ("add", k, 1)), {2: "a", 3: "b"}, "MAP<INT, STRING>"),
    (("transform_values", {1: 1, 2: 2}, lambda k, v: ("add", k, v)), {1: 2, 2: 4}, "MAP<INT, INT>"),
    (("map_filter", {1: 0, 2: 2, 3: -1}, lambda k, v: ("greater", k, v)), {1: 0, 3: -1}, "MAP<INT, INT>"),
    (
        ("transform", [[1], [2]], lambda xs: ("transform", xs, lambda x: ("add", x, ("size", xs)))),
        [[2], [3]],
        "ARRAY<ARRAY<INT>>",
    ),
    (("explode", [1, None]), [{"col": 1}, {"col": None}], "STRUCT<col: INT>"),
    (("explode", {"a": 1}), [{"key": "a", "value": 1}], "STRUCT<key: STRING, value: INT>"),
    (("posexplode", ["x"]), [{"pos": 0, "col": "x"}], "STRUCT<pos: INT, col: STRING>"),
    (("explode", NONE), None, "STRUCT<col: INT>"),
    (("inline", ("array", ("struct", 1, "a"))), [{"col1": 1, "col2": "a"}], "STRUCT<col1: INT, col2: STRING>"),
    (("stack", 2, 1, 2, 3), [{"col0": 1, "col1": 2}, {"col0": 3, "col1": None}], "STRUCT<col0: INT, col1: INT>"),
    (("get_json_object", '{"a":{"b":"x"},"c":[1,2]}', "$.a.b"), "x", "STRING"),
    (("get_json_object", '{"a":{"b":"x"},"c":[1,2]}', "$.c[1]"), "2", "STRING"),
    (("get_json_object", '{"a":{"b":"x"}}', "$.a"), '{"b":"x"}', "STRING"),
    (("get_json_object", '{"a":null}', "$.a"), None, "STRING"),
    (("get_json_object", "no json", "$.a"), None, "STRING"),
    (("json_array_length", "[1,2,3,4]"), 4, N),
    (("json_object_keys", '{"a":1,"b":2}'), ["a", "b"], "ARRAY<STRING>"),
]


@pytest.mark.parametrize(("call", "value", "kind"), CASES)
def test_value_and_type_are_sparks(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """NULL elements stay, orders of first appearance stay, indexes of lambdas count from 0."""
    assert evaluate(call) == (value, kind)


@pytest.mark.parametrize(
    ("call", "condition"),
    [
        (("get_item", [1, 2], 2), "[INVALID_ARRAY_INDEX] The index 2 is out of bounds. The array has 2 elements."),
        (("element_at", [1, 2], 5), "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT]"),
        (("element_at", [1, 2], 0), "[INVALID_INDEX_OF_ZERO]"),
        (("map", "a", 1, "a", 2), "[DUPLICATED_MAP_KEY]"),
        (("map_concat", {"a": 1}, {"a": 2}), "[DUPLICATED_MAP_KEY]"),
        (("map_from_arrays", ["a", None], [1, 2]), "[NULL_MAP_KEY]"),
        (("slice", [1], 0, 1), "[INVALID_PARAMETER_VALUE.START]"),
    ],
)
def test_a_bad_row_raises_sparks_condition(evaluate: Any, call: Any, condition: str) -> None:
    """The text raises with the condition in brackets."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # DuckDB's own class, translated by the engine
        evaluate(call)
    assert condition in str(caught.value)


def test_without_ansi_an_index_out_of_bounds_is_null_and_the_size_of_null_is_minus_one(evaluate: Any) -> None:
    """Spark 3's answers."""
    assert evaluate(("get_item", [1, 2], 2), ansi=False) == (None, N)
    assert evaluate(("element_at", [1, 2], 5), ansi=False) == (None, N)
    assert evaluate(("size", NONE), ansi=False) == (-1, N)
    assert evaluate(("size", ("of", None, MapType(STRING, BIGINT))), ansi=False) == (-1, N)


def test_every_refused_function_says_why_and_no_alias_is_lost() -> None:
    """Nothing is refused without a reason."""
    for name, function in FUNCTIONS.items():
        assert name == name.lower()
        if function.how.value == "refused":
            assert function.why
            with pytest.raises(StreamError) as caught:
                function.resolve([])
            assert function.why in caught.value.message
