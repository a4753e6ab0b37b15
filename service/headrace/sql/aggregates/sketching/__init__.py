"""Room 2: aggregates that give sketches of Apache DataSketches, bytes that other programs read too."""

from __future__ import annotations

from headrace.sql.aggregates.sketching import counting, frequent, kll, tuples

AGGREGATES = {
    **counting.AGGREGATES,
    **tuples.AGGREGATES,
    **kll.AGGREGATES,
    **frequent.AGGREGATES,
}
"""Sketches, by name."""
