"""The corridor: the states of a query and the moves between them.

    INITIALIZING -> RECOVERING -> RUNNING <-> WAITING -> STOPPED
         |              |            |          |
         +--------------+------------+----------+-----> FAILED -> INITIALIZING (restart)

The status page and the metrics show the same names.
"""

from __future__ import annotations

from enum import Enum


class QueryState(Enum):
    """Where a query is in its life."""

    INITIALIZING = "initializing"
    RECOVERING = "recovering"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"


_ENDS = frozenset({QueryState.STOPPED, QueryState.FAILED})

MOVES: dict[QueryState, frozenset[QueryState]] = {
    QueryState.INITIALIZING: frozenset({QueryState.RECOVERING}) | _ENDS,
    QueryState.RECOVERING: frozenset({QueryState.RUNNING, QueryState.WAITING}) | _ENDS,
    QueryState.RUNNING: frozenset({QueryState.WAITING}) | _ENDS,
    QueryState.WAITING: frozenset({QueryState.RUNNING}) | _ENDS,
    QueryState.STOPPED: frozenset({QueryState.INITIALIZING}),
    QueryState.FAILED: frozenset({QueryState.INITIALIZING}),
}
"""From each state, the states that may follow."""


class Lifecycle:
    """One query's state; a move that the drawing does not show is a bug and raises."""

    def __init__(self) -> None:
        self.state = QueryState.INITIALIZING

    def move(self, to: QueryState) -> None:
        """Enter a state; entering the present one again changes nothing.

        Raises:
            RuntimeError: the move is not allowed.
        """
        if to is self.state:
            return
        if to not in MOVES[self.state]:
            message = f"a query cannot go from {self.state.value} to {to.value}"
            raise RuntimeError(message)
        self.state = to
