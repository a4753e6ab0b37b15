"""Plugins files: rows by the values of some columns, and the folders those values name.

Takes a table, gives slices with a relative folder ``column=value``. Every value is percent-encoded where a path gives a
character a meaning, so that no value can leave its folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import StreamError, did_you_mean
from headrace.types import ArrayType, MapType, StructType

NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Stands for null and for the empty text, as in Hive and Spark."""

_ESCAPED = frozenset("\"#%'*/:=?\\{[]^\x7f") | frozenset(map(chr, range(32)))
_LONGEST_BYTES = 255


def check_partition_columns(names: Sequence[str], schema: StructType) -> None:
    """Refuse partition columns that do not exist, that have no text form, or that leave no column for the files.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID.
    """
    for name in names:
        if name not in schema.names:
            hint = did_you_mean(name, schema.names)
            message = f'partitionBy names the column "{name}", which the query does not have.'
            raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint)
        kind = schema.fields[schema.names.index(name)].type
        if isinstance(kind, StructType | ArrayType | MapType):
            message = f"partitionBy cannot use the column {name} of type {kind.sql()}"
            raise StreamError("PLUGIN_OPTION_INVALID", message, condition="INVALID_PARTITION_COLUMN_DATA_TYPE")
    if names and len(set(names)) == len(schema.names):
        message = f"partitionBy names every column ({', '.join(names)}); at least one must be left for the files"
        raise StreamError("PLUGIN_OPTION_INVALID", message, condition="ALL_PARTITION_COLUMNS_NOT_ALLOWED")


def split_by_folder(rows: pa.Table, names: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Give (folder, rows without the partition columns) for each combination of values, in order of folders.

    Rows keep their order within a folder. Without partition columns, or without rows, there is at most the folder "".
    """
    if not names or not rows.num_rows:
        if rows.num_rows:
            yield "", rows
        return
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    folders = [""]
    for name in names:
        indices, parts = _components(name, rows.column(name))
        combined, codes = np.unique(codes * len(parts) + indices, return_inverse=True)
        folders = [f"{folders[c // len(parts)]}/{parts[c % len(parts)]}".lstrip("/") for c in combined.tolist()]
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(folders) + 1))
    sorted_rows = rows.drop_columns(list(names)).take(pa.array(order))
    for number in sorted(range(len(folders)), key=folders.__getitem__):
        yield folders[number], sorted_rows.slice(bounds[number], bounds[number + 1] - bounds[number])


def _components(name: str, column: pa.ChunkedArray) -> tuple[Any, list[str]]:
    """Return per row the number of its folder name, and the folder names."""
    encoded = partition_texts(column).combine_chunks().dictionary_encode(null_encoding="encode")
    parts = [component(name, text) for text in encoded.dictionary.to_pylist()]
    return np.asarray(encoded.indices, dtype=np.int64), parts


def partition_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values as Spark's cast to string writes them, timestamps in UTC."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        text = pc.strftime(column.cast(pa.timestamp("us")), "%Y-%m-%d %H:%M:%S")
        return pc.replace_substring_regex(text, r"\.?0*$", "") if _has_fraction(text) else text
    if pa.types.is_binary(kind):
        return pa.chunked_array([[_binary_text(v) for v in column.to_pylist()]], pa.string())
    return column.cast(pa.string())


def _has_fraction(texts: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring(texts, ".")).as_py())


def _binary_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def component(name: str, text: str | None) -> str:
    """Return the folder name of one value.

    Raises:
        StreamError: IO_FAILED when it is longer than a file system takes.
    """
    value = NULL_VALUE if text is None or text == "" else _escape(text)
    folder = f"{_escape(name)}={value}"
    if len(folder.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES:
        message = f"a value of the partition column {name} has {len(text or '')} characters, too long for a folder name"
        raise StreamError("IO_FAILED", message, hint="Partition by a shorter expression.")
    return folder


def _escape(text: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in text)


def values_in_path(relative: str) -> dict[str, str | None]:
    """Return the partition values that the folders of a relative file path name."""
    pairs = (part.split("=", 1) for part in PurePosixPath(relative).parts[:-1] if "=" in part)
    return {unquote(name): None if value == NULL_VALUE else unquote(value) for name, value in pairs}
