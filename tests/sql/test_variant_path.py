"""``j:a.b[0]``: what is read as a path, and what follows it."""

from __future__ import annotations

import pytest
from tests.sql.trees import read

from headrace.errors import StreamErrors
from headrace.sql.grammar.variant_path import VariantField


@pytest.mark.parametrize(
    ("sql", "path", "key"),
    [
        ("j:a", "$.a", "a"),
        ("t.j:a.b[0].c", "$.a.b[0].c", "c"),
        ("(j):a['x y'][2]", "$.a['x y'][2]", "x y"),
        ("j:['a']", "$.['a']".replace(".", ""), "a"),
        ("j:[0]", "$[0]", ""),
        ("j:`a b`", "$['a b']", "a b"),
        ("parse_json(k):select", "$.select", "select"),
    ],
)
def test_a_colon_opens_a_path_of_names_and_places(sql: str, path: str, key: str) -> None:
    """The last name is the column's."""
    node = read(sql)
    assert isinstance(node, VariantField)
    assert (node.args["path"].name, node.args["key"].name) == (path, key)


def test_a_path_may_follow_a_path_and_a_cast_stands_behind_it() -> None:
    """``j:a:b::INT`` is a cast of a part of a part."""
    cast = read("j:a:b::INT")
    inner = cast.this
    assert isinstance(inner, VariantField)
    assert (inner.args["path"].name, inner.this.args["path"].name) == ("$.b", "$.a")


@pytest.mark.parametrize("sql", ["j:'a'", "j:0", 'j:["a"]', "j:a."])
def test_other_things_behind_a_colon_are_no_path(sql: str) -> None:
    """Spark's grammar takes names, ['name'] and [0]."""
    with pytest.raises(StreamErrors) as caught:
        read(sql)
    assert [error.condition for error in caught.value.errors] == ["PARSE_SYNTAX_ERROR"]
