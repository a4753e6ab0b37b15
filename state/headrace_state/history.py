"""State room: the deltas of one query, as a history that can be followed back.

Takes the folder of deltas, answers which of them lead to a committed one, and removes those that nothing needs. Knows
neither the store nor the snapshots.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from headrace_state.delta import (
    Delta,
    DeltaHeader,
    chain,
    parse_name,
    read_delta,
    walk,
    write_delta,
)
from headrace_state.errors import StateError, StateErrorKind
from headrace_state.files import Files


class DeltaHistory:
    """The deltas in one folder, made when absent."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self._files = files
        files.make_folder(folder)

    def write(self, delta: Delta) -> None:
        """Make a delta durable; errors as in write_delta."""
        write_delta(self.folder, delta, self._files)

    def read(self, uuid: str) -> Delta:
        """Return a delta by its name alone; StateError LOST when it is absent, else as in read_delta."""
        for name in self._files.list(self.folder):
            if (parsed := parse_name(name)) and parsed[1] == uuid:
                return read_delta(self.folder / name, self._files)
        message = f"the delta {uuid} is missing"
        raise StateError(StateErrorKind.LOST, message, self.folder)

    def links(self, uuid: str, after_batch: int) -> list[DeltaHeader]:
        """Return the headers after a batch that lead to a delta, oldest first; errors as in chain."""
        return chain(self.folder, uuid, after_batch, self._files)

    def obstacle(self, base: tuple[int, str], target: tuple[int, str]) -> str | None:
        """Return why no chain leads from one (batch, uuid) to another, None when one does; reads headers only.

        Raises:
            StateError: IO or INCOMPATIBLE.
        """
        if base == target:
            return None
        try:
            links = self.links(target[1], base[0])
        except StateError as error:
            if error.kind not in (StateErrorKind.CORRUPT, StateErrorKind.LOST):
                raise
            return str(error)
        start = links[0].parent if links else target[1]
        end = links[-1].batch if links else base[0]
        if (start, end) == (base[1], target[0]):
            return None
        return f"no chain of deltas leads from batch {base[0]} ({base[1] or 'empty'})"

    def purge(self, version: int, uuid: str, floor: int) -> None:
        """Remove deltas up to batch floor, and those of attempts that the applied delta does not descend from.

        Args:
            version: Batch of the applied delta; later ones stay, since they may be deciding themselves right now.
            uuid: Name of the applied delta.
            floor: Last batch that no snapshot needs deltas of; -1 for none.
        """
        committed, reached = self._committed(uuid, version)
        old = []
        for name in self._files.list(self.folder):
            parsed = parse_name(name)
            if parsed is None or parsed[0] > version:
                continue
            is_orphan = parsed[0] >= reached and parsed[1] not in committed
            if is_orphan or parsed[0] <= floor:
                old.append(name)
        self._files.delete_all(self.folder, old)

    def _committed(self, uuid: str, version: int) -> tuple[set[str], int]:
        """Return the names of the applied chain, and the lowest batch down to which they are known."""
        found: set[str] = set()
        reached = version + 1
        with suppress(StateError):  # below a torn delta nothing is known, so nothing there is called an orphan
            for header in walk(self.folder, uuid, self._files):
                found.add(header.uuid)
                reached = header.batch
        return found, reached
