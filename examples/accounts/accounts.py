"""Python code of the pipeline beside it: state that starts with what a table says of each account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.stateful import GroupState, StatefulProcessor, StatefulProcessorHandle, TimerValues


def balance(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[Any, ...]]:
    """Give the balance; in the first batch an account of the initial state is there without bookings too."""
    bookings, cents = state.getOption or (0, 0)
    for row in rows:
        bookings, cents = bookings + 1, cents + row.cents
    state.update((bookings, cents))
    yield key.account, bookings, cents


class Largest(StatefulProcessor):
    """Gives each booking that is larger than every one before it."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Declare the state: the largest booking so far, in cents."""
        self.largest = handle.getValueState("largest", "cents BIGINT")

    def handleInitialState(self, key: Any, initialState: Any, timerValues: TimerValues) -> None:
        """Take over one booking of the ledger; it is not given again."""
        self._is_new(initialState.cents)

    def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: TimerValues) -> Iterator[tuple[Any, ...]]:
        """Give what is larger."""
        for row in rows:
            if self._is_new(row.cents):
                yield key.account, row.cents, row.text

    def _is_new(self, cents: int) -> bool:
        (known,) = self.largest.get() or (0,)
        if cents > known:
            self.largest.update((cents,))
        return cents > known
