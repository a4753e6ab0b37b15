"""Room 6: one source of a query: its raw rows, decoded if the pipeline file says so.

Takes an offset range; gives the columns the plan reads and the records that could not be decoded, by the file's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import numpy as np
import pyarrow as pa

from headrace.contract import Decoder, Offset, Source
from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.types import Field, StructType

RECORD = "record"
"""Beside decoded columns: a struct of the source's own columns."""

_FEW_ROWS = 16


class OnMalformed(Enum):
    """What becomes of a record that cannot be decoded."""

    FAIL = "fail"
    NULL = "null"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a source's `value` becomes columns."""

    decoder: Decoder
    schema: StructType
    on_error: OnMalformed


@dataclass(frozen=True, slots=True)
class InputRows:
    """What one batch read of one source.

    Attributes:
        rows: Columns the plan asked for.
        records: Records read, malformed ones too.
        read_bytes: Size of what was read, in memory.
        malformed: Reasons by record number; empty with the policy fail.
        dead: The malformed records' raw columns, for dead letters; None unless that is the policy.
        raw: The raw columns behind `rows`, one by one; None unless records are kept.
    """

    rows: pa.Table
    records: int
    read_bytes: int
    malformed: Mapping[int, str]
    dead: pa.Table | None = None
    raw: pa.Table | None = None


def visible_schema(source: StructType, decoded: StructType | None) -> StructType:
    """Return what SQL sees of a source: its own columns, or the decoded ones and `record`."""
    if decoded is None:
        return source
    return StructType((*decoded.fields, Field(RECORD, source)))


class StreamInput:
    """Reads one source for one query; the columns asked for are fixed at the start."""

    def __init__(
        self,
        name: str,
        source: Source,
        decoding: Decoding | None,
        columns: Sequence[str],
        *,
        keeps_records: bool = False,
    ) -> None:
        self.name = name
        self.source = source
        self._decoding = decoding
        self._keeps_records = keeps_records
        self._columns = tuple(columns)
        self._raw = source.schema
        source.select(self._raw_columns())

    def _raw_columns(self) -> tuple[str, ...]:
        if self._keeps_records:
            return self._raw.names
        if self._decoding is None:
            return self._columns
        if RECORD in self._columns or self._decoding.on_error is OnMalformed.DEAD_LETTER:
            return self._raw.names
        return ("value",)

    def read(self, start: Offset, end: Offset) -> InputRows:
        """Return the rows in [start, end).

        Raises:
            StreamError: DATA_MALFORMED with the first bad record, under the policy fail; else the source's errors.
        """
        raw = self.source.read(start, end)
        if self._decoding is None:
            if self._keeps_records:
                return InputRows(raw.select(list(self._columns)), len(raw), raw.nbytes, {}, raw=raw)
            return InputRows(raw, len(raw), raw.nbytes, {})
        wanted = [name for name in self._columns if name != RECORD]
        decoded = self._decoding.decoder.decode(raw.column("value"), wanted)
        rows = self._assembled(raw, decoded.rows)
        if not decoded.malformed:
            return InputRows(rows, len(raw), raw.nbytes, {}, raw=self._kept(raw))
        if self._decoding.on_error is OnMalformed.FAIL:
            raise self._refused(raw, decoded.malformed, (start, end))
        return self._set_aside(raw, rows, decoded.malformed)

    def empty(self) -> pa.Table:
        """Return no rows of the columns asked for."""
        schema = visible_schema(self._raw, self._decoding.schema if self._decoding else None)
        types = {field.name: field.type for field in schema.fields}
        return pa.schema([pa.field(name, types[name].arrow()) for name in self._columns]).empty_table()

    def _assembled(self, raw: pa.Table, decoded: pa.Table) -> pa.Table:
        columns = []
        for name in self._columns:
            if name == RECORD:
                parts = [raw.column(field).combine_chunks() for field in self._raw.names]
                columns.append(pa.StructArray.from_arrays(parts, names=list(self._raw.names)))
            else:
                columns.append(decoded.column(name))
        return pa.table(columns, names=list(self._columns)) if columns else decoded

    def _set_aside(self, raw: pa.Table, rows: pa.Table, malformed: Mapping[int, str]) -> InputRows:
        if self._decoding is not None and self._decoding.on_error is OnMalformed.NULL:
            return InputRows(rows, len(raw), raw.nbytes, malformed, raw=self._kept(raw))
        bad = np.zeros(len(raw), np.bool_)
        bad[list(malformed)] = True
        dead = raw.filter(pa.array(bad))
        kept = _without(raw, malformed) if self._keeps_records else None
        return InputRows(_without(rows, malformed), len(raw), raw.nbytes, malformed, dead, kept)

    def _refused(self, raw: pa.Table, malformed: Mapping[int, str], read: tuple[Offset, Offset]) -> StreamError:
        number, reason = next(iter(malformed.items()))
        value = raw.column("value")[number].as_py()
        message = (
            f'{len(malformed)} of {len(raw)} records of source "{self.name}" cannot be decoded; '
            f"the first{self._place(number, *read)}: {reason}. Seen: {value[:200]!r}."
        )
        return StreamError("DATA_MALFORMED", message, hint="Set on_error to null or dead_letter to go on.")

    def _place(self, number: int, start: Offset, end: Offset) -> str:
        """Return where a record stands, for a source that says so; the columns that tell are read for this only."""
        if not {"topic", "partition", "offset"} <= set(self._raw.names):
            return ""
        self.source.select(("topic", "partition", "offset"))
        try:
            row = self.source.read(start, end).slice(number, 1).to_pylist()[0]
        except (StreamError, IndexError):  # the source was read a moment ago; what it says now is another error
            return ""
        finally:
            self.source.select(self._raw_columns())
        return f", at offset {row['offset']} of {row['topic']}-{row['partition']}"

    def _kept(self, raw: pa.Table) -> pa.Table | None:
        return raw if self._keeps_records else None


def _without(table: pa.Table, numbers: Iterable[int]) -> pa.Table:
    """Return the table without the rows; while those are few, without a copy of the others."""
    gone = sorted(numbers)
    if len(gone) > _FEW_ROWS:
        good = np.ones(len(table), np.bool_)
        good[gone] = False
        return table.filter(pa.array(good))
    begins, ends = [0, *(number + 1 for number in gone)], [*gone, len(table)]
    return pa.concat_tables([table.slice(begin, end - begin) for begin, end in zip(begins, ends, strict=True)])
