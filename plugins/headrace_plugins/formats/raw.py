"""Plugins formats raw, string and binary: the value itself as the one column, as bytes or as text.

Takes and gives one column; a schema of more columns, or of another type, is refused when the codec is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace import types
from headrace.contract import Codec, Decoded, Options, Plugin, PluginKind, Spec
from headrace.errors import StreamError
from headrace.types import DataType, StructType
from headrace_plugins.formats.text import read_texts


class ValueCodec:
    """Decoder and encoder of one column of bytes or text."""

    def __init__(self, schema: StructType) -> None:
        self._name = schema.names[0]
        self._kind = schema.fields[0].type

    def decode(self, values: pa.ChunkedArray, columns: Sequence[str]) -> Decoded:
        """Return the values as the one column; text that is no UTF-8 is malformed."""
        if self._kind == types.BINARY:
            column, malformed = values.cast(pa.binary()), {}
        else:
            column, reasons = read_texts(values)
            malformed = dict(reasons)
        return Decoded(pa.table({self._name: column}).select(list(columns)), malformed)

    def encode(self, rows: pa.Table) -> pa.Array:
        """Return the one column as bytes or text; a null becomes the empty value."""
        column = rows.column(0).combine_chunks()
        empty = b"" if self._kind == types.BINARY else ""
        return column.fill_null(pa.scalar(empty, self._kind.arrow()))


def _build(name: str, allowed: tuple[DataType, ...], schema: StructType) -> Codec:
    if len(schema.fields) != 1 or schema.fields[0].type not in allowed:
        kinds = " or ".join(kind.sql() for kind in allowed)
        message = f"the format {name} carries one column of type {kinds}; seen: {schema.sql()}"
        raise StreamError("PLUGIN_OPTION_INVALID", message)
    codec = ValueCodec(schema)
    return Codec(codec, codec)


def build_raw(options: Options, schema: StructType) -> Codec:
    """Return the codec of one column, bytes or text as the schema says."""
    del options
    return _build("raw", (types.BINARY, types.STRING), schema)


def build_string(options: Options, schema: StructType) -> Codec:
    """Return the codec of one column of text."""
    del options
    return _build("string", (types.STRING,), schema)


def build_binary(options: Options, schema: StructType) -> Codec:
    """Return the codec of one column of bytes."""
    del options
    return _build("binary", (types.BINARY,), schema)


RAW = Plugin(Spec("raw", PluginKind.FORMAT, "The value itself, as one column of bytes or text."), build_raw)
STRING = Plugin(Spec("string", PluginKind.FORMAT, "The value itself, as one column of text."), build_string)
BINARY = Plugin(Spec("binary", PluginKind.FORMAT, "The value itself, as one column of bytes."), build_binary)
