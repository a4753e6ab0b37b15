"""The corridor: one query's checkpoint folder.

    metadata            {"id": <query id>}, for the checkpoint's life
    query               what the state belongs to: sources, operator signatures, schemas of state before it grew
    operators           what of the state can be read, for `headrace sql`
    offsets/N           the plan of batch N, written before anything is published
    commits/N           batch N is done: its delta and the next watermark
    sources/<name>      where a source started
    state/              deltas, snapshots and the local database

Takes and gives values; which bytes and when they are durable is `headrace_state`'s.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.contract import JsonValue, Offset
from headrace.dataclass import dataclass
from headrace.ddl import parse_schema
from headrace.engine.compatibility import Record, differences, older_states
from headrace.errors import StreamError, StreamErrors
from headrace.types import StructType
from headrace.values import US_PER_MS, BatchId, EventTime, ProcessingTime
from headrace_state import Files, FolderLock, MetadataLog, QueryState, StateError, StateErrorKind, StoreKind

_CODES = {
    StateErrorKind.CORRUPT: "CHECKPOINT_CORRUPT",
    StateErrorKind.LOCKED: "CHECKPOINT_LOCKED",
    StateErrorKind.DISK_FULL: "DISK_FULL",
    StateErrorKind.IO: "IO_FAILED",
    StateErrorKind.INCOMPATIBLE: "CHECKPOINT_INCOMPATIBLE",
    StateErrorKind.LOST: "STATE_LOST",
}


_HINTS = {
    StateErrorKind.LOST: "Restore the checkpoint folder from a backup, or give the query a new checkpoint location.",
}


def stream_error(error: StateError) -> StreamError:
    """Return a state error as the engine's."""
    return StreamError(_CODES[error.kind], str(error), hint=_HINTS.get(error.kind))


@dataclass(frozen=True, slots=True)
class SourceRange:
    """What one batch reads of one source: [start, end), and what the source was then."""

    start: Offset
    end: Offset
    identity: JsonValue = None


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch depends on beside state: offsets, time and watermarks; running it again gives the same rows."""

    batch: BatchId
    batch_time: ProcessingTime
    watermark: EventTime
    late: EventTime
    ranges: Mapping[str, SourceRange]
    conf: Mapping[str, str]

    def lines(self) -> list[dict[str, Any]]:
        """Return the log entry's JSON lines, the first named as Spark names it."""
        head = {
            "batchWatermarkMs": self.watermark // US_PER_MS,
            "lateWatermarkMs": self.late // US_PER_MS,
            "batchTimestampMs": self.batch_time // US_PER_MS,
            "conf": dict(self.conf),
        }
        rest = [
            {"source": name, "start": r.start, "end": r.end, "identity": r.identity} for name, r in self.ranges.items()
        ]
        return [head, *rest]

    @staticmethod
    def from_lines(batch: int, lines: list[dict[str, Any]]) -> BatchPlan:
        """Return the plan a log entry holds."""
        head, *rest = lines
        return BatchPlan(
            BatchId(batch),
            ProcessingTime(head["batchTimestampMs"] * US_PER_MS),
            EventTime(head["batchWatermarkMs"] * US_PER_MS),
            EventTime(head["lateWatermarkMs"] * US_PER_MS),
            {line["source"]: SourceRange(line["start"], line["end"], line["identity"]) for line in rest},
            head["conf"],
        )


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """Batch `batch` is done; the next one starts with this watermark."""

    batch: int
    delta: str
    next_watermark: EventTime


def _mend(log: MetadataLog) -> None:
    """Drop the newest entry when it is torn, as a crash leaves it; an older one was whole once, so the disk is not.

    Raises:
        StreamError: CHECKPOINT_CORRUPT, naming the file.
    """
    try:
        log.drop_torn_latest()
        for number in log.numbers():
            log.read(number)
    except StateError as error:
        raise stream_error(error) from error


def _unreadable(path: Path) -> StreamError:
    message = f"{path} is not what this release wrote there."
    return StreamError("CHECKPOINT_CORRUPT", message, hint="Restore it from a backup of the checkpoint folder.")


