"""Room 7: the records of the sources that a batch left out by their time.

Takes what the steps of a batch did and the batch's rows; gives, by step, how many records were late, and, by source,
which records go to dead letters and why. Costs nothing in a batch that left nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.dataclass import dataclass
from headrace.incremental.record_plan import RECORD_NUMBER
from headrace.incremental.traces import Guarded, Trace
from headrace.operators.run import StepRunner, StepsResult
from headrace.operators.stateful import Thresholds
from headrace.operators.statements import Statements
from headrace.operators.watermark import event_time_us
from headrace.plan.nodes import Watermark
from headrace.values import US_PER_MS, iso_millis
from headrace_state import StateBatch

_NEVER_LATE = (1 << 63) - 1
_SOURCE_SHIFT = 40  # a batch has fewer than 2**40 records of one source


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Late records by step, for steps that are watched; reasons by source and by place among the batch's rows."""

    late: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What a batch ran on: rows by source, static tables, its times and a view of state."""

    sources: Mapping[str, pa.Table]
    tables: Mapping[str, pa.Table]
    at: Thresholds
    state: StateBatch


class RecordTracer:
    """Runs the traces of one query, those that a batch asks for.

    Args:
        guarded: What to watch.
        statements: The query's session.
        sources: Names of its sources.
    """

    def __init__(self, guarded: Guarded, statements: Statements, sources: Sequence[str]) -> None:
        self._guarded = guarded
        self._sources = tuple(sources)
        self._runners = {
            id(trace): StepRunner(trace.steps, statements)
            for trace in (*guarded.late, *guarded.future)
            if trace.steps is not None
        }

    def left_out(self, result: StepsResult, batch: BatchRows) -> LeftOut:
        """Return the records that the batch left out.

        A record is late at a step when every row that it became was; it has one reason, however many steps dropped it.
        """
        dropped = {counts.step: counts.dropped_late for counts in result.counts}
        late = {trace.step: 0 for trace in self._guarded.late if trace.steps is not None}
        reasons: dict[str, dict[int, str]] = {}
        for trace in self._guarded.late:
            if trace.steps is not None and dropped.get(trace.step):
                records, times = self._judged(trace, batch, latest=True)
                gone = times <= batch.at.late_us
                late[trace.step] += int(gone.sum())
                why = f"is at or before the watermark {iso_millis(batch.at.late_us)}"
                self._note(reasons, self._guarded.late_letters, zip(records[gone], times[gone], strict=True), why)
        for trace in self._guarded.future:
            if trace.steps is not None and result.ahead.get(trace.step) and self._guarded.future_letters:
                records, times = self._judged(trace, batch, latest=False)
                ahead = times > batch.at.batch_time_us + _skew_us(trace)
                why = f"is more than {_skew_us(trace) // US_PER_MS} ms ahead of {iso_millis(batch.at.batch_time_us)}"
                self._note(reasons, self._guarded.future_letters, zip(records[ahead], times[ahead], strict=True), why)
        return LeftOut(late, reasons)

    def _judged(self, trace: Trace, batch: BatchRows, *, latest: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return each record once with its latest time in µs, or its earliest; a null time is never left out."""
        rows = self._runners[id(trace)].run(self._numbered(batch.sources), batch.tables, batch.at, batch.state).rows
        times = pc.fill_null(event_time_us(rows.column(1)), _NEVER_LATE if latest else 0)
        kind = "max" if latest else "min"
        found = pa.table({"record": rows.column(0), "time": times}).group_by("record").aggregate([("time", kind)])
        found = found.sort_by("record")
        return found.column("record").to_numpy(), found.column(f"time_{kind}").to_numpy()

    def _numbered(self, sources: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        tables = {}
        for place, name in enumerate(self._sources):
            rows = sources[name]
            numbers = np.arange(len(rows), dtype=np.int64) + (place << _SOURCE_SHIFT)
            tables[name] = rows.append_column(RECORD_NUMBER, pa.array(numbers))
        return tables

    def _note(
        self,
        reasons: dict[str, dict[int, str]],
        letters: frozenset[str],
        records: Iterator[tuple[np.int64, np.int64]],
        why: str,
    ) -> None:
        for number, time_us in records:
            source = self._sources[int(number) >> _SOURCE_SHIFT]
            if source in letters:
                place = int(number) & ((1 << _SOURCE_SHIFT) - 1)
                reasons.setdefault(source, {}).setdefault(place, f"the event time {iso_millis(int(time_us))} {why}")


def _skew_us(trace: Trace) -> int:
    return (trace.node.guard.max_future_skew_us or 0) if isinstance(trace.node, Watermark) else 0
