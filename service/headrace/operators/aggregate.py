"""Room 7: grouped aggregation over state.

Takes a batch's partial aggregates (one row a group); merges them with the stored buffers by one multi-get and gives
rows by output mode. Source: Spark StateStoreRestoreExec and StateStoreSaveExec.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.duck import quote
from headrace.incremental.steps import AggregateGroups
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import Statements, conform
from headrace.operators.watermark import event_time_us, without_late
from headrace.types import DataType
from headrace.values import EventTime
from headrace_state import KeyCodec, RowCodec, StateBatch, items_of


class AggregateOperator:
    """Merges partial aggregates into state and emits by output mode.

    append: groups whose window or time is at or before the eviction watermark, once, then forgotten. update: every
    group the batch touched, changed or not; groups past the watermark are then forgotten silently. complete: all
    groups, none is late and none is forgotten.
    """

    _spark_name = "stateStoreSave"

    def __init__(self, step: AggregateGroups, statements: Statements) -> None:
        self._step = step
        self._statements = statements
        self._key_schema = _schema("k", step.state.keys)
        self._buffer_schema = _schema("b", step.state.values)
        self._keys = KeyCodec(self._key_schema, step.state.event_time)
        self._rows = RowCodec(self._buffer_schema)
        self._evicts = step.state.event_time is not None and step.mode != "complete"
        self._drops_late = self._evicts

    @property
    def signature(self) -> dict[str, object]:
        """What the keys are, types of keys and buffers, and the functions; names of results may change."""
        return {
            "operator": "aggregate",
            "grouping": list(self._step.grouping),
            "keys": self._keys.signature,
            "buffers": self._rows.signature,
            "functions": list(self._step.functions),
        }

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved, except in complete mode."""
        return self._step.mode != "complete" and watermark_us > last_us

    def run(self, rows: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Merge, emit and evict; see the class."""
        started = perf_counter()
        kept, dropped = self._drop_late(rows, at.late_us)
        merged = self._merge(kept, state)
        updated_s = perf_counter() - started
        if self._step.mode == "update":
            emitted, removed = merged, self._evict(at.eviction_us, state)[1]
        elif self._step.mode == "append":
            emitted, removed = self._evict(at.eviction_us, state)
        else:
            emitted, removed = self._stored(state, None, None)[0], 0
        counts = StateCounts(
            self._step.id,
            self._spark_name,
            total=state.count(self._step.id),
            updated=len(merged),
            removed=removed,
            dropped_late=dropped,
            update_s=updated_s,
            removal_s=perf_counter() - started - updated_s,
        )
        return self._given(emitted), counts

    def _drop_late(self, rows: pa.Table, late_us: EventTime) -> tuple[pa.Table, int]:
        if not self._drops_late or len(rows) == 0:
            return rows, 0
        kept = without_late(rows, event_time_us(rows.column(self._step.state.event_time)), late_us)
        return kept, len(rows) - len(kept)

    def _merge(self, rows: pa.Table, state: StateBatch) -> pa.Table:
        if len(rows) == 0:
            return rows
        encoded = self._keys.encode_array(rows.select(self._key_schema.names))
        # RocksDB reads and writes keys in order twice as fast as in any other.
        order = pc.sort_indices(encoded)
        rows, keys = rows.take(order), items_of(encoded.take(order))
        stored = state.get_many(self._step.id, keys)
        found = np.fromiter((value is not None for value in stored), np.bool_, len(stored))
        if found.any():
            rows = self._merge_found(rows, stored, found)
        state.put_many(self._step.id, keys, self._rows.encode(rows.select(self._buffer_schema.names)))
        return rows

    def _merge_found(self, rows: pa.Table, stored: list[bytes | None], found: np.ndarray) -> pa.Table:
        older = self._rows.decode([value for value in stored if value is not None])
        place = pa.array(np.cumsum(found) - 1, mask=~found)
        keys, newer = rows.select(self._key_schema.names), rows.select(self._buffer_schema.names)
        return self._merged(keys, newer, [column.take(place) for column in older.columns], found)

    def _merged(self, keys: pa.Table, newer: pa.Table, older: Sequence[pa.Array], found: np.ndarray) -> pa.Table:
        """Return a row for each of the keys: the newer buffers, merged with the older ones where those were found."""
        columns = dict(zip(keys.column_names, keys.columns, strict=True))
        columns |= {f"n{i}": column for i, column in enumerate(newer.columns)}
        columns |= {f"s{i}": column for i, column in enumerate(older)}
        columns["found"] = pa.array(found)
        name = f"{self._step.id}.merging"
        statement = f"SELECT {self._step.merge} FROM {quote(name)}"
        return self._statements.run(statement, {name: pa.table(columns)}, self._schema_of_groups)

    @property
    def _schema_of_groups(self) -> pa.Schema:
        return pa.schema([*self._key_schema, *self._buffer_schema])

    def _evict(self, eviction_us: EventTime, state: StateBatch) -> tuple[pa.Table, int]:
        if not self._evicts:
            return self._schema_of_groups.empty_table(), 0
        groups, keys = self._stored(state, *self._keys.upto(eviction_us))
        if keys:
            state.delete_many(self._step.id, keys)
        return groups, len(keys)

    def _stored(self, state: StateBatch, start: bytes | None, end: bytes | None) -> tuple[pa.Table, list[bytes]]:
        keys: list[bytes] = []
        values: list[bytes] = []
        for some_keys, some_values in state.scan(self._step.id, start, end):
            keys += some_keys
            values += some_values
        if not keys:
            return self._schema_of_groups.empty_table(), keys
        by_key, buffers = self._keys.decode(keys), self._rows.decode(values)
        columns = [*by_key.columns, *buffers.columns]
        return pa.Table.from_arrays(columns, schema=self._schema_of_groups), keys

    def _given(self, groups: pa.Table) -> pa.Table:
        """Return groups with exactly their schema; a table of no columns would not know how many there are."""
        if not self._schema_of_groups.names:
            return pa.table({"none": pa.nulls(len(groups))})
        return conform(groups, self._schema_of_groups) if len(groups) else self._schema_of_groups.empty_table()


def _schema(prefix: str, types: tuple[DataType, ...]) -> pa.Schema:
    return pa.schema([pa.field(f"{prefix}{i}", kind.arrow()) for i, kind in enumerate(types)])
