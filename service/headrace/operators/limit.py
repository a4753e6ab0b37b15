"""Room 7: LIMIT over a stream: the first rows of its whole life pass. Source: Spark StreamingGlobalLimitExec."""

from __future__ import annotations

import pyarrow as pa

from headrace.incremental.steps import LimitRows
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.values import EventTime
from headrace_state import StateBatch

_KEY = b"passed"


class LimitOperator:
    """Counts the rows that passed, in one state row."""

    def __init__(self, step: LimitRows) -> None:
        self._step = step

    @property
    def signature(self) -> dict[str, object]:
        """The limit's number may change; the kind may not."""
        return {"operator": "limit"}

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Never."""
        del watermark_us, last_us
        return False

    def run(self, rows: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return the rows that still fit."""
        del at
        stored = state.get_many(self._step.id, [_KEY])[0]
        passed = 0 if stored is None else int.from_bytes(stored, "big")
        kept = rows.slice(0, max(0, self._step.count - passed))
        if len(kept):
            state.put_many(self._step.id, [_KEY], [(passed + len(kept)).to_bytes(8, "big")])
        counts = StateCounts(self._step.id, "globalLimit", state.count(self._step.id), updated=int(len(kept) > 0))
        return kept, counts
