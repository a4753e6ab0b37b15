"""Plugins files: Arrow types of a file as Spark's types. Takes an Arrow type, gives the Spark type Spark would read."""

from __future__ import annotations

import pyarrow as pa

from headrace import types
from headrace.errors import StreamError
from headrace.types import ArrayType, DataType, DecimalType, Field, MapType, StructType

_ATOMS: dict[pa.DataType, DataType] = {
    pa.null(): types.NULL,
    pa.bool_(): types.BOOLEAN,
    pa.int8(): types.TINYINT,
    pa.uint8(): types.SMALLINT,
    pa.int16(): types.SMALLINT,
    pa.uint16(): types.INT,
    pa.int32(): types.INT,
    pa.uint32(): types.BIGINT,
    pa.int64(): types.BIGINT,
    pa.uint64(): DecimalType(20, 0),
    pa.float32(): types.FLOAT,
    pa.float64(): types.DOUBLE,
    pa.string(): types.STRING,
    pa.large_string(): types.STRING,
    pa.binary(): types.BINARY,
    pa.large_binary(): types.BINARY,
    pa.date32(): types.DATE,
}


def spark_type(kind: pa.DataType, where: str) -> DataType:
    """Return the Spark type of an Arrow type.

    Args:
        kind: The Arrow type.
        where: Names the column in an error.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when Spark has no such type.
    """
    if kind in _ATOMS:
        return _ATOMS[kind]
    if pa.types.is_timestamp(kind):
        return types.TIMESTAMP if kind.tz else types.TIMESTAMP_NTZ
    if pa.types.is_decimal128(kind):
        return DecimalType(kind.precision, kind.scale)
    if pa.types.is_dictionary(kind):
        return spark_type(kind.value_type, where)
    if pa.types.is_map(kind):
        return MapType(spark_type(kind.key_type, where), spark_type(kind.item_type, where))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ArrayType(spark_type(kind.value_type, where))
    if pa.types.is_struct(kind):
        return StructType(tuple(Field(field.name, spark_type(field.type, where)) for field in kind))
    message = f"{where} has the type {kind}, for which Spark has none"
    raise StreamError("PLUGIN_OPTION_INVALID", message)
