"""Room 2: the part of the function table for texts and byte strings."""

from __future__ import annotations

from headrace.sql.functions.text import ciphers, encoding, like, number_patterns, regexp, splitting, strings, wording

FUNCTIONS = {
    **strings.FUNCTIONS,
    **like.FUNCTIONS,
    **regexp.FUNCTIONS,
    **encoding.FUNCTIONS,
    **ciphers.FUNCTIONS,
    **wording.FUNCTIONS,
    **splitting.FUNCTIONS,
    **number_patterns.FUNCTIONS,
}
"""Texts, patterns, encodings and hashes, by name."""
