"""Patterns out of columns: what is read as Java reads it, and what is refused."""

from __future__ import annotations

import pytest

from headrace.sql.vectorised.by_value import ConditionError
from headrace.sql.vectorised.java_regex import compiled, place, replace, rlike, split


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("a\u2028b", "a.b", False),
        ("a\nb", "(?s)a.b", True),
        ("a\r\n", "a$", True),
        ("a\r\n", "a\r$", False),
        ("a\n", "a\\z", False),
        ("a.b", "a[.]b", True),
        ("a$", "[$]", True),
        ("AB", "(?i)ab", True),
        ("ü", "(?i)Ü", False),
        ("\u0663", "\\d", False),
    ],
)
def test_dots_ends_and_classes_are_javas(text: str, pattern: str, found: bool) -> None:
    """Java's line terminators are five, its classes ASCII."""
    assert rlike(text, pattern) is found


@pytest.mark.parametrize("pattern", ["(", "a{", "[b", "*", "a{2,1}"])
def test_what_is_no_pattern_fails_by_sparks_name(pattern: str) -> None:
    """As Java's PatternSyntaxException."""
    with pytest.raises(ConditionError, match=r"INVALID_PARAMETER_VALUE\.PATTERN"):
        compiled(pattern)


@pytest.mark.parametrize("pattern", ["a++", "(a)\\1", "(?=a)", "\\p{Alpha}", "[a&&b]", "[[a]]", "(?m)^a", "\\Qa\\E"])
def test_what_the_engines_read_differently_is_refused(pattern: str) -> None:
    """Refused where a row has it, never guessed."""
    with pytest.raises(ConditionError, match="UNSUPPORTED_PATTERN"):
        compiled(pattern)


def test_replacements_places_and_parts() -> None:
    """Groups by number and name, places in UTF-16, and the rest in the last part."""
    assert replace("ab", "(?<x>a)(b)", "${x}$2$1\\$") == "aba$"
    assert place("\U0001f600x", "x") == 3
    assert split("abc", "", 2) == ["a", "bc"]
