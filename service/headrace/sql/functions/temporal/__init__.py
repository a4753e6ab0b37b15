"""Room 2: the part of the function table for dates and times: timestamps, clock times, intervals, and their parts."""

from __future__ import annotations

from headrace.sql.functions.temporal import buckets, clocks, dates, intervals, making, parts, units, zones

FUNCTIONS = {
    **dates.FUNCTIONS,
    **making.FUNCTIONS,
    **clocks.FUNCTIONS,
    **intervals.FUNCTIONS,
    **parts.FUNCTIONS,
    **zones.FUNCTIONS,
    **buckets.FUNCTIONS,
    **units.FUNCTIONS,
}
"""Dates and times, by name."""
