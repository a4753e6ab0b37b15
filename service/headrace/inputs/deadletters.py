"""Room 6: records that a batch leaves out, to a topic of their own, byte for byte and exactly once.

Takes the malformed, late and future records of a batch; gives them to a Kafka sink with its own marker, so that a batch
that runs again does not write them twice. Key, value, timestamp and headers are the original's; headers that say why
are added.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from headrace.contract import Marker, Sink
from headrace.dataclass import dataclass
from headrace.inputs.stream import InputRows

_HEADER = pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())])


@dataclass(frozen=True, slots=True)
class DeadRecords:
    """Raw records of one source, and for each why it is left out."""

    records: pa.Table
    reasons: tuple[str, ...]


def dead_records(read: InputRows, left_out: Mapping[int, str]) -> DeadRecords | None:
    """Return what goes to dead letters of what a batch read of a source, None for nothing.

    Args:
        read: What was read; its malformed records go when the policy set them aside.
        left_out: Reasons by place among the rows that were read, for a source whose records are kept.
    """
    parts: list[pa.Table] = []
    reasons: list[str] = []
    if read.dead is not None:
        parts.append(read.dead)
        reasons += [reason for _, reason in sorted(read.malformed.items())]
    if left_out and read.raw is not None:
        parts.append(read.raw.take(pa.array(sorted(left_out))))
        reasons += [reason for _, reason in sorted(left_out.items())]
    return DeadRecords(pa.concat_tables(parts), tuple(reasons)) if reasons else None


class DeadLetters:
    """The dead-letter topics of one query, by source; every sink belongs to this object."""

    def __init__(self, sinks: Mapping[str, Sink], query_id: str) -> None:
        self._sinks = dict(sinks)
        self._query_id = query_id
        self._done = dict.fromkeys(sinks, -1)
        self._owner = 0

    def recover(self, owner: int) -> None:
        """Fence earlier owners and learn which batches' dead letters are written."""
        self._owner = owner
        for name, sink in self._sinks.items():
            marker = sink.recover()
            self._done[name] = marker.batch_id if marker else -1
            held = (marker.owner if marker else 0) + 1
            delta = marker.delta if marker else ""
            sink.claim(Marker(self._query_id, self._done[name], delta, max(owner, held)))

    def commit(self, dead: Mapping[str, DeadRecords], marker: Marker) -> int:
        """Write the batch's dead letters, those not written before, and return how many.

        Called before the batch's own commit: a batch that does not happen is run again with the same records, and they
        are found written.
        """
        count = 0
        for name, records in dead.items():
            if marker.batch_id <= self._done[name]:
                continue
            sink = self._sinks[name]
            sink.begin(marker)
            count += sink.write(letters(records))
            sink.commit(marker)
            self._done[name] = marker.batch_id
        return count

    def close(self) -> None:
        """Close every sink."""
        for sink in self._sinks.values():
            sink.close()


def letters(dead: DeadRecords) -> pa.Table:
    """Return dead letters: key, value, headers, timestamp."""
    records = dead.records
    count = len(records)
    added = [
        ("headrace.error", [reason.encode() for reason in dead.reasons]),
        ("headrace.topic", [text.encode() for text in records.column("topic").to_pylist()]),
        ("headrace.partition", [str(number).encode() for number in records.column("partition").to_pylist()]),
        ("headrace.offset", [str(number).encode() for number in records.column("offset").to_pylist()]),
    ]
    columns = {name: records.column(name) for name in ("key", "value", "timestamp")}
    columns["headers"] = _headers(records, added, count)
    return pa.table(columns)


def _headers(records: pa.Table, added: list[tuple[str, list[bytes]]], count: int) -> pa.Array:
    own = records.column("headers").to_pylist() if "headers" in records.column_names else [None] * count
    rows = [
        [*(headers or []), *({"key": key, "value": values[i]} for key, values in added)]
        for i, headers in enumerate(own)
    ]
    return pa.array(rows, pa.list_(_HEADER))
