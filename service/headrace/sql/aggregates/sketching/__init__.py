"""Room 2: aggregates that give sketches of Apache DataSketches, bytes that other programs read too."""

from __future__ import annotations

from headrace.sql.aggregates.sketching import counting, tuples

AGGREGATES = {
    **counting.AGGREGATES,
    **tuples.AGGREGATES,
}
"""Sketches, by name."""
