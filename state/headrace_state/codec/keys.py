"""State room: keys of a table, equal exactly when Spark's grouping says so, and in time order when asked.

Takes batches of key columns, gives byte strings and back. With an ordering column the bytes start with a tag (1 for a
value, 2 for null) and the value big-endian with its sign flipped, so that a range of bytes is a range of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from headrace_state.codec.encode import Parts, encode_level, fixed_values, null_mask
from headrace_state.codec.layout import FORMAT_VERSION, level_of, type_text
from headrace_state.codec.packing import items_of
from headrace_state.codec.rows import batch_of, columns_of, decode_rows, row_bounds

_VALUE, _NULL = 1, 2
_SIGN = 1 << 63
_LEAST, _MOST = -(2**63), 2**63 - 1


class KeyCodec:
    """Encodes and decodes keys of one schema.

    Law: two keys are equal bytes exactly when their values are equal with NaN = NaN, -0.0 = 0.0, null = null; maps
    compare as sets of entries. With order_by, byte order is time order and nulls come last.

    Raises:
        TypeError: On construction, for a type that keys cannot hold, or an ordering column that is no time.
    """

    def __init__(self, schema: pa.Schema, order_by: int | None = None) -> None:
        self.schema = schema
        self.order_by = order_by
        head = [("version", "u1")]
        if order_by is not None:
            _check_order(schema.field(order_by))
            head = [("tag", "u1"), ("order", ">u8"), *head]
        self._level = level_of([column.type for column in schema], head=head)

    @property
    def signature(self) -> str:
        """Types, ordering column and format version; keys are readable exactly by codecs of the same signature."""
        types = ", ".join(type_text(column.type) for column in self.schema)
        order = "" if self.order_by is None else f" order {self.order_by}"
        return f"key{FORMAT_VERSION}({types}){order}"

    def encode(self, batch: pa.RecordBatch | pa.Table) -> list[bytes]:
        """Return the bytes of each key; columns are taken by position and cast to the schema's types."""
        return items_of(self.encode_array(batch))

    def encode_array(self, batch: pa.RecordBatch | pa.Table) -> pa.LargeBinaryArray:
        """Return what encode does as one Arrow array."""
        columns = columns_of(self.schema, batch)
        parts = Parts(is_canonical=True)
        record = encode_level(self._level, columns, row_bounds(batch.num_rows), parts)
        record["version"] = FORMAT_VERSION
        if self.order_by is not None:
            _fill_order(record, columns[self.order_by])
        return parts.to_array()

    def decode(self, keys: Sequence[bytes]) -> pa.RecordBatch:
        """Return the keys as one batch of the schema; errors as in RowCodec.decode."""
        return batch_of(self.schema, decode_rows(self._level, keys), len(keys))

    def upto(self, time_us: int) -> tuple[bytes, bytes]:
        """Return the half-open range of all keys whose ordering column is at most time_us; nulls are never in it.

        Args:
            time_us: µs since the Unix epoch; values outside 64 bits are taken as the nearest one inside.

        Raises:
            ValueError: The codec has no ordering column.
        """
        if self.order_by is None:
            message = "these keys have no ordering column, so no range of them is a range of time"
            raise ValueError(message)
        start = bytes([_VALUE])
        if time_us >= _MOST:
            return start, bytes([_NULL])
        # A key is its prefix and more, so the first bytes behind all keys at time_us are the prefix of the next time.
        end = max(time_us, _LEAST - 1) + 1
        return start, start + ((end + _SIGN).to_bytes(8, "big"))


def distinct_keys(*arrays: pa.LargeBinaryArray) -> tuple[pa.LargeBinaryArray, list[npt.NDArray[np.int64]]]:
    """Return the keys in arrays, each once and ascending, and for each array the place of its items among them.

    RocksDB reads and writes keys in this order twice as fast as in any other.
    """
    coded = pa.concat_arrays(arrays).dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ends = np.cumsum([len(array) for array in arrays])
    return coded.dictionary.take(pa.array(order)), np.split(rank[coded.indices.to_numpy()], ends[:-1])


def _check_order(column: pa.Field) -> None:
    kind = column.type
    if pt.is_struct(kind):
        place = kind.get_field_index("end")
        kind = kind.field(place).type if place >= 0 else kind
    if not (pt.is_int64(kind) or (pt.is_timestamp(kind) and kind.unit == "us")):
        message = f"keys cannot be ordered by {column.name} of type {column.type}: no timestamp, no window"
        raise TypeError(message)


def _fill_order(record: npt.NDArray[np.void], column: pa.Array) -> None:
    if pt.is_struct(column.type):
        column = column.flatten()[column.type.get_field_index("end")]
    is_null = null_mask(column)
    flipped = fixed_values(column, "<i8").view("<u8") ^ np.uint64(_SIGN)
    record["tag"] = np.where(is_null, _NULL, _VALUE)
    record["order"] = np.where(is_null, np.uint64(0), flipped)
