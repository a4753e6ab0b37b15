"""Chance with a seed: the same seed gives the same queries and batches, on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Choices drawn from one seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random.random() < probability

    def one(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self._random.randrange(len(items))]

    def some(self, items: Sequence[T], least: int, most: int) -> list[T]:
        """Return between least and most different items, in any order."""
        return self._random.sample(list(items), min(len(items), self._random.randint(least, most)))

    def number(self, least: int, most: int) -> int:
        """Return a whole number between the two, both included."""
        return self._random.randint(least, most)
