"""State room: a copy of a query's state as it was after a committed batch, for readers beside a running query.

Takes the folder `state/`; gives a store in a temporary folder, rebuilt from a snapshot and deltas. The live store is
not opened, no lock is taken and nothing in the folder is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headrace_state.errors import StateError, StateErrorKind
from headrace_state.files import Files
from headrace_state.overlay import StateBatch
from headrace_state.query_state import QueryState

_ATTEMPTS = 5
_PASSING = (StateErrorKind.LOST, StateErrorKind.IO, StateErrorKind.CORRUPT)


class _Visitor(Files):
    """Files of a folder that belongs to somebody else."""

    def sweep(self, folder: Path) -> None:
        """Leave what is unfinished alone: it may be about to be finished."""


@contextmanager
def committed_copy(folder: Path, tables: Sequence[str], batch: int, uuid: str) -> Iterator[StateBatch]:
    """Give a view of the state after a batch; the copy behind it is removed at the end.

    Args:
        folder: The query's `state/`.
        tables: Names to have, with rows or without.
        batch: A committed batch.
        uuid: Name of its delta.

    Raises:
        StateError: LOST when deltas and snapshots of that time are gone, CORRUPT, DISK_FULL or IO.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-state-") as temporary:
        state = _rebuilt(folder, Path(temporary), tables, (batch, uuid))
        try:
            yield state.begin(batch + 1)
        finally:
            state.close()


def _rebuilt(folder: Path, temporary: Path, tables: Sequence[str], target: tuple[int, str]) -> QueryState:
    for attempt in range(1, _ATTEMPTS + 1):
        here = temporary / str(attempt)
        here.mkdir()
        for name in ("deltas", "snapshots"):
            if not (folder / name).is_dir():
                message = f"there is no folder {name} here, so no state"
                raise StateError(StateErrorKind.LOST, message, folder)
            (here / name).symlink_to((folder / name).absolute())
        state = QueryState.open(here, tables, files=_Visitor())
        try:
            state.bring_to(*target)
        except (StateError, FileNotFoundError) as error:
            state.close()
            # The query may purge a snapshot or delta between its being chosen and its being read.
            is_passing = isinstance(error, FileNotFoundError) or error.kind in _PASSING
            if not is_passing or attempt == _ATTEMPTS:
                raise
        else:
            return state
    message = "not reached: the last attempt returns or raises"
    raise AssertionError(message)
