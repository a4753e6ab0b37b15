"""Room 7: the checkpoint of a query as something to read, while the query runs or stands still.

Takes a query's checkpoint folder; gives what can be read of its state, and the rows of one of these after a committed
batch. `engine/checkpoint.py` says what else stands in the folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from headrace.errors import StreamError
from headrace.operators.stored.description import StoredState, from_json
from headrace.operators.stored.rows import stored_rows
from headrace_state import Files, MetadataLog, StateError, committed_copy


class StoredQuery:
    """The state of one query, read-only.

    Args:
        folder: The query's checkpoint folder.

    Raises:
        StreamError: IO_FAILED, it is none, or no query has said in it what it keeps.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.states = from_json(json.loads(self._described()))

    def _described(self) -> bytes:
        path = self._folder / "operators"
        if path.exists():
            return Files().read(path)
        queries = [below.name for below in sorted(self._folder.glob("*")) if (below / "operators").exists()]
        if queries:
            message = f"{self._folder} holds the checkpoints of several queries: {', '.join(queries)}."
            hint = f"Write {self._folder / queries[0]}."
        elif (self._folder / "query").exists():
            message = f"{self._folder} does not say what its query keeps; an earlier version of headrace wrote it."
            hint = "Run the query once with this version."
        else:
            message = f"{self._folder} is no checkpoint of a query."
            hint = "Name the folder of one query inside the checkpoint location."
        condition = "STDS_FAILED_TO_READ_OPERATOR_METADATA"
        raise StreamError("IO_FAILED", message, hint=hint, condition=condition)

    def batches(self) -> list[int]:
        """Return the numbers of the committed batches that the log still has, ascending."""
        commits = self._commits()
        return [] if commits is None else commits.numbers()

    def rows(self, stored: StoredState, batch: int | None) -> pa.Table:
        """Return the rows of a part of the state, columns as in its schema.

        Args:
            stored: One of `states`.
            batch: After which batch; None for the last committed one.

        Raises:
            StreamError: no such batch is committed, or its state cannot be had any more.
        """
        try:
            number, delta = self._committed(batch)
            with committed_copy(self._folder / "state", stored.tables, number, delta) as state:
                return stored_rows(stored, state)
        except (StateError, FileNotFoundError) as error:
            which = "the last committed batch" if batch is None else f"batch {batch}"
            message = f"the state after {which} cannot be read: {error}."
            hint = None if batch is None else "Leave out batchId, for the last one."
            raise StreamError("STATE_LOST", message, hint=hint) from error

    def _committed(self, batch: int | None) -> tuple[int, str]:
        """Return the number and the delta of a committed batch."""
        commits = self._commits()
        found = None if commits is None else commits.latest()
        if commits is not None and batch is not None:
            found = (batch, commits.read(batch)) if batch in commits.numbers() else None
        if found is None:
            raise self._uncommitted(batch)
        return found[0], found[1][0]["delta"]

    def _commits(self) -> MetadataLog | None:
        folder = self._folder / "commits"
        return MetadataLog(folder, Files()) if folder.is_dir() else None

    def _uncommitted(self, batch: int | None) -> StreamError:
        there = self.batches()
        what = "no batch is committed" if batch is None else f"batch {batch} is not committed"
        which = f"; there are {there[0]} to {there[-1]}" if there else ""
        message = f"{what} in {self._folder}{which}."
        return StreamError("SQL_ANALYSIS", message, condition="STDS_COMMITTED_BATCH_UNAVAILABLE")
