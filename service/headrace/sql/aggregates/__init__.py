"""Room 2: the aggregate table: every Spark aggregate that headrace knows, in mergeable form.

Takes a lower-case name or an alias; gives its `AggregateFunction`. A name that is not here is refused by the analyzer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headrace.sql.aggregate import AggregateFunction
from headrace.sql.aggregates import (
    collecting,
    densities,
    frequent,
    moments,
    numbers,
    pairs,
    percentiles,
    picking,
    sketches,
)

AGGREGATES: Mapping[str, AggregateFunction] = MappingProxyType(
    {
        **numbers.AGGREGATES,
        **picking.AGGREGATES,
        **moments.AGGREGATES,
        **pairs.AGGREGATES,
        **percentiles.AGGREGATES,
        **frequent.AGGREGATES,
        **collecting.AGGREGATES,
        **densities.AGGREGATES,
        **sketches.AGGREGATES,
    }
)
"""Aggregates by canonical name and alias; an alias maps to the entry of its canonical name."""
