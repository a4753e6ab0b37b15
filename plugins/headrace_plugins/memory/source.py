"""Plugin memory, source side: rows that code adds, kept by the process so that a restarted query reads them again.

Takes Arrow tables or lists of mappings, gives them back by offset; each add is one step of ``{"offset": n}``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

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
from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.types import StructType

Rows: TypeAlias = "pa.Table | Sequence[Mapping[str, Any]]"
"""What can be added: a table, or a mapping per row."""

SPEC = Spec(
    name="memory",
    kind=PluginKind.SOURCE,
    summary="Reads rows that code in the same process added; for tests and notebooks.",
    replayable=True,
    options=(
        Option("name", Kind.STRING, "The stream's name in this process; the source's own name by default."),
        Option("schema", Kind.STRING, "The columns, as Spark DDL.", required=True),
    ),
)


class MemoryStream:
    """Rows by step, thread-safe; lives as long as the process or until `clear_streams`."""

    def __init__(self) -> None:
        self._steps: list[Rows] = []
        self._lock = threading.Lock()

    def add(self, rows: Rows) -> int:
        """Append one step, and return how many steps there are now."""
        with self._lock:
            self._steps.append(rows if isinstance(rows, pa.Table) else [dict(row) for row in rows])
            return len(self._steps)

    def steps(self, start: int, end: int) -> list[Rows]:
        """Return the steps in [start, end).

        Raises:
            StreamError: DATA_LOSS when some of them are not there, as after a restart of the process.
        """
        with self._lock:
            if end > len(self._steps):
                message = f"steps {start} to {end} of a memory stream were asked for; it holds {len(self._steps)}"
                raise StreamError("DATA_LOSS", message, hint="A memory stream ends with its process.")
            return self._steps[start:end]

    def __len__(self) -> int:
        with self._lock:
            return len(self._steps)


_streams: dict[str, MemoryStream] = {}
_lock = threading.Lock()


def memory_stream(name: str) -> MemoryStream:
    """Return the stream of a name, the same for the whole process; made on first use."""
    with _lock:
        return _streams.setdefault(name, MemoryStream())


def clear_streams() -> None:
    """Forget every stream and its rows."""
    with _lock:
        _streams.clear()


class MemorySource:
    """Reads a `MemoryStream`. Replayable within the process. Built in code, the option `schema` may be a StructType."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        schema = options["schema"]
        self._full = schema if isinstance(schema, StructType) else parse_schema(schema)
        self._schema = self._full
        self._name: str = options["name"] or context.name
        self._stream = memory_stream(self._name)
        self._frozen: int | None = None

    @property
    def schema(self) -> StructType:
        """The columns of the option, or those selected."""
        return self._schema

    def add(self, rows: Rows) -> int:
        """Append one step to the stream, and return how many steps there are now."""
        return self._stream.add(rows)

    def select(self, columns: Sequence[str]) -> None:
        """Give only these columns, in this order."""
        fields = {field.name: field for field in self._full.fields}
        self._schema = StructType(tuple(fields[name] for name in columns))

    def initial_offset(self) -> Offset:
        """Return the first step ever added."""
        return {"offset": 0}

    def latest_offset(self, start: Offset, *, limited: bool) -> Offset:
        """Return the end of the stream; there are no read limits."""
        del limited
        end = len(self._stream) if self._frozen is None else self._frozen
        return {"offset": max(start["offset"], end)}

    def freeze(self) -> None:
        """Take the present number of steps for the end."""
        self._frozen = len(self._stream)

    def read(self, start: Offset, end: Offset) -> pa.Table:
        """Return the rows of the steps in [start, end)."""
        steps = self._stream.steps(start["offset"], end["offset"])
        tables = [_as_table(rows, self._full).select(list(self._schema.names)) for rows in steps]
        return pa.concat_tables([self._schema.arrow_schema().empty_table(), *tables])

    def commit(self, end: Offset) -> None:
        """Do nothing: there is nobody to tell."""

    def identity(self) -> JsonValue:
        """Return the stream's name."""
        return {"name": self._name}

    def check_identity(self, logged: JsonValue) -> None:
        """Refuse a log of another stream."""
        if logged != self.identity():
            raise StreamError("SOURCE_CHANGED", f"the checkpoint reads {logged}, this source is {self.identity()}")

    def offset_rows(self, start: Offset, end: Offset) -> int:
        """Return exactly how many rows the range has."""
        return sum(len(rows) for rows in self._stream.steps(start["offset"], end["offset"]))

    def lag(self, end: Offset) -> SourceLag:
        """Return the rows after end."""
        last = max(end["offset"], len(self._stream))
        return SourceLag(behind={self._name: self.offset_rows(end, {"offset": last})})

    def describe(self) -> str:
        """Return Spark's description."""
        return f"MemoryStream[{','.join(self._full.names)}]"

    def close(self) -> None:
        """Do nothing: the stream stays for the next run."""


def _as_table(rows: Rows, schema: StructType) -> pa.Table:
    """Return the rows with exactly the columns of the schema; an absent column is null, a surplus one is left out."""
    wanted = schema.arrow_schema()
    try:
        if not isinstance(rows, pa.Table):
            return pa.Table.from_pylist([dict(row) for row in rows], schema=wanted)
        columns = [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in wanted
        ]
        return pa.table(columns, schema=wanted)
    except (pa.ArrowException, TypeError, ValueError) as error:
        message = f"rows added to a memory stream do not fit {schema.sql()}: {error}"
        raise StreamError("DATA_MALFORMED", message) from error


SOURCE = Plugin(SPEC, MemorySource)
