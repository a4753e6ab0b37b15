"""Functions that the cases in this folder call."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def doubled(x: pa.Array) -> pa.Array:
    """Twice each value; null stays null."""
    return pc.multiply(x, 2)


def shout(word: str | None, times: int) -> str | None:
    """A row at a time."""
    return None if word is None else word.upper() + "!" * times


def length_of_map(value: pa.Array) -> pa.Array:
    """Nested types arrive as Arrow has them."""
    return pc.list_value_length(value.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.int64())]))))


def letters(word: str | None) -> list[dict[str, object]] | None:
    """Several rows of one: an array, for explode."""
    return None if word is None else [{"letter": letter, "place": place} for place, letter in enumerate(word)]
