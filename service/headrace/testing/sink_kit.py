"""Room testing: a battery of checks that any sink plugin must pass, ours or yours.

Takes a way to open the sink and a way to read what a reader may see; plays the engine's part, with crashes between all
steps and with two owners. Gives nothing when every law of `contract.Sink` holds, an AssertionError that names the
broken law otherwise. Knows no sink by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pyarrow as pa

from headrace.contract import Delivery, Marker, Sink, SinkContext
from headrace.errors import SupersededError
from headrace.types import STRING, struct

KIT_SCHEMA = struct(key=STRING, value=STRING)
"""The columns of what the kit writes."""

KIT_CONTEXT = SinkContext("6f9f4d4e-0000-4000-8000-000000000001", "kit", KIT_SCHEMA, "append")
"""The query the kit plays; `make` builds every sink with it."""

STEPS = ("begin", "write", "commit")
"""The steps after which the kit lets an owner crash."""


class SinkCheck:
    """One run of the battery over one outside.

    Args:
        make: Opens the sink for KIT_CONTEXT over the same outside, as a restarted process would; the kit closes it.
        read_visible: The `value` of every row a reader may see now, in any order.
    """

    def __init__(self, make: Callable[[], Sink], read_visible: Callable[[], Sequence[str]]) -> None:
        self._make = make
        self._read_visible = read_visible
        self._open = ExitStack()
        self._expected: Counter[str] = Counter()
        self._owner = 0
        self._batch = 0

    def __enter__(self) -> SinkCheck:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def open(self) -> tuple[Sink, Marker | None]:
        """Start the next owner as the engine does: recover, then claim the batch last committed."""
        sink = self._make()
        self._open.callback(sink.close)
        self._owner += 1
        marker = sink.recover()
        if marker is not None:
            sink.claim(replace(marker, owner=self._owner))
        return sink, marker

    def rows(self) -> pa.Table:
        """Return the rows of the current batch; no two batches share a value."""
        keys = ["a", None, "b"]
        values = [f"batch {self._batch} row {n}" for n in range(len(keys))]
        return pa.table([keys, values], schema=KIT_SCHEMA.arrow_schema())

    def marker(self) -> Marker:
        """Return the marker of the current batch by the current owner."""
        return Marker(KIT_CONTEXT.query_id, self._batch, f"delta-{self._batch}-{self._owner}", self._owner)

    def deliver(self, sink: Sink, rows: pa.Table) -> Marker:
        """Write and commit the current batch, and go on to the next."""
        marker = self.marker()
        sink.begin(self.marker())
        written = sink.write(rows)
        assert written == rows.num_rows, f"write() returned {written} for {rows.num_rows} rows"
        self.expect_visible("nothing may be seen before commit")
        sink.commit(marker)
        self._expected.update(rows.column("value").to_pylist())
        self._batch += 1
        self.expect_visible("a committed batch is seen whole and once")
        return marker

    def expect_visible(self, law: str) -> None:
        """Assert that readers see exactly the committed batches."""
        seen = Counter(self._read_visible())
        missing, extra = self._expected - seen, seen - self._expected
        assert not missing, f"{law}: missing {sorted(missing)}"
        assert not extra, f"{law}: too much {sorted(extra)}"

    def fresh(self) -> None:
        """A sink never used has no marker; abort before anything is harmless; batches follow one another."""
        sink, marker = self.open()
        assert marker is None, f"an unused sink gave the marker {marker}"
        sink.abort()
        self.deliver(sink, self.rows())
        self.deliver(sink, self.rows())
        assert sink.describe(), "describe() must say something"
        sink.close()
        sink.close()

    def aborted(self) -> None:
        """An aborted batch leaves nothing, and the same sink goes on."""
        sink, _ = self.open()
        sink.begin(self.marker())
        sink.abort()
        sink.begin(self.marker())
        sink.write(self.rows())
        sink.abort()
        self.expect_visible("an aborted batch leaves nothing")
        self.deliver(sink, self.rows())

    def empty(self) -> None:
        """A batch without rows shows nothing; a sink with markers remembers it all the same."""
        sink, _ = self.open()
        marker = self.deliver(sink, self.rows().slice(0, 0))
        if sink.delivery is Delivery.EXACTLY_ONCE:
            self.expect_marker(marker, "a batch without rows has its marker too")

    def expect_marker(self, marker: Marker, law: str) -> Sink:
        """Assert that the next owner finds this marker, and return it."""
        sink, found = self.open()
        assert found is not None, f"{law}: recover() gave None"
        place = (found.query_id, found.batch_id, found.delta)
        assert place == (marker.query_id, marker.batch_id, marker.delta), f"{law}: recover() gave {found}, not {marker}"
        return sink

    def markers(self) -> None:
        """The marker of the last batch comes back, also after a claim, which changes its owner alone."""
        sink, _ = self.open()
        marker = self.deliver(sink, self.rows())
        self.expect_marker(marker, "the marker of the last batch comes back")
        claimed = self._owner
        sink, found = self.open()
        assert found == replace(marker, owner=claimed), f"after a claim by {claimed}, recover() gave {found}"
        self.deliver(sink, self.rows())

    def crashed(self, step: str) -> None:
        """An owner that stops after a step leaves the batch whole or absent, and the next owner finishes it once."""
        sink, _ = self.open()
        rows, marker = self.rows(), self.marker()
        sink.begin(self.marker())
        if step in ("write", "commit"):
            sink.write(rows)
        if step == "commit":
            sink.commit(marker)
            self._expected.update(rows.column("value").to_pylist())
            self._batch += 1
            sink = self.expect_marker(marker, "a batch committed before a crash is known after it")
        else:
            sink, found = self.open()
            assert found is None or found.batch_id < self._batch, f"an uncommitted batch has the marker {found}"
        self.expect_visible(f"after a crash behind {step}")
        self.deliver(sink, self.rows())

    def replaced(self) -> None:
        """An owner that starts again after a later one took over is told so, and disturbs nobody."""
        early, _ = self.open()
        self.deliver(early, self.rows())
        held = self._owner
        late, _ = self.open()
        late.begin(self.marker())
        again = self._make()
        self._open.callback(again.close)
        try:
            again.recover(held)
        except SupersededError:
            pass
        else:
            msg = "recover() with the number of an earlier owner must raise SupersededError"
            raise AssertionError(msg)
        late.abort()
        self.deliver(late, self.rows())

    def superseded(self) -> None:
        """An owner that a later one replaced commits nothing, and closing it late does no harm."""
        early, _ = self.open()
        marker = self.marker()
        early.begin(self.marker())
        early.write(self.rows())
        late, _ = self.open()
        try:
            early.commit(marker)
        except SupersededError:
            pass
        else:
            msg = "a superseded owner must get SupersededError from commit"
            raise AssertionError(msg)
        self.expect_visible("a superseded owner shows nothing")
        early.close()
        self.deliver(late, self.rows())


def check_sink(make: Callable[[], Sink], read_visible: Callable[[], Sequence[str]]) -> None:
    """Assert every law of the sink contract, those of its promised delivery included.

    Args:
        make: Opens the sink for KIT_CONTEXT over the same, at first empty, outside; the kit closes it.
        read_visible: The `value` of every row a reader may see now, in any order.

    Raises:
        AssertionError: a law does not hold; the message says which.
    """
    with SinkCheck(make, read_visible) as run:
        run.fresh()
        run.aborted()
        run.empty()
        sink, found = run.open()
        if sink.delivery is not Delivery.EXACTLY_ONCE:
            assert found is None, f"a sink without a place for markers gave {found}"
            return
        run.markers()
        for step in STEPS:
            run.crashed(step)
        run.replaced()
        run.superseded()
