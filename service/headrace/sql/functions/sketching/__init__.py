"""Room 2: the part of the function table for the sketches of Apache DataSketches."""

from __future__ import annotations

from headrace.sql.functions.sketching import counting, frequent, kll, tuples

FUNCTIONS = {
    **counting.FUNCTIONS,
    **tuples.FUNCTIONS,
    **kll.FUNCTIONS,
    **frequent.FUNCTIONS,
}
"""Sketches, by name."""
