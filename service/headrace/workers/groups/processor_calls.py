"""Workers: a StatefulProcessor, as Spark's transformWithState. Source: Spark TransformWithStateExec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.stateful import ExpiredTimerInfo, StatefulProcessor, TimeMode, TimerValues
from headrace.stateful.group_state import GroupTimes
from headrace.user_code import broken, failed
from headrace.workers.groups.code_calls import CodeCalls
from headrace.workers.groups.collected import Collected
from headrace.workers.groups.handle import Handle
from headrace.workers.groups.parts import Answered, Asked, Changes, Kind, Mark
from headrace.workers.groups.records import Records
from headrace.workers.groups.variables import Current, KeyRecord, Variable
from headrace.workers.spec import GroupSpec


@dataclass(frozen=True, slots=True)
class _Opened:
    """A processor during one batch, and what its variables work on."""

    processor: StatefulProcessor
    handle: Handle
    current: Current


class ProcessorCalls(CodeCalls):
    """Makes a processor anew for every batch in which there is something to do, as Spark does."""

    def __init__(self, spec: GroupSpec, code: Callable[..., Any]) -> None:
        super().__init__(spec, code)
        self._variables: tuple[Variable, ...] | None = None
        self._opened: _Opened | None = None

    def declared(self) -> tuple[Variable, ...]:
        """Return what a processor declares in init."""
        if self._variables is None:
            made = self._open(0)
            self._close(made)
            self._variables = tuple(made.handle.variables)
        return self._variables

    def answer(self, asked: Asked) -> Answered:
        """Call the processor once a key with rows, or once a timer or initial row; or drop what has expired."""
        records = Records(self._spec.target, self.declared())
        found = records.read(asked.stored, asked.has_state)
        timers = [record.timers for record in found]
        collected = self._collected()
        try:
            match asked.kind:
                case Kind.INITIAL:
                    self._initial(asked, found)
                case Kind.ROWS:
                    self._rows(asked, found, collected)
                case Kind.DUE:
                    self._due(asked, found, collected)
                case Kind.EXPIRED:
                    found = [records.without_expired(record, asked.times.batch_ms) for record in found]
        except BaseException:
            self.end()
            raise
        given = collected.table(self._spec.output.arrow_schema())
        changes = _changes(records, found, timers)
        return changes.answer(given, records.table(changes.rows))

    def end(self) -> None:
        """Close the processor, when it was needed."""
        made, self._opened = self._opened, None
        if made is not None:
            made.current.record = None
            self._close(made)

    def _initial(self, asked: Asked, found: Sequence[KeyRecord]) -> None:
        made, shown = self._at_work(asked.times)
        for key, rows, record in zip(self._keys(asked), self._groups(asked), found, strict=True):
            made.current.record = record
            for row in [rows] if self._spec.takes_tables else rows:
                self._tell(made.processor.handleInitialState, key, row, shown)

    def _tell(self, code: Callable[..., Any], key: tuple[Any, ...], *args: Any) -> None:
        given = self._given(code, key, *args)
        if given is not None:
            raise broken(self._spec.target, f"gave {given!r} in handleInitialState, which gives no rows; return None.")

    def _rows(self, asked: Asked, found: Sequence[KeyRecord], collected: Collected) -> None:
        made, shown = self._at_work(asked.times)
        for key, rows, record in zip(self._keys(asked), self._groups(asked), found, strict=True):
            made.current.record = record
            self._call(made.processor.handleInputRows, key, collected, rows, shown)

    def _due(self, asked: Asked, found: Sequence[KeyRecord], collected: Collected) -> None:
        made, shown = self._at_work(asked.times)
        keys = self._keys(asked)
        for time_ms, place in zip(*(column.to_pylist() for column in asked.due.columns), strict=True):
            made.current.record = record = found[place]
            # One that an earlier timer of this batch has deleted rings all the same, as in Spark 4.2.
            self._call(made.processor.handleExpiredTimer, keys[place], collected, shown, ExpiredTimerInfo(time_ms))
            record.timers = record.timers - {time_ms}
            record.is_changed = True

    def _at_work(self, times: GroupTimes) -> tuple[_Opened, TimerValues]:
        if self._opened is None:
            self._opened = self._open(times.batch_ms)
        if times.mode is TimeMode.NONE:
            return self._opened, TimerValues()
        return self._opened, TimerValues(times.batch_ms, times.watermark_ms or 0)

    def _open(self, batch_ms: int) -> _Opened:
        current = Current(batch_ms)
        handle = Handle(self._spec.target, self._spec.time_mode, current)
        try:
            processor: StatefulProcessor = self._code()
            processor.init(handle)
        except StreamError:
            raise
        except (Exception, SystemExit) as error:
            raise failed(self._spec.target, error, "init", code=self._code) from error
        handle.seal()
        return _Opened(processor, handle, current)

    def _close(self, made: _Opened) -> None:
        try:
            made.processor.close()
        except (Exception, SystemExit) as error:
            raise failed(self._spec.target, error, "close", code=self._code) from error


def _changes(records: Records, found: Sequence[KeyRecord], timers: Sequence[set[int]]) -> Changes:
    """Return what was done to the records; `timers` are those of before."""
    changes = Changes()
    for place, (record, before) in enumerate(zip(found, timers, strict=True)):
        if not record.is_changed:
            continue
        for time in before - record.timers:
            changes.mark(Mark.GONE, place, time)
        for time in record.timers - before:
            changes.mark(Mark.NEW, place, time)
        if records.is_empty(record):
            changes.mark(Mark.REMOVED, place)
            continue
        changes.put(place, record)
        first = records.first_expiry_ms(record)
        if first is not None:
            changes.mark(Mark.EXPIRES, place, first)
    return changes
