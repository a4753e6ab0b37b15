"""Room 6: records that could not be decoded, to a topic of their own, byte for byte and exactly once.

Takes the malformed records of a batch; gives them to a Kafka sink with its own marker, so that a batch that runs again
does not write them twice. Key, value, timestamp and headers are the original's; headers that say why are added.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from headrace.contract import Marker, Sink
from headrace.inputs.stream import InputRows
from headrace.values import BatchId

_HEADER = pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())])


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

    def commit(
        self, batch: BatchId, dead: Mapping[str, pa.Table], inputs: Mapping[str, InputRows], marker: Marker
    ) -> int:
        """Write the batch's dead letters, those not written before, and return how many.

        Called before the batch's own commit: a batch that does not happen is run again with the same records, and they
        are found written.
        """
        count = 0
        for name, records in dead.items():
            if batch <= self._done[name]:
                continue
            sink = self._sinks[name]
            sink.begin(batch)
            count += sink.write(letters(records, inputs[name].malformed))
            sink.commit(marker)
            self._done[name] = batch
        return count

    def close(self) -> None:
        """Close every sink."""
        for sink in self._sinks.values():
            sink.close()


def letters(records: pa.Table, reasons: Mapping[int, str]) -> pa.Table:
    """Return dead letters: key, value, headers, timestamp; reasons are in the order of the records."""
    count = len(records)
    added = [
        ("headrace.error", [reason.encode() for _, reason in sorted(reasons.items())]),
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
