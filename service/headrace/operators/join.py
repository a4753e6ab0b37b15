"""Room 7: a join of two streams over state.

Takes the new rows of both sides; gives every new pair once, and rows of an outer side alone as soon as nothing can
match them any more. Source: Spark StreamingSymmetricHashJoinExec.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.duck import quote
from headrace.incremental.steps import JoinSide, JoinStreams
from headrace.operators.joins.arrivals import Gate
from headrace.operators.joins.entries import JoinState, Sides
from headrace.operators.joins.expiry import ExpiryIndex
from headrace.operators.joins.packed import EVICT_US, MATCHED, Bools, Int64s, SideEntries, SideRows, distinct, slots
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import Statements, inner_schema
from headrace.plan.nodes import JoinType
from headrace.values import EventTime
from headrace_state import StateBatch, distinct_keys

_OUTER = ((JoinType.LEFT, JoinType.FULL), (JoinType.RIGHT, JoinType.FULL))
_LAYOUT = "rows packed by key"


class JoinOperator:
    """Joins new rows with new and stored rows of the other side, then stores and evicts.

    Keys match by their bytes, so that null keys match where the plan lets them in, as in Spark.
    """

    def __init__(self, step: JoinStreams, statements: Statements) -> None:
        self._step = step
        self._statements = statements
        self._output = inner_schema(step.output)
        self._sides = (step.left, step.right)
        self._outer = tuple(step.how in kinds for kinds in _OUTER)
        self._gates = tuple(Gate(side) for side in self._sides)
        self._state = JoinState(step)
        self._expiry = tuple(ExpiryIndex(table) for table in step.state_tables[2:])

    @property
    def signature(self) -> dict[str, object]:
        """Join type, layout of the state, and types of keys and rows of both sides."""
        found: dict[str, object] = {"operator": "join", "type": self._step.how.value, "layout": _LAYOUT}
        for name, side, gate, packed in zip(
            ("left", "right"), self._sides, self._gates, self._state.sides, strict=True
        ):
            evicts = side.evict_offset_us is not None
            found[name] = {"keys": gate.signature, "rows": packed.signature, "evicts": evicts}
        return found

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved and rows of a side can be forgotten by it."""
        return any(side.evict_offset_us is not None for side in self._sides) and watermark_us > last_us

    def run(self, left: pa.Table, right: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return the joined rows and counts; changes are staged in state.

        Args:
            left: New rows of the left side, as its stretch gives them.
            right: The same of the right side.
            at: The watermarks at this join.
            state: Read and staged through.
        """
        started = perf_counter()
        new = tuple(gate.admit(rows, at.late_us) for gate, rows in zip(self._gates, (left, right), strict=True))
        keys, groups = distinct_keys(new[0].keys, new[1].keys)
        stored = self._state.read(keys, state)
        every = tuple(
            entries.rows.with_more(SideRows(some.rows, slots(group, entries.open[group])))
            for some, entries, group in zip(new, stored, groups, strict=True)
        )
        here, there = self._pairs(every, (len(stored[0].rows.slot), len(stored[1].rows.slot)))
        emitted = [self._matched(every, here, there)]
        marks = self._marks(every, stored, (here, there), at.eviction_us)
        updated, taken = self._store(keys, stored, every, marks, state)
        updated_s = perf_counter() - started
        gone, removed = self._evict(at.eviction_us, state)
        for is_outer, some, alone in zip(self._outer, new, gone, strict=True):
            emitted += [self._alone(some.alone), self._alone(alone)] if is_outer else []
        counts = StateCounts(
            self._step.id,
            "symmetricHashJoin",
            total=self._state.total(state, updated - taken - removed),
            updated=updated,
            removed=taken + removed,
            dropped_late=new[0].late + new[1].late,
            update_s=updated_s,
            removal_s=perf_counter() - started - updated_s,
        )
        return pa.concat_tables(emitted), counts

    def _pairs(self, sides: tuple[SideRows, ...], old: tuple[int, int]) -> tuple[Int64s, Int64s]:
        """Return the places of matching rows of which at least one is new; `old` rows of each side are not."""
        left, right = (np.arange(len(side.slot)) for side in sides)
        found = [
            self._pairs_among(sides, left[old[0] :], right),
            self._pairs_among(sides, left[: old[0]], right[old[1] :]),
        ]
        here, there = (np.concatenate(places) for places in zip(*found, strict=True))
        order = np.lexsort((there, here))
        return here[order], there[order]

    def _pairs_among(self, sides: tuple[SideRows, ...], left: Int64s, right: Int64s) -> tuple[Int64s, Int64s]:
        left_group, right_group = sides[0].group[left], sides[1].group[right]
        # Most keys have rows on one side only; DuckDB need not see those.
        left, right = left[_is_in(left_group, right_group)], right[_is_in(right_group, left_group)]
        if len(left) == 0:
            return left, right
        names = [f"{self._step.id}.{name}" for name in ("left", "right")]
        relations = {
            name: _relation(rows, places, prefix)
            for name, rows, places, prefix in zip(names, sides, (left, right), "lr", strict=True)
        }
        sql = (
            f"SELECT lplace, rplace FROM {quote(names[0])} JOIN {quote(names[1])}"
            f" ON lgroup = rgroup AND ({self._step.condition})"
        )
        found = self._statements.run(sql, relations)
        return found.column(0).to_numpy(), found.column(1).to_numpy()

    def _matched(self, sides: tuple[SideRows, ...], here: Int64s, there: Int64s) -> pa.Table:
        left, right = (_own_columns(side.table) for side in sides)
        if self._step.how is JoinType.SEMI:
            return left.take(pa.array(distinct(here))).select(self._output.names)
        columns = [*left.take(pa.array(here)).columns, *right.take(pa.array(there)).columns]
        return pa.Table.from_arrays(columns, schema=self._output)

    def _marks(
        self, every: Sequence[SideRows], stored: Sequence[SideEntries], pairs: Sequence[Int64s], eviction_us: int
    ) -> list[tuple[Bools, Bools]]:
        """Return by side which rows match in this batch, and which are not to be kept.

        Left rows of a semi join leave the state when they match, or never enter it. Right rows that nothing can match
        any more have met all left ones by now; they are kept only where they may yet come out alone.
        """
        matched = []
        for rows, places in zip(every, pairs, strict=True):
            flags = np.zeros(len(rows.slot), np.bool_)
            flags[places] = True
            matched.append(flags)
        gone = matched[0] if self._step.how is JoinType.SEMI else np.zeros(len(matched[0]), np.bool_)
        past = np.zeros(len(matched[1]), np.bool_)
        if not self._outer[1]:
            past = _is_past(every[1].table, eviction_us, self._sides[1])
            past[: len(stored[1].rows.slot)] = False
        return [(matched[0], gone), (matched[1], past)]

    def _store(
        self,
        keys: pa.LargeBinaryArray,
        stored: Sides,
        every: Sequence[SideRows],
        marks: Sequence[tuple[Bools, Bools]],
        state: StateBatch,
    ) -> tuple[int, int]:
        """Stage new rows and new matches; return how many rows were put, and how many stored ones taken away."""
        after, changed, put, taken = [], [], 0, 0
        for place, (entries, rows, (matches, gone)) in enumerate(zip(stored, every, marks, strict=True)):
            is_new = np.arange(len(rows.slot)) >= len(entries.rows.slot)
            rows, is_marked = _marked(rows, matches) if self._outer[place] else (rows, gone)
            changed.append(distinct(rows.slot[(is_new & ~gone) | (~is_new & (is_marked | gone))]))
            put, taken = put + int((is_new & ~gone).sum()), taken + int((gone & ~is_new).sum())
            self._note_times(place, keys, rows.take(np.flatnonzero(is_new & ~gone)), state)
            kept = rows.take(~gone) if gone.any() else rows
            after.append(SideEntries(kept, entries.open, entries.closed))
        self._state.write(keys, (after[0], after[1]), changed, state)
        return put, taken

    def _note_times(self, place: int, keys: pa.LargeBinaryArray, rows: SideRows, state: StateBatch) -> None:
        if self._sides[place].evict_offset_us is None:
            return
        times = rows.table.column(EVICT_US).combine_chunks()
        known = np.flatnonzero(times.is_valid().to_numpy(zero_copy_only=False))
        kept = times.take(pa.array(known)).to_numpy()
        self._expiry[place].add(kept, keys.take(pa.array(rows.group[known])), rows.chunk[known], state)

    def _evict(self, watermark_us: int, state: StateBatch) -> tuple[tuple[pa.Table, ...], int]:
        """Forget the rows that nothing can match any more; return those that never matched by side, and how many went.

        Args:
            watermark_us: The eviction watermark at this join.
            state: Staged through.
        """
        past = [
            index.take_past(None if side.evict_offset_us is None else watermark_us + side.evict_offset_us, state)
            for index, side in zip(self._expiry, self._sides, strict=True)
        ]
        keys, groups = distinct_keys(past[0][0], past[1][0])
        if len(keys) == 0:
            return tuple(side.schema.empty_table() for side in self._state.sides), 0
        wanted = [slots(group, chunks) for group, (_, chunks) in zip(groups, past, strict=True)]
        stored = self._state.read(keys, state, wanted)
        after, changed, gone = [], [], []
        for entries, side in zip(stored, self._sides, strict=True):
            is_past = _is_past(entries.rows.table, watermark_us, side)
            after.append(SideEntries(entries.rows.take(~is_past), entries.open, entries.closed))
            changed.append(distinct(entries.rows.slot[is_past]))
            gone.append(entries.rows.table.filter(pa.array(is_past)))
        self._state.write(keys, (after[0], after[1]), changed, state)
        return tuple(rows.filter(pc.invert(rows.column(MATCHED))) for rows in gone), sum(map(len, gone))

    def _alone(self, rows: pa.Table) -> pa.Table:
        own = set(rows.column_names)
        columns = [rows.column(f.name) if f.name in own else pa.nulls(len(rows), f.type) for f in self._output]
        return pa.Table.from_arrays(columns, schema=self._output)


def _is_in(values: Int64s, others: Int64s) -> Bools:
    """Tell which small numbers occur among others."""
    occurs = np.zeros(max(values.max(initial=-1), others.max(initial=-1)) + 1, np.bool_)
    occurs[others] = True
    found: Bools = occurs[values]
    return found


def _relation(rows: SideRows, places: Int64s, prefix: str) -> pa.Table:
    """Return rows with the number of their key and their place."""
    own = _own_columns(rows.table).take(pa.array(places))
    extra = {f"{prefix}group": pa.array(rows.group[places]), f"{prefix}place": pa.array(places)}
    return pa.Table.from_arrays([*own.columns, *extra.values()], names=[*own.column_names, *extra])


def _own_columns(table: pa.Table) -> pa.Table:
    return table.drop_columns([MATCHED, EVICT_US])


def _marked(rows: SideRows, flags: Bools) -> tuple[SideRows, Bools]:
    """Return rows that are marked where they match now, and which of them never did before."""
    before = rows.table.column(MATCHED).to_numpy()
    table = rows.table.set_column(0, MATCHED, pa.array(before | flags))
    return SideRows(table, rows.slot), flags & ~before


def _is_past(rows: pa.Table, watermark_us: int, side: JoinSide) -> Bools:
    if side.evict_offset_us is None:
        return np.zeros(len(rows), np.bool_)
    is_past = pc.less_equal(rows.column(EVICT_US), pa.scalar(watermark_us + side.evict_offset_us, pa.int64()))
    found: Bools = pc.fill_null(is_past, False).to_numpy()
    return found
