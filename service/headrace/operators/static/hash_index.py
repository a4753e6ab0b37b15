"""Room 7: the rows of a table by a 64-bit hash of their keys.

Takes hashes in the order of the rows; gives row numbers. Twelve bytes a row; a look-up is a binary search.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Rows = npt.NDArray[np.int64]


class HashIndex:
    """Finds rows by hash; a row whose hash is null is found by nothing."""

    def __init__(self, hashes: pa.ChunkedArray) -> None:
        values = _known(hashes)
        rows = np.flatnonzero(pc.is_valid(hashes).to_numpy())
        order = np.argsort(values, kind="stable")
        self._hashes = values[order]
        self._rows = rows[order].astype(np.uint32 if len(hashes) < 1 << 32 else np.uint64)

    def rows(self, wanted: pa.ChunkedArray) -> Rows:
        """Return the numbers of all rows with one of these hashes, in the order of the table."""
        hashes = np.unique(_known(wanted))
        first = np.searchsorted(self._hashes, hashes, side="left")
        counts = np.searchsorted(self._hashes, hashes, side="right") - first
        before = np.cumsum(counts) - counts
        places = np.repeat(first - before, counts) + np.arange(counts.sum())
        return np.sort(self._rows[places].astype(np.int64))


def _known(hashes: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    known: npt.NDArray[np.uint64] = hashes.drop_null().to_numpy()
    return known
