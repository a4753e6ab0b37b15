"""State room: the changes of one batch, and the files that keep them.

Takes puts and deletes by table, gives `<batch>.<uuid>.delta`: a header that names its predecessor, so that a chain of
deltas can be checked, and a compressed body, each with a checksum. A delta is idempotent: it holds resulting values
and resulting row counts, never differences. Knows nothing of RocksDB.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_state.codec.packing import lengths_of, offsets_of, split
from headrace_state.errors import StateError, StateErrorKind, corrupt
from headrace_state.files import Files

DELTA_VERSION = 1
"""Newest delta format that is read; the only one that is written."""

_MAGIC = b"HRDELTA1"
_PREFIX = struct.Struct("<8sII")
_CHECKSUM = struct.Struct("<I")
_HEAD_BYTES = 16384
_COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What happens to one table: puts win over nothing, no key is in both."""

    puts: Mapping[bytes, bytes]
    deletes: frozenset[bytes]


Changes = Mapping[str, TableChanges]
"""Changes by table name; a table without changes is absent."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The changes of one batch.

    Attributes:
        batch: Batch number, from 0.
        uuid: Name of this attempt of the batch.
        parent: uuid of the delta it follows, "" for the first.
        counts: Rows of each table afterwards; tables unchanged since the parent may be absent.
        changes: Puts and deletes by table.
    """

    batch: int
    uuid: str
    parent: str
    counts: Mapping[str, int]
    changes: Changes


@dataclass(frozen=True, slots=True)
class DeltaHeader:
    """What a delta file says of itself before its body."""

    batch: int
    uuid: str
    parent: str
    counts: Mapping[str, int]
    tables: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    body_bytes: int = 0


def delta_path(folder: Path, batch: int, uuid: str) -> Path:
    """Return where a delta lives."""
    return folder / f"{batch}.{uuid}.delta"


def parse_name(name: str) -> tuple[int, str] | None:
    """Return (batch, uuid) of a delta's file name, None for any other name."""
    batch, _, rest = name.partition(".")
    uuid, _, ending = rest.rpartition(".")
    return (int(batch), uuid) if ending == "delta" and batch.isdecimal() and uuid else None


def encode_delta(delta: Delta) -> bytes:
    """Return the bytes of a delta file."""
    tables = {name: (len(change.puts), len(change.deletes)) for name, change in delta.changes.items()}
    raw = b"".join([part for change in delta.changes.values() for part in _pack(change)])
    body = bytes(pa.compress(raw, codec=_COMPRESSION, asbytes=True)) if raw else b""
    header = {
        "v": DELTA_VERSION,
        "batch": delta.batch,
        "uuid": delta.uuid,
        "parent": delta.parent,
        "counts": dict(delta.counts),
        "tables": tables,
        "body": len(raw),
    }
    head = json.dumps(header, separators=(",", ":")).encode()
    content = _PREFIX.pack(_MAGIC, len(head), zlib.crc32(head)) + head + body
    return content + _CHECKSUM.pack(zlib.crc32(content))


def write_delta(folder: Path, delta: Delta, files: Files) -> Path:
    """Make a delta durable and return its path.

    Raises:
        StateError: LOCKED when this attempt was written already, DISK_FULL or IO.
    """
    path = delta_path(folder, delta.batch, delta.uuid)
    try:
        files.write_atomic(path, encode_delta(delta), if_absent=True)
    except FileExistsError as error:
        raise StateError(StateErrorKind.LOCKED, "a concurrent writer has written this delta", path) from error
    return path


def read_delta(path: Path, files: Files) -> Delta:
    """Return a delta, checked whole.

    Raises:
        StateError: LOST when it is absent, CORRUPT when torn or changed, INCOMPATIBLE for a newer format.
    """
    try:
        content = files.read(path)
    except FileNotFoundError as error:
        raise StateError(StateErrorKind.LOST, "a delta is missing", path) from error
    header, start = _parse_header(content, path)
    end = len(content) - _CHECKSUM.size
    if end < start or zlib.crc32(memoryview(content)[:end]) != _CHECKSUM.unpack_from(content, end)[0]:
        raise corrupt(f"a delta is torn or changed ({len(content)} bytes, checksum does not match)", path)
    raw = _decompress(content[start:end], header.body_bytes)
    changes: dict[str, TableChanges] = {}
    position = 0
    for name, (puts, deletes) in header.tables.items():
        keys, position = _unpack(raw, position, puts)
        values, position = _unpack(raw, position, puts)
        gone, position = _unpack(raw, position, deletes)
        changes[name] = TableChanges(dict(zip(keys, values, strict=True)), frozenset(gone))
    return Delta(header.batch, header.uuid, header.parent, header.counts, changes)


