"""Room 7: a batch's rows by key, for code that is called once a key.

Takes rows in order of arrival; gives each key's bytes and its rows, in order of first appearance, some keys at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from headrace.dataclass import dataclass
from headrace_state import KeyCodec

ROWS_AT_ONCE = 50_000
"""How many rows are handed over together, to bound what two processes hold of them; a key's rows are not torn apart."""


@dataclass(frozen=True, slots=True)
class KeyedPart:
    """Some keys of a batch: their bytes, the number of rows of each, and those rows, the keys' one after the other."""

    keys: list[bytes]
    sizes: list[int]
    rows: pa.Table


class KeyedRows:
    """The rows of one batch by key.

    Args:
        rows: Under their visible names.
        keys: The key columns of the same rows.
        codec: Encodes them.
    """

    def __init__(self, rows: pa.Table, keys: pa.Table, codec: KeyCodec) -> None:
        encoded = codec.encode(keys)
        codes = pa.array(encoded, pa.large_binary()).dictionary_encode().indices.to_numpy()
        self._order = np.argsort(codes, kind="stable")
        self.keys: list[bytes] = list(dict.fromkeys(encoded))
        self._sizes = np.bincount(codes, minlength=len(self.keys)) if encoded else np.zeros(0, np.int64)
        self._rows = rows

    def parts(self, rows_at_once: int = ROWS_AT_ONCE) -> Iterator[KeyedPart]:
        """Yield the keys in turn, so many rows and keys at once, but at least one key."""
        ends = np.cumsum(self._sizes)
        start = first = 0
        while first < len(self.keys):
            last = max(int(np.searchsorted(ends, start + rows_at_once, side="right")), first + 1)
            end = int(ends[last - 1])
            rows = self._rows.take(pa.array(self._order[start:end])).combine_chunks()
            yield KeyedPart(self.keys[first:last], self._sizes[first:last].tolist(), rows)
            start, first = end, last
