"""IDENTIFIER('a.b'): a name as a constant text, wherever a name may stand."""

from __future__ import annotations

import pytest
from sqlglot import exp

from headrace.errors import StreamErrors
from headrace.sql.parse import parse


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("SELECT IDENTIFIER('k') FROM c", "SELECT `k` FROM c"),
        ("SELECT identifier('c.' || 'k') FROM IDENTIFIER('c')", "SELECT `c`.`k` FROM `c`"),
        ("SELECT IDENTIFIER('`a b`') AS IDENTIFIER('z') FROM c", "SELECT `a b` AS `z` FROM c"),
        ("SELECT IDENTIFIER('upper')(k), IDENTIFIER FROM c", "SELECT upper(k), IDENTIFIER FROM c"),
        ("SELECT * FROM IDENTIFIER('range')(3)", "SELECT * FROM range(3)"),
    ],
)
def test_a_constant_text_stands_for_the_name(written: str, plain: str) -> None:
    """The tree is that of the plain name."""
    assert parse(written) == parse(plain)


@pytest.mark.parametrize(
    ("argument", "condition"),
    [
        ("''", "PARSE_EMPTY_STATEMENT"),
        ("'a b'", "PARSE_SYNTAX_ERROR"),
        ("'a.'", "PARSE_SYNTAX_ERROR"),
        ("1", "NOT_A_CONSTANT_STRING.WRONG_TYPE"),
        ("k", "NOT_A_CONSTANT_STRING.NOT_CONSTANT"),
    ],
)
def test_what_is_no_name_is_refused_by_sparks_name(argument: str, condition: str) -> None:
    """With its place."""
    with pytest.raises(StreamErrors) as caught:
        parse(f"SELECT IDENTIFIER({argument}) FROM c")
    assert [(error.condition, error.at and error.at.column) for error in caught.value.errors] == [(condition, 8)]


def test_other_texts_with_the_word_stay_as_they_are() -> None:
    """An alias with columns, a text, and a part of a path are no such clause."""
    tree = parse("SELECT 'IDENTIFIER' FROM VALUES (1) AS identifier(k)")
    assert tree.expressions == [exp.Literal.string("IDENTIFIER")]
    assert tree.args["from_"].this.alias == "identifier"