def read_header(path: Path, files: Files) -> DeltaHeader:
    """Return what a delta says of itself without reading its body; errors as in read_delta."""
    try:
        content = files.read_head(path, _HEAD_BYTES)
        if len(content) == _HEAD_BYTES:
            needed = _PREFIX.size + _PREFIX.unpack_from(content)[1]
            content = content if needed <= _HEAD_BYTES else files.read_head(path, needed)
    except FileNotFoundError as error:
        raise StateError(StateErrorKind.LOST, "a delta is missing", path) from error
    return _parse_header(content, path)[0]


def chain(folder: Path, last_uuid: str, down_to_batch: int, files: Files) -> list[DeltaHeader]:
    """Return the headers of the deltas after down_to_batch that lead to last_uuid, oldest first.

    Args:
        folder: Where the deltas are.
        last_uuid: uuid of the last delta; "" gives an empty chain.
        down_to_batch: Stop before deltas of this batch or earlier.
        files: How to read.

    Returns:
        Headers whose parent is the uuid of the one before; the first one's parent is what the base must be.

    Raises:
        StateError: LOST for a missing link, CORRUPT for a torn one.
    """
    found: list[DeltaHeader] = []
    for header in walk(folder, last_uuid, files):
        if header.batch <= down_to_batch:
            return found[::-1]
        found.append(header)
    missing = found[-1].parent if found else last_uuid
    if missing and not (found and found[-1].batch == down_to_batch + 1):
        raise StateError(StateErrorKind.LOST, f"the delta {missing} is missing", folder)
    return found[::-1]


def walk(folder: Path, last_uuid: str, files: Files) -> Iterator[DeltaHeader]:
    """Give the headers of a delta and its predecessors, newest first, as far down as files are there.

    Raises:
        StateError: CORRUPT for a torn header or links that do not go back in time.
    """
    batches = {parsed[1]: parsed[0] for name in files.list(folder) if (parsed := parse_name(name))}
    uuid, successor = last_uuid, None
    while uuid in batches:
        header = read_header(delta_path(folder, batches[uuid], uuid), files)
        if header.uuid != uuid or (successor is not None and header.batch >= successor):
            message = f"delta {uuid} of batch {header.batch} does not precede batch {successor}"
            raise corrupt(message, folder)
        yield header
        uuid, successor = header.parent, header.batch


def _pack(change: TableChanges) -> list[bytes]:
    parts: list[bytes] = []
    for items in (list(change.puts), list(change.puts.values()), list(change.deletes)):
        parts += [lengths_of(items).astype("<u4").tobytes(), *items]
    return parts


def _unpack(raw: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    lengths = np.frombuffer(raw, dtype="<u4", count=count, offset=position)
    offsets = offsets_of(lengths) + (position + 4 * count)
    return split(raw, offsets), int(offsets[-1])


def _decompress(body: bytes, size_bytes: int) -> bytes:
    return bytes(pa.decompress(body, size_bytes, codec=_COMPRESSION, asbytes=True)) if size_bytes else b""


def _parse_header(content: bytes, path: Path) -> tuple[DeltaHeader, int]:
    if len(content) < _PREFIX.size:
        raise corrupt(f"a delta is torn ({len(content)} bytes)", path)
    magic, size, checksum = _PREFIX.unpack_from(content)
    head = content[_PREFIX.size : _PREFIX.size + size]
    if magic[:7] == _MAGIC[:7] and magic != _MAGIC:
        raise StateError(StateErrorKind.INCOMPATIBLE, f"a delta has the unknown format {magic[7:]!r}", path)
    if magic != _MAGIC or len(head) < size or zlib.crc32(head) != checksum:
        raise corrupt("the header of a delta is torn or changed", path)
    fields: dict[str, Any] = json.loads(head)
    if fields["v"] > DELTA_VERSION:
        message = f"a delta has format {fields['v']}, this version reads up to {DELTA_VERSION}"
        raise StateError(StateErrorKind.INCOMPATIBLE, message, path)
    tables = {name: (int(puts), int(deletes)) for name, (puts, deletes) in fields["tables"].items()}
    header = DeltaHeader(
        fields["batch"], fields["uuid"], fields["parent"], fields["counts"], tables, int(fields["body"])
    )
    return header, _PREFIX.size + size
