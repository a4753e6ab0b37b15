"""State room: the state of one query, as the engine uses it.

Takes a folder `state/` with `store/` (the live tables), `deltas/` and `snapshots/`; gives a view a batch, seals its
changes durably, applies them once the batch is decided, and brings the store to any committed delta after a crash.
Law: after bring_to(batch, uuid) the content is that of the chain of deltas that ends in uuid, whatever happened before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from headrace_state.delta import Delta
from headrace_state.errors import StateError, StateErrorKind
from headrace_state.files import Files
from headrace_state.history import DeltaHistory
from headrace_state.overlay import StateBatch
from headrace_state.snapshot import Snapshot, Snapshots
from headrace_state.store.contract import StateStore
from headrace_state.store.opening import StoreKind, open_store
from headrace_state.store.rocksdb import DEFAULT_CACHE_BYTES


class Brought(Enum):
    """What bringing the store to a delta took."""

    RESUMED = "resumed"
    """The store stood there already."""
    REPLAYED = "replayed"
    """Deltas were applied to the local store."""
    RESTORED = "restored"
    """The local store was dropped and rebuilt from a snapshot, or from nothing, and deltas."""


@dataclass(frozen=True, slots=True)
class _Base:
    """Where a rebuilt store may start: a snapshot, or nothing."""

    batch: int
    uuid: str
    snapshot: Snapshot | None


class QueryState:
    """Tables of one query with their history; one thread runs batches, another may snapshot and purge."""

    def __init__(self, folder: Path, files: Files, reopen: Callable[[Path], StateStore]) -> None:
        self._files = files
        self._reopen = reopen
        self._store_folder = folder / "store"
        files.make_folder(folder)
        for unfinished in (folder, folder / "deltas", folder / "snapshots"):
            files.sweep(unfinished)
        self._history = DeltaHistory(folder / "deltas", files)
        self.snapshots = Snapshots(folder / "snapshots", files)
        self._lock = threading.RLock()
        self._sealed: Delta | None = None
        self._store = self._open_or_none()

    @classmethod
    def open(
        cls,
        folder: Path,
        tables: Sequence[str],
        *,
        kind: StoreKind = "rocksdb",
        files: Files | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> QueryState:
        """Return the state in a folder, made when absent; a corrupt store opens as empty and waits for bring_to.

        Args:
            folder: The query's `state/`; owned by this process (see FolderLock).
            tables: Names to have. Tables of earlier runs that are not named stay, with their rows.
            kind: rocksdb or memory.
            files: Where every write passes through.
            cache_bytes: Memory of RocksDB for blocks and write buffers.

        Raises:
            StateError: LOCKED, DISK_FULL, IO or INCOMPATIBLE.
        """
        passage = files or Files()
        return cls(
            folder,
            passage,
            lambda where: open_store(kind, where, tables, files=passage, cache_bytes=cache_bytes),
        )

    @property
    def version(self) -> int:
        """Batch number of the last applied delta, -1 when there is none or the store is corrupt."""
        return self._store.version if self._store else -1

    @property
    def delta(self) -> str:
        """Name of the last applied delta, "" when there is none or the store is corrupt."""
        return self._store.delta if self._store else ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables, also of those left from earlier runs."""
        return self._live().tables

    def begin(self, batch: int) -> StateBatch:
        """Return the view of a new batch; dropping it without sealing leaves no trace.

        Raises:
            StateError: CORRUPT when the store has to be brought back first.
            ValueError: The batch is not after the store's version.
        """
        if batch <= self.version:
            message = f"batch {batch} cannot begin: the state already holds batch {self.version}"
            raise ValueError(message)
        return StateBatch(self._live(), batch)

    def seal(self, batch: StateBatch) -> str:
        """Make the changes of a batch durable without applying them, and return their uuid, that of the batch.

        Raises:
            StateError: DISK_FULL, IO or CORRUPT; the store is unchanged.
        """
        changes = batch.changes()
        delta = Delta(batch.batch, batch.uuid, self.delta, batch.counts(), changes)
        self._history.write(delta)
        self._sealed = delta
        return delta.uuid

    def apply(self, uuid: str) -> None:
        """Apply a sealed delta that follows the store's; the one applied last is accepted again.

        Raises:
            StateError: LOST when it is absent or follows another delta, CORRUPT, DISK_FULL or IO.
        """
        if uuid == self.delta:
            return
        sealed = self._sealed
        delta = sealed if sealed is not None and sealed.uuid == uuid else self._history.read(uuid)
        self._apply(delta)
        self._sealed = None

    def bring_to(self, batch: int, uuid: str) -> Brought:
        """Make the store stand exactly at a committed delta; -1 and "" mean empty.

        Raises:
            StateError: LOST when no way leads there; the message names every way tried. INCOMPATIBLE, DISK_FULL, IO.
        """
        self._sealed = None
        if self._store is not None:
            if self._store.is_corrupt:
                self._drop_store()
            elif (self.version, self.delta) == (batch, uuid):
                return Brought.RESUMED
            elif self._is_near(batch) and self._try_replay(batch, uuid, []):
                return Brought.REPLAYED
        self._restore(batch, uuid)
        return Brought.RESTORED

    def snapshot(self) -> Snapshot | None:
        """Take a snapshot of the store as it stands; None when the store is empty or this one is there already.

        Batches may go on from another thread; only fixing the content (milliseconds) excludes applying.
        """
        with self._lock:
            store = self._live()
            batch, uuid = store.version, store.delta
            if batch < 0 or any(whole.uuid == uuid for whole in self.snapshots.whole()):
                return None
            staged = self.snapshots.stage(store)
        return self.snapshots.publish(staged, batch, uuid)

    def purge(self, keep_batches: int = 100) -> None:
        """Remove old snapshots, deltas that no snapshot needs, and deltas of attempts that were never committed.

        Call it from the thread that takes snapshots.

        Args:
            keep_batches: Deltas of that many latest batches stay, needed or not.
        """
        with self._lock:
            version, uuid = self.version, self.delta
        kept = self.snapshots.purge(keep=2, at_most_batch=version)
        floor = min(kept[-1].batch, version - keep_batches) if len(kept) > 1 else -1
        self._history.purge(version, uuid, floor)

    def rows(self, table: str) -> int:
        """Return the exact number of rows of a table."""
        return self._live().count(table)

    def verify(self) -> None:
        """Read the whole store; StateError CORRUPT when a checksum is wrong."""
        self._live().verify()

    def memory_bytes(self) -> int:
        """Return how much memory the store holds now."""
        return self._store.memory_bytes() if self._store else 0

    def disk_bytes(self) -> int:
        """Return how much disk the live store uses now."""
        return self._store.disk_bytes() if self._store else 0

    def close(self) -> None:
        """Release the store; closing twice does nothing."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _live(self) -> StateStore:
        if self._store is None:
            message = "the local store is closed or corrupt and was not brought back"
            raise StateError(StateErrorKind.CORRUPT, message, self._store_folder)
        return self._store

    def _open_or_none(self) -> StateStore | None:
        try:
            return self._reopen(self._store_folder)
        except StateError as error:
            if error.kind is not StateErrorKind.CORRUPT:
                raise
            return None

    def _apply(self, delta: Delta) -> None:
        with self._lock:
            store = self._live()
            if delta.parent != store.delta:
                message = f"delta {delta.uuid} of batch {delta.batch} follows {delta.parent!r}, not {store.delta!r}"
                raise StateError(StateErrorKind.LOST, message, self._history.folder)
            store.apply(delta)

    def _is_near(self, batch: int) -> bool:
        """Tell whether replaying on the local store is worth trying: not when it is empty and a snapshot exists."""
        return self.version < batch and (self.version >= 0 or self.snapshots.newest(batch) is None)

    def _try_replay(self, batch: int, uuid: str, tried: list[str]) -> bool:
        """Apply the chain from the open store up to uuid; False, and why, when it does not fit or is torn."""
        if (self.version, self.delta) == (batch, uuid):
            return True
        try:
            for link in self._history.links(uuid, self.version):
                self._apply(self._history.read(link.uuid))
        except StateError as error:
            if error.kind not in (StateErrorKind.CORRUPT, StateErrorKind.LOST):
                raise
            tried.append(str(error))
            return False
        if (self.version, self.delta) == (batch, uuid):
            return True
        tried.append(f"batch {self.version} is on another branch")
        return False

    def _restore(self, batch: int, uuid: str) -> None:
        tried: list[str] = []
        bases = [_Base(whole.batch, whole.uuid, whole) for whole in self.snapshots.whole() if whole.batch <= batch]
        for base in [*bases, _Base(-1, "", None)]:
            obstacle = self._history.obstacle((base.batch, base.uuid), (batch, uuid))
            if obstacle:
                tried.append(obstacle)
                continue
            self._drop_store()
            if self._rebuild(base, tried) and self._try_replay(batch, uuid, tried):
                return
        message = f"the state of batch {batch} ({uuid}) cannot be rebuilt: {'; '.join(tried)}"
        raise StateError(StateErrorKind.LOST, message, self._store_folder.parent)

    def _rebuild(self, base: _Base, tried: list[str]) -> bool:
        try:
            if base.snapshot is not None:
                self.snapshots.restore(base.snapshot, self._store_folder)
            self._store = self._reopen(self._store_folder)
            self._store.verify()
        except StateError as error:
            if error.kind is not StateErrorKind.CORRUPT:
                raise
            tried.append(str(error))
            return False
        return True

    def _drop_store(self) -> None:
        with self._lock:
            if self._store is not None:
                with suppress(StateError):  # what it cannot write any more is dropped with it
                    self._store.close()
                self._store = None
            self._files.remove_tree(self._store_folder)
