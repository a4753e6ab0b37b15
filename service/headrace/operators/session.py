"""Room 7: session windows over state: aggregation whose groups grow and merge.

Takes a batch's partial aggregates, one row per key and own session of an event; gives finished sessions by output mode.
Source: Spark SessionWindowStateStoreRestoreExec, MergingSessionsExec and SessionWindowStateStoreSaveExec.
"""

from __future__ import annotations

from itertools import compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.incremental.steps import AggregateSessions
from headrace.operators.aggregate import AggregateOperator
from headrace.operators.statements import Statements
from headrace.operators.touching import Bools, Int64s, merge_touching
from headrace.values import EventTime
from headrace_state import KeyCodec, RowCodec, StateBatch, distinct_keys, items_of


class SessionOperator(AggregateOperator):
    """Merges sessions that touch; is late, emits and forgets by their ends as an aggregation does.

    Complete mode forgets nothing, but drops late rows too. Source: Spark SessionWindowStateStoreRestoreExec.
    The first table has one row a session, by key and session; the second one row a key: where its sessions lie.
    """

    _spark_name = "sessionWindowStateStoreSaveExec"

    def __init__(self, step: AggregateSessions, statements: Statements) -> None:
        super().__init__(step, statements)
        self._drops_late = step.state.event_time is not None
        self._place = step.session
        self._table, self._by_group = step.state_tables
        self._kind = self._key_schema.field(step.session).type
        self._groups = KeyCodec(self._key_schema.remove(step.session))
        self._sessions = RowCodec(pa.schema([pa.field("sessions", pa.list_(self._kind))]))

    @property
    def signature(self) -> dict[str, object]:
        """That of an aggregation, and which key is the session."""
        return {**super().signature, "operator": "session", "session": self._place}

    def _merge(self, rows: pa.Table, state: StateBatch) -> pa.Table:
        if len(rows) == 0:
            return rows
        rows = rows.cast(self._schema_of_groups)  # times come in the session's time zone, those in state are UTC
        groups, owner = self._groups_of(rows)
        stored_owner, stored = self._stored_sessions(groups, state)
        every = pa.concat_arrays([stored, rows.column(self._place).combine_chunks()])
        is_new = np.arange(len(every)) >= len(stored)
        owners = np.concatenate([stored_owner, owner])
        sessions = merge_touching(owners, _us(every, "start"), _us(every, "end"), is_new)
        lie = self._structs(sessions.start, sessions.end)
        self._put_sessions(groups, sessions.owner, lie, state)
        # Of the stored sessions only those that a new row touches are read and written.
        concerned = sessions.grown[sessions.member]
        order, member = sessions.order[concerned], sessions.member[concerned]
        older_at = np.sort(order[order < len(stored)])
        first = np.unique(owner, return_index=True)[1]
        older = self._with_session(rows.take(pa.array(first[stored_owner[older_at]])), stored.take(pa.array(older_at)))
        lines = np.concatenate([older_at, np.flatnonzero(is_new)])
        parts = pa.concat_tables([self._taken_out(older, state), rows]).take(pa.array(np.searchsorted(lines, order)))
        merged = self._folded(self._with_session(parts, lie.take(pa.array(member))), member)
        keys = self._keys.encode(merged.select(self._key_schema.names))
        state.put_many(self._table, keys, self._rows.encode(merged.select(self._buffer_schema.names)))
        return merged

    def _evict(self, eviction_us: EventTime, state: StateBatch) -> tuple[pa.Table, int]:
        past, removed = super()._evict(eviction_us, state)
        if removed:
            groups, _ = self._groups_of(past)
            owner, sessions = self._stored_sessions(groups, state)
            kept = _us(sessions, "end") > eviction_us
            self._put_sessions(groups, owner[kept], sessions.filter(pa.array(kept)), state)
        return past, removed

    def _groups_of(self, rows: pa.Table) -> tuple[list[bytes], Int64s]:
        """Return the groups of rows, each once, and for each row the place of its own."""
        groups, (owner,) = distinct_keys(self._groups.encode_array(rows.select(self._groups.schema.names)))
        return items_of(groups), owner

    def _structs(self, start: Int64s, end: Int64s) -> pa.StructArray:
        columns = [pa.array(us).cast(field.type) for us, field in zip((start, end), self._kind, strict=True)]
        return pa.StructArray.from_arrays(columns, fields=list(self._kind))

    def _with_session(self, rows: pa.Table, sessions: pa.StructArray) -> pa.Table:
        return rows.set_column(self._place, self._key_schema.field(self._place), sessions)

    def _stored_sessions(self, groups: list[bytes], state: StateBatch) -> tuple[Int64s, pa.StructArray]:
        """Where the sessions of each group lie, and for each of them the place of its group."""
        values = state.get_many(self._by_group, groups)
        found = [value is not None for value in values]
        lists = self._sessions.decode([value for value in values if value is not None]).column(0)
        counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        return np.repeat(np.flatnonzero(found), counts), lists.flatten()

    def _put_sessions(self, groups: list[bytes], owner: Int64s, sessions: pa.StructArray, state: StateBatch) -> None:
        """Set where the sessions of the groups lie; sessions stand in the order of their groups."""
        counts = np.bincount(owner, minlength=len(groups))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(offsets), sessions).cast(self._sessions.schema.field(0).type)
        rows = self._sessions.encode(pa.table({"sessions": lists.filter(pa.array(counts > 0))}))
        state.put_many(self._by_group, list(compress(groups, counts > 0)), rows)
        state.delete_many(self._by_group, list(compress(groups, counts == 0)))

    def _taken_out(self, older: pa.Table, state: StateBatch) -> pa.Table:
        """Return stored sessions with their buffers; they leave the state."""
        if len(older) == 0:
            return self._schema_of_groups.empty_table()
        keys = self._keys.encode(older.select(self._key_schema.names))
        values = [value for value in state.get_many(self._table, keys) if value is not None]
        state.delete_many(self._table, keys)
        columns = [older.column(name) for name in self._key_schema.names]
        return pa.Table.from_arrays([*columns, *self._rows.decode(values).columns], schema=self._schema_of_groups)

    def _folded(self, rows: pa.Table, session: Int64s) -> pa.Table:
        """Return one row a session, merged in the order of rows; a session's rows stand together.

        Neighbours are merged pair by pair, so that there are as many rounds as the longest session has doublings.
        """
        done = []
        while True:
            opens = np.diff(session, prepend=-1) != 0
            first = np.flatnonzero(opens)
            sizes = np.diff(np.append(first, len(session)))
            is_alone = np.repeat(sizes == 1, sizes)
            done.append(rows.filter(pa.array(is_alone)))
            if is_alone.all():
                return pa.concat_tables(done)
            place = (np.arange(len(session)) - np.repeat(first, sizes))[~is_alone]
            rows, session = rows.filter(pa.array(~is_alone)), session[~is_alone]
            left = np.flatnonzero(place % 2 == 0)
            has_right = np.append(place, 0)[left + 1] % 2 == 1
            rows, session = self._pairs(rows, left, has_right), session[left]

    def _pairs(self, rows: pa.Table, left: Int64s, has_right: Bools) -> pa.Table:
        older, newer = rows.take(pa.array(left)), rows.take(pa.array(left + has_right))
        buffers = self._buffer_schema.names
        keys = older.select(self._key_schema.names)
        return self._merged(keys, newer.select(buffers), older.select(buffers).columns, has_right)


def _us(sessions: pa.StructArray, bound: str) -> Int64s:
    times: Int64s = pc.struct_field(sessions, bound).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return times
