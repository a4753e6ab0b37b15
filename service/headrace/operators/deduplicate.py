"""Room 7: dropDuplicates over a stream: the first row of each key passes.

Takes a batch's rows in order of arrival; gives those whose key was not seen before. Source: Spark
StreamingDeduplicateExec and StreamingDeduplicateWithinWatermarkExec.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.incremental.render import column_name
from headrace.incremental.steps import DropDuplicates
from headrace.operators.joins.expiry import ExpiryIndex
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import inner_schema
from headrace.operators.watermark import event_time_us, without_late
from headrace.values import EventTime
from headrace_state import KeyCodec, StateBatch, distinct_keys, items_of

_SEEN = b"\x01"
_LAYOUT = "times of expiry in pieces"


class DeduplicateOperator:
    """Remembers keys; a key within the watermark expires its delay after the time of its first row.

    Rows at or before the late threshold are dropped and counted; a null time is never late. A key whose event time is
    null is kept for ever, except within the watermark, where null counts as the epoch, as in Spark.
    """

    def __init__(self, step: DropDuplicates) -> None:
        self._step = step
        schema = inner_schema(step.keys)
        times = [] if step.event_time is None else [i for i, key in enumerate(step.keys) if key == step.event_time]
        order = times[0] if times and step.delay_us is None else None
        self._keys = KeyCodec(schema, order)
        self._expiry = None if step.delay_us is None else ExpiryIndex(step.state_tables[1])

    @property
    def signature(self) -> dict[str, object]:
        """Names and types of the keys and whether they expire; the delay may change."""
        names = [key.name for key in self._step.keys]
        found: dict[str, object] = {"operator": self._spark_name, "columns": names, "keys": self._keys.signature}
        return found if self._expiry is None else {**found, "layout": _LAYOUT}

    @property
    def _spark_name(self) -> str:
        return "dedupe" if self._step.delay_us is None else "dedupeWithinWatermark"

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved."""
        return watermark_us > last_us

    def run(self, rows: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return the rows with new keys, in order of arrival, and forget keys that are past."""
        started = perf_counter()
        on_time = self._on_time(rows, at.late_us)
        fresh = self._fresh(on_time, state)
        updated_s = perf_counter() - started
        removed = self._evict(at.eviction_us, state)
        counts = StateCounts(
            self._step.id,
            self._spark_name,
            total=state.count(self._step.id),
            updated=len(fresh),
            removed=removed,
            dropped_late=len(rows) - len(on_time),
            dropped_duplicates=len(on_time) - len(fresh),
            update_s=updated_s,
            removal_s=perf_counter() - started - updated_s,
        )
        return fresh, counts

    def _on_time(self, rows: pa.Table, late_us: EventTime) -> pa.Table:
        if self._step.event_time is None or len(rows) == 0:
            return rows
        return without_late(rows, event_time_us(rows.column(column_name(self._step.event_time))), late_us)

    def _fresh(self, rows: pa.Table, state: StateBatch) -> pa.Table:
        if len(rows) == 0:
            return rows
        keys, (place,) = distinct_keys(self._keys.encode_array(rows.select(self._keys.schema.names)))
        first = np.empty(len(keys), np.int64)
        first[place[::-1]] = np.arange(len(rows))[::-1]  # the last one written is the first row of a key
        stored = state.get_many(self._step.id, items_of(keys))
        unseen = np.fromiter((value is None for value in stored), np.bool_, len(stored))
        self._remember(keys.filter(pa.array(unseen)), rows.take(pa.array(first[unseen])), state)
        return rows.take(pa.array(np.sort(first[unseen])))

    def _remember(self, keys: pa.LargeBinaryArray, rows: pa.Table, state: StateBatch) -> None:
        state.put_many(self._step.id, items_of(keys), [_SEEN] * len(keys))
        if self._expiry is not None and self._step.event_time is not None and self._step.delay_us is not None:
            times = event_time_us(rows.column(column_name(self._step.event_time)))
            expires = pc.fill_null(times, 0).to_numpy() + self._step.delay_us
            self._expiry.add(expires, keys, np.zeros(len(keys), np.int64), state)

    def _evict(self, eviction_us: EventTime, state: StateBatch) -> int:
        past: list[bytes] = []
        if self._expiry is not None:
            past = items_of(self._expiry.take_past(eviction_us, state)[0])
        elif self._keys.order_by is not None:
            for keys, _ in state.scan(self._step.id, *self._keys.upto(eviction_us)):
                past += keys
        state.delete_many(self._step.id, past)
        return len(past)
