"""Statements are given as soon as their semicolon arrives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batch.splitter import Splitter

TEXTS = [
    ("SELECT 1;SELECT 2;", ["SELECT 1", "SELECT 2"], None),
    ("SELECT ';';", ["SELECT ';'"], None),
    ("SELECT 'it\\'s;';", ["SELECT 'it\\'s;'"], None),
    ('SELECT ";" AS `a;b`;', ['SELECT ";" AS `a;b`'], None),
    ("SELECT r'\\';SELECT 2", ["SELECT r'\\'"], "SELECT 2"),
    ("SELECT 1 -- no; end\n+ 1;", ["SELECT 1 -- no; end\n+ 1"], None),
    ("SELECT /* ; /* ; */ ; */ 1;", ["SELECT /* ; /* ; */ ; */ 1"], None),
    ("  ;; -- nothing\n;", [], None),
    ("SELECT 8 / 2 - 1; SELECT 'open;", ["SELECT 8 / 2 - 1"], "SELECT 'open;"),
]


@pytest.mark.parametrize(("text", "statements", "rest"), TEXTS)
def test_quotes_and_comments_may_hold_semicolons(text: str, statements: list[str], rest: str | None) -> None:
    """What stands behind the last semicolon is the rest."""
    splitter = Splitter()
    assert (splitter.feed(text), splitter.rest()) == (statements, rest)


@given(st.sampled_from([text for text, _, _ in TEXTS]), st.lists(st.integers(0, 40), max_size=6))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    """A text in pieces gives what it gives whole."""
    whole, pieces = Splitter(), Splitter()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    found = [s for start, end in itertools.pairwise(places) for s in pieces.feed(text[start:end])]
    assert (found, pieces.rest()) == (whole.feed(text), whole.rest())
