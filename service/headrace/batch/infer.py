"""Batch SQL: the columns of CSV and JSON files that nobody gave a schema for, as Spark infers them.

Takes a local path, a file or a folder; gives a schema: texts called _c0, _c1 for CSV, what all lines hold for JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headrace.errors import StreamError
from headrace.sql.vectorised.values.documents import csv_fields, json_schema, merged_schema
from headrace.types import NULL, STRING, DataType, Field, StructType


def inferred(kind: str, path: str) -> StructType | None:
    """Return the columns of the files at a path, None for a format whose files say them.

    Raises:
        StreamError: IO_FAILED, the path cannot be read; DATA_MALFORMED, a line is no JSON object.
    """
    if kind == "csv":
        first = next(_lines(path), "")
        if not first:
            message = f"The schema of {path} cannot be inferred, for it has no lines."
            hint = "Make it a table of a pipeline file, with a schema."
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="UNABLE_TO_INFER_SCHEMA")
        return StructType(tuple(Field(f"_c{i}", STRING) for i in range(len(csv_fields(first, ",")))))
    return _json(path) if kind == "json" else None


def _json(path: str) -> StructType:
    found: DataType = NULL
    for line in _lines(path):
        if line.strip():
            one = json_schema(line)
            if not isinstance(one, StructType):
                message = f"{path}: a line is no JSON object: {line[:80]!r}."
                raise StreamError("DATA_MALFORMED", message)
            found = merged_schema(found, one)
    return found if isinstance(found, StructType) else StructType(())


def _lines(path: str) -> Iterator[str]:
    if "://" in path:
        message = f"The schema of {path} cannot be inferred, for it is no local path."
        raise StreamError("IO_FAILED", message, hint="Make it a table of a pipeline file, with a schema.")
    try:
        for file in _files(Path(path)):
            with file.open(encoding="utf-8-sig") as opened:
                yield from (line.rstrip("\r\n") for line in opened)
    except (OSError, UnicodeDecodeError) as error:
        raise StreamError("IO_FAILED", f"{path} cannot be read: {error}.") from error


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
