"""Batch SQL: what a statement gives, and the answers of the statements that are no queries.

Source: Spark's commands, and HiveResult for the lines that the shell prints of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace.batch.commands import Command
from headrace.dataclass import dataclass
from headrace.types import BOOLEAN, STRING, ArrayType, DataType, MapType, StructType, struct

_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gives: columns with Spark types, rows, and the lines the spark-sql shell prints."""

    schema: StructType
    rows: pa.Table
    lines: tuple[str, ...]


def texts(schema: StructType, rows: Sequence[Sequence[str]]) -> Result:
    """Return rows of texts."""
    arrays = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(schema.fields))]
    table = pa.Table.from_arrays(arrays, names=list(schema.names))
    return Result(schema, table, tuple("\t".join(row) for row in rows))


def listed(command: Command, names: Sequence[str]) -> Result:
    """Return what SHOW TABLES or SHOW VIEWS gives; the shell prints the names alone."""
    title = "viewName" if command.verb == "VIEWS" else "tableName"
    schema = struct(**{"namespace": STRING, title: STRING, "isTemporary": BOOLEAN})
    columns = [pa.array([""] * len(names), pa.string()), pa.array(names, pa.string()), pa.array([True] * len(names))]
    return Result(schema, pa.Table.from_arrays(columns, names=list(schema.names)), tuple(names))


def described(command: Command, relation: StructType) -> Result:
    """Return what DESCRIBE or SHOW COLUMNS gives of a relation."""
    if command.verb == "COLUMNS":
        return texts(struct(col_name=STRING), [(name,) for name in relation.names])
    schema = struct(col_name=STRING, data_type=STRING, comment=STRING)
    names, kinds = list(relation.names), [simple(field.type) for field in relation.fields]
    columns = [pa.array(names, pa.string()), pa.array(kinds, pa.string()), pa.nulls(len(names), pa.string())]
    lines = tuple("\t".join(part.ljust(_WIDTH) for part in (*row, "")) for row in zip(names, kinds, strict=True))
    return Result(schema, pa.Table.from_arrays(columns, names=list(schema.names)), lines)


def simple(kind: DataType) -> str:
    """Return a type as DESCRIBE shows it, such as ``array<struct<a:int>>``."""
    match kind:
        case StructType(fields=fields):
            return f"struct<{','.join(f'{field.name}:{simple(field.type)}' for field in fields)}>"
        case ArrayType(element=element):
            return f"array<{simple(element)}>"
        case MapType(key=key, value=value):
            return f"map<{simple(key)},{simple(value)}>"
    return kind.sql().lower()
