"""The first JSON value of a text, as Jackson reads it for Spark; answers recorded from Spark: recorded_json.json."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sql.vectorised.values.first_json import first_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TAILS = st.sampled_from(["", " ", "\n", ",", " x", "}", "]", " 'it", ' "', "{}", "//"])


def in_single_quotes(value: Any) -> str:
    """Return a value as JSON with every string in single quotes."""
    if isinstance(value, str):
        return "'" + json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_single_quotes, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_single_quotes(k)}: {in_single_quotes(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


@given(value=VALUES, before=st.sampled_from(["", " ", "\n\t"]), tail=TAILS)
def test_the_first_value_is_read_whatever_stands_behind_it(value: Any, before: str, tail: str) -> None:
    """Behind a number stands a blank, as it would go on otherwise."""
    for written in (json.dumps(value), in_single_quotes(value)):
        found = first_json(f"{before}{written} {tail}")
        assert found is not None
        assert json.loads(found) == value


@pytest.mark.parametrize("text", ["", "x", "{", "{'a'", "{a: 1}", "[1,]", "{'a': 'b}", "[" * 100_000, "'a\tb'", "'\\"])
def test_what_begins_with_no_value_gives_none(text: str) -> None:
    """A nesting without end too."""
    assert first_json(text) is None


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("'" + "\\'" * 500_000, None),
        ("'\"" * 500_001, r'"\""'),
        ("{'a': 1" + '"\\' * 500_000, None),
    ],
)
def test_a_long_text_of_quotes_is_passed_over_once(text: str, first: str | None) -> None:
    """To look again from each quote would take hours."""
    assert first_json(text) == first


def test_quotes_that_do_not_end_behind_the_value_do_no_harm() -> None:
    """Nothing is read there."""
    assert first_json("{'a': 'b'} it's \\' \"") == '{"a": "b"}'
