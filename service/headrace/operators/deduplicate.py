"""Room 7: dropDuplicates over a stream: the first row of each key passes.

Takes a batch's rows in order of arrival; gives those whose key was not seen before. Source: Spark
StreamingDeduplicateExec and StreamingDeduplicateWithinWatermarkExec.
"""

from __future__ import annotations

from itertools import compress
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.incremental.render import column_name
from headrace.incremental.steps import DropDuplicates
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import inner_schema
from headrace.operators.watermark import event_time_us
from headrace.values import EventTime
from headrace_state import KeyCodec, RowCodec, StateBatch

_SEEN = b"\x01"


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
        self._expiry = KeyCodec(pa.schema([pa.field("expires", pa.int64()), *schema]), 0)
        self._expires = RowCodec(pa.schema([pa.field("expires", pa.int64())]))

    @property
    def signature(self) -> dict[str, object]:
        """Names and types of the keys and whether they expire; the delay may change."""
        names = [key.name for key in self._step.keys]
        return {"operator": self._spark_name, "columns": names, "keys": self._keys.signature}

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
            update_s=updated_s,
            removal_s=perf_counter() - started - updated_s,
        )
        return fresh, counts

    def _on_time(self, rows: pa.Table, late_us: EventTime) -> pa.Table:
        if self._step.event_time is None or len(rows) == 0:
            return rows
        times = event_time_us(rows.column(column_name(self._step.event_time)))
        return rows.filter(pc.fill_null(pc.greater(times, late_us), True))

    def _fresh(self, rows: pa.Table, state: StateBatch) -> pa.Table:
        if len(rows) == 0:
            return rows
        encoded = self._keys.encode(rows.select(self._keys.schema.names))
        codes = pa.array(encoded, pa.large_binary()).dictionary_encode().indices.to_numpy()
        # Codes are given in order of appearance, so these are the places of first rows, ascending.
        first = np.unique(codes, return_index=True)[1]
        keys = list(dict.fromkeys(encoded))
        unseen = [value is None for value in state.get_many(self._step.id, keys)]
        fresh = rows.take(pa.array(first[np.array(unseen)]))
        self._remember(list(compress(keys, unseen)), fresh, state)
        return fresh

    def _remember(self, keys: list[bytes], rows: pa.Table, state: StateBatch) -> None:
        if self._step.delay_us is None or self._step.event_time is None:
            state.put_many(self._step.id, keys, [_SEEN] * len(keys))
            return
        times = event_time_us(rows.column(column_name(self._step.event_time)))
        expires = pc.add(pc.fill_null(times, 0), self._step.delay_us)
        state.put_many(self._step.id, keys, self._expires.encode(pa.table({"expires": expires})))
        by_expiry = rows.select(self._keys.schema.names).add_column(0, "expires", expires)
        state.put_many(self._step.state_tables[1], self._expiry.encode(by_expiry), keys)

    def _evict(self, eviction_us: EventTime, state: StateBatch) -> int:
        if self._step.delay_us is not None:
            by_expiry, past = _scanned(state, self._step.state_tables[1], self._expiry.upto(eviction_us))
            state.delete_many(self._step.state_tables[1], by_expiry)
        elif self._keys.order_by is not None:
            past, _ = _scanned(state, self._step.id, self._keys.upto(eviction_us))
        else:
            past = []
        state.delete_many(self._step.id, past)
        return len(past)


def _scanned(state: StateBatch, table: str, within: tuple[bytes, bytes]) -> tuple[list[bytes], list[bytes]]:
    keys: list[bytes] = []
    values: list[bytes] = []
    for some_keys, some_values in state.scan(table, *within):
        keys += some_keys
        values += some_values
    return keys, values
