"""Room 7: a join of two streams over state.

Takes the new rows of both sides; gives every new pair once, and rows of an outer side alone as soon as nothing can
match them any more. Source: Spark StreamingSymmetricHashJoinExec.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.duck import quote
from headrace.incremental.steps import JoinStreams
from headrace.operators.join_side import JoinSideState, SideRows
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import Statements, inner_schema
from headrace.plan.nodes import JoinType
from headrace.values import EventTime
from headrace_state import StateBatch

_LEFT_OUTER = (JoinType.LEFT, JoinType.FULL)
_RIGHT_OUTER = (JoinType.RIGHT, JoinType.FULL)


class JoinOperator:
    """Joins new rows with new and stored rows of the other side by one statement, then stores and evicts.

    Keys match by their bytes, so that null keys match where the plan lets them in, as in Spark.
    """

    def __init__(self, step: JoinStreams, statements: Statements) -> None:
        self._step = step
        self._statements = statements
        self._output = inner_schema(step.output)
        self._left = JoinSideState(f"{step.id}.left", step.left)
        self._right = JoinSideState(f"{step.id}.right", step.right)

    @property
    def signature(self) -> dict[str, object]:
        """Join type, and types of keys and rows of both sides."""
        return {
            "operator": "join",
            "type": self._step.how.value,
            "left": self._left.signature,
            "right": self._right.signature,
        }

    def wants_batch(self, watermark_us: EventTime, last_us: EventTime) -> bool:
        """Return True when the watermark moved and rows of a side can be forgotten by it."""
        evicts = any(side.evict_offset_us is not None for side in (self._step.left, self._step.right))
        return evicts and watermark_us > last_us

    def run(self, left: pa.Table, right: pa.Table, at: Thresholds, state: StateBatch) -> tuple[pa.Table, StateCounts]:
        """Return the joined rows and counts; changes are staged in state.

        Args:
            left: New rows of the left side, as its stretch gives them.
            right: The same of the right side.
            at: The watermarks at this join.
            state: Read and staged through.
        """
        started = perf_counter()
        lefts, left_alone, left_late = self._left.admit(left, at.late_us)
        rights, right_alone, right_late = self._right.admit(right, at.late_us)
        stored_left = self._left.stored(rights.keys, state)
        stored_right = self._right.stored(lefts.keys, state)
        all_left, all_right = lefts.with_stored(stored_left), rights.with_stored(stored_right)
        here, there = self._pairs(all_left, all_right)
        emitted = [self._matched(all_left, all_right, here, there)]
        semi = self._step.how is JoinType.SEMI
        updated, taken = self._left.store(all_left, here, state, forget_matched=semi)
        updated += self._right.store(all_right, there, state, forget_matched=False)[0]
        updated_s = perf_counter() - started
        gone_left, removed_left = self._left.evict(at.eviction_us, state, unmatched=self._step.how in _LEFT_OUTER)
        gone_right, removed_right = self._right.evict(at.eviction_us, state, unmatched=self._step.how in _RIGHT_OUTER)
        if self._step.how in _LEFT_OUTER:
            emitted += [self._alone(left_alone), self._alone(gone_left)]
        if self._step.how in _RIGHT_OUTER:
            emitted += [self._alone(right_alone), self._alone(gone_right)]
        counts = StateCounts(
            self._step.id,
            "symmetricHashJoin",
            total=sum(state.count(table) for table in self._step.state_tables if not table.endswith(".times")),
            updated=updated,
            removed=taken + removed_left + removed_right,
            dropped_late=left_late + right_late,
            update_s=updated_s,
            removal_s=perf_counter() - started - updated_s,
        )
        return pa.concat_tables(emitted), counts

    def _pairs(self, left: SideRows, right: SideRows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        if len(left.keys) == 0 or len(right.keys) == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        groups = {key: place for place, key in enumerate(dict.fromkeys(left.keys))}
        lefts, rights = f"{self._step.id}.left", f"{self._step.id}.right"
        sql = (
            f"SELECT lplace, rplace FROM {quote(lefts)} JOIN {quote(rights)}"
            f" ON lgroup = rgroup AND (lnew OR rnew) AND ({self._step.condition}) ORDER BY lplace, rplace"
        )
        relations = {lefts: left.relation("l", groups), rights: right.relation("r", groups)}
        found = self._statements.run(sql, relations)
        return found.column(0).to_numpy(), found.column(1).to_numpy()

    def _matched(
        self, left: SideRows, right: SideRows, here: npt.NDArray[np.int64], there: npt.NDArray[np.int64]
    ) -> pa.Table:
        if self._step.how is JoinType.SEMI:
            return left.rows.take(pa.array(np.unique(here))).select(self._output.names)
        columns = [*left.rows.take(pa.array(here)).columns, *right.rows.take(pa.array(there)).columns]
        return pa.Table.from_arrays(columns, schema=self._output)

    def _alone(self, rows: pa.Table) -> pa.Table:
        own = set(rows.column_names)
        columns = [rows.column(f.name) if f.name in own else pa.nulls(len(rows), f.type) for f in self._output]
        return pa.Table.from_arrays(columns, schema=self._output)
