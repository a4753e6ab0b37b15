"""Engine: rows that cannot be decoded leave the batch, wherever they stand and however many they are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.clock import ManualClock
from headrace.contract import Options, SourceContext
from headrace.ddl import parse_schema
from headrace.inputs.stream import Decoding, OnMalformed, StreamInput
from headrace_plugins.formats.json import JsonDecoder
from headrace_plugins.memory.source import MemorySource

SCHEMA = parse_schema("n BIGINT")
ROWS = 60


def _read(bad: Sequence[int], steps: Sequence[int], *, keeps_records: bool) -> tuple[object, ...]:
    """Return what a batch of ROWS records in so many steps gives, of which some are no JSON."""
    values = [b"{" if number in bad else b'{"n": %d}' % number for number in range(ROWS)]
    context = SourceContext("id", uuid.uuid4().hex, ManualClock(0))
    source = MemorySource(Options({"name": None, "schema": "value BINARY, place INT"}, {}), context)
    for begin, end in zip([0, *steps], [*steps, ROWS], strict=True):
        places = pa.array(range(begin, end), pa.int32())
        source.add(pa.table({"value": pa.array(values[begin:end], pa.binary()), "place": places}))
    decoding = Decoding(JsonDecoder(SCHEMA, "UTC"), SCHEMA, OnMalformed.DEAD_LETTER)
    read = StreamInput("s", source, decoding, ["n"], keeps_records=keeps_records).read(
        source.initial_offset(), source.latest_offset(source.initial_offset(), limited=False)
    )
    dead = None if read.dead is None else read.dead.to_pylist()
    raw = None if read.raw is None else read.raw["place"].to_pylist()
    return read.rows["n"].to_pylist(), dead, raw, dict(read.malformed), read.records


@settings(max_examples=40, deadline=None)
@given(bad=st.sets(st.integers(0, ROWS - 1)), steps=st.sets(st.integers(1, ROWS - 1), max_size=3), keeps=st.booleans())
@example(bad=set(), steps=set(), keeps=True)
@example(bad={0, ROWS - 1}, steps={1, 30}, keeps=True)
@example(bad=set(range(ROWS)), steps=set(), keeps=True)
def test_malformed_rows_leave_and_all_others_stay_in_order(bad: set[int], steps: set[int], *, keeps: bool) -> None:
    """A few leave without a copy of the rest, many by a filter: nobody sees which."""
    good = [number for number in range(ROWS) if number not in bad]
    dead = [{"value": b"{", "place": number} for number in sorted(bad)] if bad else None
    reasons = dict.fromkeys(sorted(bad), "not valid JSON")
    found = _read(sorted(bad), sorted(steps), keeps_records=keeps)
    assert found == (good, dead, good if keeps else None, reasons, ROWS)
