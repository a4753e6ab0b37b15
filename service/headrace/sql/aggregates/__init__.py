"""Room 2: the aggregate table: every Spark aggregate that headrace knows, in mergeable form.

Takes a lower-case name or an alias; gives its `AggregateFunction`. A name that is not here is refused by the analyzer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from headrace.sql.aggregate import AggregateFunction
from headrace.sql.aggregates import (
    collecting,
    densities,
    distinct_counts,
    frequent,
    moments,
    numbers,
    pairs,
    percentiles,
    picking,
    shapes,
    sketching,
)
from headrace.sql.aggregates.installed import installed

SPARKS: Mapping[str, AggregateFunction] = MappingProxyType(
    {
        **numbers.AGGREGATES,
        **picking.AGGREGATES,
        **moments.AGGREGATES,
        **pairs.AGGREGATES,
        **percentiles.AGGREGATES,
        **frequent.AGGREGATES,
        **collecting.AGGREGATES,
        **densities.AGGREGATES,
        **shapes.AGGREGATES,
        **distinct_counts.AGGREGATES,
        **sketching.AGGREGATES,
    }
)
"""Spark's aggregates by canonical name and alias, those that are refused too."""


class _Table(Mapping[str, AggregateFunction]):
    """Spark's aggregates, then those of installed packages, which replace none of Spark's."""

    def __getitem__(self, name: str) -> AggregateFunction:
        found = SPARKS.get(name)
        return found if found is not None else installed()[name].function

    def __iter__(self) -> Iterator[str]:
        yield from SPARKS
        yield from (name for name in installed() if name not in SPARKS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


AGGREGATES: Mapping[str, AggregateFunction] = _Table()
"""Aggregates by canonical name and alias; an alias maps to the entry of its canonical name."""
