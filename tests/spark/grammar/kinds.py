"""Every kind of query the grammar knows, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.spark.grammar import chained, grouped, joined, refused, stacked, stateless, unusual
from tests.spark.grammar.draw import Draw

KINDS: dict[str, Callable[[Draw], dict[str, Any]]] = {
    "projection": stateless.projection,
    "union": stateless.union,
    "limited": stateless.limited,
    "generated": stateless.generated,
    "group": grouped.group,
    "window": grouped.windowed,
    "made_time": grouped.made_time,
    "computed": grouped.computed,
    "session": grouped.session,
    "usual": grouped.usual,
    "usual_join": joined.usual,
    "distinct": grouped.distinct,
    "static_join": joined.static,
    "stream_join": joined.streams,
    "window_join": joined.windows,
    "self_join": joined.itself,
    "three_joins": joined.three,
    "shared": chained.shared,
    "dedup": chained.deduplicated,
    "union_grouped": chained.union_grouped,
    "windows_of_windows": chained.windows_of_windows,
    "join_grouped": chained.joined_then_grouped,
    "grouped_join": chained.grouped_then_joined,
    "union_of_grouped": chained.union_of_grouped,
    "stacked": stacked.stacked,
    "typed": unusual.typed,
    "typed_join": unusual.typed_join,
    "zoned": unusual.zoned,
    "remarked": unusual.remarked,
    "refused": refused.refused,
}
"""A maker of a case for each kind; each step says what arrives, not what comes of it."""


def generate(kind: str, seed: int, number: int) -> dict[str, Any]:
    """Return the case of this kind with this number from this seed."""
    return KINDS[kind](Draw(f"{kind}:{seed}:{number}"))
