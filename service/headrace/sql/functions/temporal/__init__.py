"""Room 2: the part of the function table for what moments are made of: clock times, intervals, and their parts."""

from __future__ import annotations

from headrace.sql.functions.temporal import buckets, clocks, intervals, making, parts, units, zones

FUNCTIONS = {
    **making.FUNCTIONS,
    **clocks.FUNCTIONS,
    **intervals.FUNCTIONS,
    **parts.FUNCTIONS,
    **zones.FUNCTIONS,
    **buckets.FUNCTIONS,
    **units.FUNCTIONS,
}
"""Clock times, intervals, and moments made of parts, by name."""
