"""Room 7: new rows of one side of a stream join.

Takes what the side's stretch gives: its columns, join keys and marks. Gives the rows that may match with their keys,
those that cannot, and how many were late.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.dataclass import dataclass
from headrace.incremental.steps import JoinSide
from headrace.operators.joins.packed import EVICT_US, MATCHED
from headrace.operators.statements import conform, inner_schema
from headrace.operators.watermark import without_late
from headrace_state import KeyCodec


@dataclass(frozen=True, slots=True)
class Arrivals:
    """New rows of one side.

    Attributes:
        rows: Rows that may match: `matched`, which is false, `evict_us`, then the side's columns.
        keys: Their join keys, a binary array.
        alone: Rows on time that fail the side's own conditions: its columns.
        late: How many rows were late.
    """

    rows: pa.Table
    keys: pa.LargeBinaryArray
    alone: pa.Table
    late: int


class Gate:
    """Lets the rows of one side in."""

    def __init__(self, side: JoinSide) -> None:
        self._columns = inner_schema(side.columns)
        keys = pa.schema([pa.field(f"k{i}", kind.arrow()) for i, kind in enumerate(side.keys)])
        marks = [("passes", pa.bool_()), ("late_us", pa.int64()), (EVICT_US, pa.int64())]
        self._given = pa.schema([*self._columns, *keys, *(pa.field(name, kind) for name, kind in marks)])
        self._keys = KeyCodec(keys)

    @property
    def signature(self) -> str:
        """Types of the keys."""
        return self._keys.signature

    def admit(self, given: pa.Table, late_us: int) -> Arrivals:
        """Return the new rows by what becomes of them; rows at or before the watermark `late_us` are late."""
        table = conform(given, self._given)
        on_time = without_late(table, table.column("late_us"), late_us)
        passes = pc.fill_null(on_time.column("passes"), False)
        kept, failed = _where(on_time, passes), _where(on_time, pc.invert(passes))
        names = self._columns.names
        matched = pa.array(np.zeros(len(kept), np.bool_))
        rows = kept.select([EVICT_US, *names]).add_column(0, MATCHED, matched)
        keys = self._keys.encode_array(kept.select(self._keys.schema.names))
        return Arrivals(rows, keys, failed.select(names), len(table) - len(on_time))


def _where(table: pa.Table, mask: pa.ChunkedArray) -> pa.Table:
    kept = pc.sum(mask).as_py() or 0
    return table if kept == len(table) else table.filter(mask)
