"""Room 2: the keys that theta and tuple sketches count: their types, and the text of their hash."""

from __future__ import annotations

from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch
from headrace.types import BIGINT, BINARY, DOUBLE, FLOAT, INT, NULL, STRING, ArrayType, DataType

_HASHES: dict[DataType, str] = {
    ArrayType(INT): "ints({})",
    ArrayType(BIGINT): "longs({})",
    BINARY: "bytes({})",
    DOUBLE: "double({})",
    FLOAT: "double(CAST({} AS DOUBLE))",
    INT: "long(CAST({} AS BIGINT))",
    BIGINT: "long({})",
    STRING: "bytes(encode({}))",
}


def key_type(argument: Argument) -> DataType:
    """Return the type of a key.

    Raises:
        StreamError: DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE, no key has this type.
    """
    kind = INT if argument.type == NULL else argument.type
    if kind not in _HASHES:
        names = " or ".join(f'"{one.sql()}"' for one in _HASHES)
        raise mismatch(f'Argument 1 must be ({names}), and has the type "{kind.sql()}".')
    return kind


def key_hash(text: str, kind: DataType) -> str:
    """Return the DuckDB text of a key's hash, NULL for what sketches do not count."""
    return f"headrace_sketch_hash_{_HASHES[kind].format(text)}"
