"""Room 2: the part of the function table for the sketches of Apache DataSketches."""

from __future__ import annotations

from headrace.sql.functions.sketching import counting, tuples

FUNCTIONS = {
    **counting.FUNCTIONS,
    **tuples.FUNCTIONS,
}
"""Sketches, by name."""
