"""State room: values of a table, an Arrow batch to one byte string a row and back.

Takes batches of a fixed schema; the first byte of every row is the format version. Bits of floats are kept as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_state.codec.decode import Cursor, decode_nodes, decode_record
from headrace_state.codec.encode import Parts, encode_level
from headrace_state.codec.layout import FORMAT_VERSION, Level, level_of, type_text
from headrace_state.errors import StateError, StateErrorKind


class RowCodec:
    """Encodes and decodes rows of one schema.

    Law: decode(encode(batch)) equals batch, nulls and the bits of floats included.

    Raises:
        TypeError: On construction, for a type that states cannot hold.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._level = level_of([column.type for column in schema], head=[("version", "u1")])

    @property
    def signature(self) -> str:
        """Types and format version; rows are readable exactly by codecs of the same signature."""
        return f"row{FORMAT_VERSION}({', '.join(type_text(column.type) for column in self.schema)})"

    def encode(self, batch: pa.RecordBatch | pa.Table) -> list[bytes]:
        """Return the bytes of each row; columns are taken by position and cast to the schema's types.

        Raises:
            pa.ArrowInvalid: A column cannot be cast without loss.
        """
        parts = Parts(is_canonical=False)
        record = encode_level(self._level, columns_of(self.schema, batch), row_bounds(batch.num_rows), parts)
        record["version"] = FORMAT_VERSION
        return parts.to_rows() if batch.num_rows else []

    def decode(self, rows: Sequence[bytes]) -> pa.RecordBatch:
        """Return the rows as one batch of the schema.

        Raises:
            StateError: INCOMPATIBLE for another format version, CORRUPT for rows that are cut.
            OverflowError: More than 2 GiB in one column; decode fewer rows at once.
        """
        arrays = decode_rows(self._level, rows)
        return batch_of(self.schema, arrays, len(rows))


def row_bounds(rows: int) -> npt.NDArray[np.int64]:
    """Return the bounds of a level with one value a row."""
    return np.arange(rows + 1, dtype=np.int64)


def columns_of(schema: pa.Schema, batch: pa.RecordBatch | pa.Table) -> list[Any]:
    """Return one Arrow array a column, by position, of the schema's types."""
    columns = []
    for place, wanted in enumerate(schema):
        column = batch.column(place)
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        columns.append(column if column.type == wanted.type else column.cast(wanted.type))
    return columns


def batch_of(schema: pa.Schema, arrays: list[Any], rows: int) -> pa.RecordBatch:
    """Return a batch that keeps its number of rows even without columns."""
    if arrays:
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), rows, [None], children=[]))


def decode_rows(level: Level, rows: Sequence[bytes]) -> list[Any]:
    """Return the columns of rows whose record has a version field; errors as in RowCodec.decode."""
    cursor = Cursor(rows)
    bounds = row_bounds(len(rows))
    record = decode_record(level, cursor, bounds)
    if (record["version"] != FORMAT_VERSION).any():
        seen = sorted({int(version) for version in np.unique(record["version"])})
        message = f"rows in the state have format versions {seen}, this version reads {FORMAT_VERSION}"
        raise StateError(StateErrorKind.INCOMPATIBLE, message)
    arrays = decode_nodes(level, record, cursor, bounds)
    cursor.finish()
    return arrays
