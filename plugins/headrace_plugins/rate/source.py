"""Plugin rate: a source whose rows follow from the time alone.

Takes options and a clock, gives rows of (timestamp, value); a row depends only on the start time kept in the offset and
on its number, so that any range can be read again in any process.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.contract import (
    JsonValue,
    Kind,
    Offset,
    Option,
    Options,
    Plugin,
    PluginKind,
    SourceContext,
    SourceLag,
    Spec,
)
from headrace.errors import StreamError
from headrace.types import BIGINT, TIMESTAMP, StructType, struct
from headrace.values import US_PER_MS, US_PER_S

SPEC = Spec(
    name="rate",
    kind=PluginKind.SOURCE,
    summary="Emits numbered rows with their time at a steady pace; for demos and load tests.",
    replayable=True,
    options=(
        Option("rowsPerSecond", Kind.INT, "Rows per second of processing time.", default=1, minimum=1),
        Option("rampUpTime", Kind.DURATION, "How long the pace grows before it is reached.", default=0, minimum=0),
        Option("numPartitions", Kind.INT, "Accepted as in Spark; a batch is one table here.", minimum=1),
    ),
)

SCHEMA = struct(timestamp=TIMESTAMP, value=BIGINT)
"""What Spark's rate source gives: when a row was due, and its number from 0."""

Longs = npt.NDArray[np.int64]


def value_at_second(seconds: Longs, rows_per_second: int, ramp_up_s: int) -> Longs:
    """Return how many rows are due in the given numbers of seconds since the start.

    While ramping up, each second adds ``rows_per_second // (ramp_up_s + 1)`` rows to the pace of the one before.

    Source: Spark RateStreamProvider.valueAtSecond.
    """
    step = rows_per_second // (ramp_up_s + 1)
    ramping = np.minimum(seconds, ramp_up_s)
    steady = np.maximum(seconds - ramp_up_s, 0)
    due: Longs = step * (ramping * (ramping + 1) // 2) + steady * rows_per_second
    return due


class RateSource:
    """Rows that are due since the query's start; only whole seconds are given, as in Spark. Replayable."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self._rows_per_second: int = options["rowsPerSecond"]
        self._ramp_up_s: int = options["rampUpTime"] // US_PER_S
        self._partitions: int | None = options["numPartitions"]
        self._clock = context.clock
        self._frozen_us: int | None = None
        self._schema = SCHEMA

    @property
    def schema(self) -> StructType:
        """The columns timestamp and value, or those selected."""
        return self._schema

    def select(self, columns: Sequence[str]) -> None:
        """Give only these columns, in this order."""
        fields = {field.name: field for field in SCHEMA.fields}
        self._schema = StructType(tuple(fields[name] for name in columns))

    def initial_offset(self) -> Offset:
        """Return second 0 of a stream that starts now; the start time, in µs, is part of every offset."""
        now_us = self._clock.now_us()
        return {"start_us": now_us - now_us % US_PER_MS, "seconds": 0}

    def latest_offset(self, start: Offset, *, limited: bool) -> Offset:
        """Return the whole seconds gone by; never less than start, also when the clock was set back."""
        del limited  # this source has no read limits
        now_us = self._clock.now_us() if self._frozen_us is None else self._frozen_us
        seconds = max(start["seconds"], (now_us - start["start_us"]) // US_PER_S)
        return {"start_us": start["start_us"], "seconds": seconds}

    def freeze(self) -> None:
        """Take the present time for the end."""
        self._frozen_us = self._clock.now_us()

    def read(self, start: Offset, end: Offset) -> pa.Table:
        """Return the rows of the seconds in [start, end), those of a second spread over it by milliseconds."""
        if start["start_us"] != end["start_us"]:
            message = f"a rate stream that began at {start['start_us']} cannot end at {dict(end)!r}"
            raise StreamError("SOURCE_CHANGED", message)
        seconds = np.arange(start["seconds"], end["seconds"], dtype=np.int64)
        first = self._value_at(seconds)
        counts = self._value_at(seconds + 1) - first
        values = np.arange(int(counts.sum()), dtype=np.int64) + (first[0] if len(first) else 0)
        shares = (values - np.repeat(first, counts)) * US_PER_S / np.repeat(counts, counts)
        millis = np.floor(shares / US_PER_MS + 0.5).astype(np.int64)
        times_us = start["start_us"] + np.repeat(seconds, counts) * US_PER_S + millis * US_PER_MS
        columns = {"timestamp": pa.array(times_us).cast(TIMESTAMP.arrow()), "value": pa.array(values)}
        return pa.table([columns[name] for name in self._schema.names], schema=self._schema.arrow_schema())

    def commit(self, end: Offset) -> None:
        """Do nothing: there is nobody to tell."""

    def identity(self) -> JsonValue:
        """Return None: the offset says all."""
        return None

    def check_identity(self, logged: JsonValue) -> None:
        """Accept every log."""

    def offset_rows(self, start: Offset, end: Offset) -> int:
        """Return exactly how many rows the range has."""
        first, last = self._value_at(np.array([start["seconds"], end["seconds"]], dtype=np.int64)).tolist()
        return int(last - first)

    def lag(self, end: Offset) -> SourceLag:
        """Return no lag: rows that are due are read in the next batch."""
        del end
        return SourceLag()

    def describe(self) -> str:
        """Return Spark's description."""
        partitions = self._partitions or "default"
        return (
            f"RateStreamV2[rowsPerSecond={self._rows_per_second}, "
            f"rampUpTimeSeconds={self._ramp_up_s}, numPartitions={partitions}]"
        )

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _value_at(self, seconds: Longs) -> Longs:
        return value_at_second(seconds, self._rows_per_second, self._ramp_up_s)


PLUGIN = Plugin(SPEC, RateSource)