class Checkpoint:
    """An opened and locked checkpoint folder; close() unlocks it."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder = folder
        self.files = files or Files()
        self._lock = FolderLock(folder)
        try:
            self.files.make_folder(folder)
            self._lock.acquire()
            self.offsets = MetadataLog(folder / "offsets", self.files)
            self.commits = MetadataLog(folder / "commits", self.files)
            for log in (self.offsets, self.commits):
                _mend(log)
            self.query_id = self._query_id()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, StateError):
                raise stream_error(error) from error
            raise

    def _query_id(self) -> str:
        path = self.folder / "metadata"
        if path.exists():
            return str(self._json(path, "id")["id"])
        if self.offsets.latest() is not None:
            message = f"{self.folder} has offsets but no file `metadata`; restore it from a backup"
            raise StreamError("CHECKPOINT_CORRUPT", message, condition="STREAMING_CHECKPOINT_MISSING_METADATA_FILE")
        query_id = str(uuid.uuid4())
        self.files.write_atomic(path, json.dumps({"id": query_id}).encode())
        return query_id

    def require(self, record: Record) -> dict[str, list[StructType]]:
        """Refuse a query that the checkpoint's offsets or state cannot follow; record one that they can.

        Returns:
            Schemas under which rows of state were written before it grew, by step, oldest first.

        Raises:
            StreamErrors: CHECKPOINT_INCOMPATIBLE, one for each change.
        """
        path = self.folder / "query"
        now, older = json.loads(json.dumps(record)), dict[str, list[str]]()
        old = self._json(path, "sources", "operators") if path.exists() else None
        if old is not None:
            hint = f"Undo the change, or start over with another checkpoint location than {self.folder}."
            found = differences(old, now)
            if found:
                raise StreamErrors(
                    StreamError("CHECKPOINT_INCOMPATIBLE", f"{what}.", condition=condition, hint=hint)
                    for condition, what in found
                )
            older = older_states(old, now)
            now |= {"older": older} if older else {}
        if now != old:
            self.files.write_atomic(path, json.dumps(now, indent=1).encode())
        return {name: [parse_schema(text) for text in texts] for name, texts in older.items()}

    def describe(self, operators: list[dict[str, Any]]) -> None:
        """Say what others can read of the state; names may have changed since the last run."""
        content = json.dumps(operators, indent=1).encode()
        path = self.folder / "operators"
        if not path.exists() or self.files.read(path) != content:
            self.files.write_atomic(path, content)

    def open_state(self, tables: tuple[str, ...], kind: StoreKind) -> QueryState:
        """Return the query's state, wherever it was left."""
        return QueryState.open(self.folder / "state", tables, kind=kind, files=self.files)

    def start_of(self, source: str) -> Offset | None:
        """Return where a source started in this checkpoint's life, None before it has."""
        path = self.folder / "sources" / source
        if not path.exists():
            return None
        offset: Offset = self._json(path)
        return offset

    def remember_start(self, source: str, offset: Offset) -> None:
        """Record where a source starts, once and for all."""
        self.files.make_folder(self.folder / "sources")
        self.files.write_atomic(self.folder / "sources" / source, json.dumps(offset).encode())

    def last_plan(self) -> BatchPlan | None:
        """Return the newest plan, None when no batch was ever planned."""
        latest = self.offsets.latest()
        return BatchPlan.from_lines(*latest) if latest else None

    def log_plan(self, plan: BatchPlan) -> None:
        """Make a plan durable."""
        self.offsets.write(plan.batch, plan.lines())

    def last_commit(self) -> CommitEntry | None:
        """Return the newest commit entry."""
        latest = self.commits.latest()
        if latest is None:
            return None
        number, lines = latest
        return CommitEntry(number, lines[0]["delta"], EventTime(lines[0]["nextBatchWatermarkMs"] * US_PER_MS))

    def log_commit(self, entry: CommitEntry) -> None:
        """Record that a batch is done; writing the same entry again changes nothing."""
        if not self.commits.has(entry.batch):
            line: dict[str, Any] = {"nextBatchWatermarkMs": entry.next_watermark // US_PER_MS, "delta": entry.delta}
            self.commits.write(entry.batch, [line])

    def purge(self, keep: int) -> None:
        """Forget log entries older than the newest `keep`."""
        latest = self.commits.latest()
        if latest:
            self.commits.purge_below(latest[0] - keep)
            self.offsets.purge_below(latest[0] - keep)

    def _json(self, path: Path, *keys: str) -> dict[str, Any]:
        """Return the object in a file, which has these keys at least."""
        try:
            found: Any = json.loads(self.files.read(path))
        except ValueError as error:
            raise _unreadable(path) from error
        if not isinstance(found, dict) or not found.keys() >= set(keys):
            raise _unreadable(path)
        return found

    def close(self) -> None:
        """Unlock the folder."""
        self._lock.release()
