"""Plugin format json: JSON texts to columns as Spark's from_json reads them, columns to what its to_json writes.

The rules are DuckDB text from `headrace.json_text`; here they run over whole Arrow columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract import Codec, Decoded, Kind, Option, Options, Plugin, PluginKind, Spec
from headrace.duck import quote
from headrace.json_text import from_json_sql, malformed_json_sql, to_json_sql, trusted_json_sql
from headrace.types import ArrayType, MapType, StructType
from headrace_plugins.formats.text import read_texts, without_rows
from headrace_plugins.formats.text_sql import TIME_ZONE, TextSql, conform, pick

IGNORE_NULLS = Option("ignoreNullFields", Kind.BOOL, "Leave null fields out; false writes them as null.", default=True)
"""The option of whatever writes JSON."""

SPEC = Spec(
    "json",
    PluginKind.FORMAT,
    "JSON objects, one a value, as Spark's from_json and to_json.",
    (IGNORE_NULLS, TIME_ZONE),
)

_INPUT, _SUSPECTS, _ROW, _TEXT = "headrace_values", "headrace_suspects", "headrace_row", "headrace_text"
_DOUBTS = 16
"""How many calls after one with a text that is no JSON test every text."""


class JsonDecoder:
    """Reads JSON objects by Spark's from_json rules, in one statement for all values.

    Only the columns asked for are read: a malformed value in another column of the schema goes unnoticed, unless the
    text is no JSON object at all.
    """

    def __init__(self, schema: StructType, time_zone: str) -> None:
        self._schema = schema
        self._time_zone = time_zone
        self._sql = TextSql(time_zone)
        self._asked = StructType(())
        self._trusting = self._checking = ""
        self._doubts = 0

    def _prepare(self, asked: StructType) -> None:
        self._asked = asked
        read = from_json_sql(_TEXT, asked, self._time_zone)
        fields = ", ".join(f"r.{quote(name)} AS {quote(name)}" for name in asked.names)
        self._checking = f"SELECT {fields} FROM (SELECT {read} AS r FROM {_INPUT})"  # noqa: S608 - names are quoted
        self._trusting = trusted_json_sql(_TEXT, _INPUT, asked, self._time_zone)

    def _read(self, texts: pa.ChunkedArray) -> pa.Table:
        """Read the texts as if all were JSON, and only if one is not, or one was not lately, test each first."""
        inputs = {_INPUT: pa.table({_TEXT: texts})}
        if not self._doubts:
            try:
                return self._sql.run(self._trusting, inputs)
            except duckdb.InvalidInputException:
                self._doubts = _DOUBTS
        self._doubts -= 1
        return self._sql.run(self._checking, inputs)

    def decode(self, values: pa.ChunkedArray, columns: Sequence[str]) -> Decoded:
        """Return the columns; a text that is malformed gives a reason, an empty one only nulls."""
        texts, reasons = read_texts(values)
        asked = pick(self._schema, list(columns) or [self._schema.names[0]])
        if asked != self._asked:
            self._prepare(asked)
        rows = conform(self._read(texts), asked)
        malformed = {**reasons, **self._reasons(texts, rows, asked)}
        return without_rows(rows.select(list(columns)), malformed)

    def _reasons(self, texts: pa.ChunkedArray, rows: pa.Table, asked: StructType) -> dict[int, str]:
        """Return why rows are malformed; only suspects are looked at a second time."""
        numbers = np.flatnonzero(np.asarray(_suspects(texts, rows, asked)))
        if len(numbers) == 0:
            return {}
        table = pa.table({_ROW: numbers, _TEXT: texts.take(pa.array(numbers))})
        malformed = malformed_json_sql(_TEXT, asked)
        found = self._sql.run(f"SELECT {_ROW}, {_TEXT} FROM {_SUSPECTS} WHERE {malformed}", {_SUSPECTS: table})  # noqa: S608 - built from a typed schema
        if found.num_rows == 0:
            return {}
        one_by_one = ", ".join(
            f"CASE WHEN {malformed_json_sql(_TEXT, StructType((field,)))} THEN {n} END"
            for n, field in enumerate(asked.fields)
        )
        statement = f"""SELECT {_ROW}, json_valid({_TEXT}) AS valid, json_type(TRY_CAST({_TEXT} AS JSON)) AS kind,
            list_filter([{one_by_one}], lambda f: f IS NOT NULL) AS fields FROM {_SUSPECTS}"""  # noqa: S608 - built from a typed schema
        reasons = self._sql.run(statement, {_SUSPECTS: found}).to_pylist()
        return {row[_ROW]: _reason(row["valid"], row["kind"], row["fields"], asked) for row in reasons}

    def close(self) -> None:
        """Free the memory; may be called twice."""
        self._sql.close()


def _suspects(texts: pa.ChunkedArray, rows: pa.Table, asked: StructType) -> pa.Array:
    """Return True for rows that may be malformed: what does not fit is null, inside a nested value unseen."""
    if any(isinstance(field.type, StructType | ArrayType | MapType) for field in asked.fields):
        return pc.is_valid(texts).combine_chunks()
    suspect = pa.array(np.zeros(rows.num_rows, dtype=bool))
    for column in rows.columns:
        suspect = pc.or_(suspect, pc.is_null(column).combine_chunks())
    return pc.and_(suspect, pc.is_valid(texts).combine_chunks())


def _reason(valid: bool, kind: str | None, fields: Sequence[int], asked: StructType) -> str:
    if not valid:
        return "not valid JSON"
    if kind != "OBJECT":
        return f"not a JSON object but {(kind or 'nothing').lower()}"
    named = ", ".join(f"{asked.fields[n].name} {asked.fields[n].type.sql()}" for n in fields)
    return f"does not fit {named or asked.sql()}"


class JsonEncoder:
    """Writes each row as the JSON object of Spark's to_json, null fields left out or not, in one statement for all."""

    def __init__(self, schema: StructType, time_zone: str, *, nulls: bool = False) -> None:
        packed = ", ".join(f"{quote(name)} := {quote(name)}" for name in schema.names)
        written = to_json_sql("r", schema, time_zone, nulls=nulls)
        self._statement = f"SELECT {written} AS v FROM (SELECT struct_pack({packed}) AS r FROM {_INPUT})"  # noqa: S608 - names are quoted
        self._sql = TextSql(time_zone)

    def encode(self, rows: pa.Table) -> pa.Array:
        """Return one JSON text per row."""
        return self._sql.run(self._statement, {_INPUT: rows}).column("v").combine_chunks().cast(pa.string())

    def close(self) -> None:
        """Free the memory; may be called twice."""
        self._sql.close()


def build(options: Options, schema: StructType) -> Codec:
    """Return decoder and encoder for a schema of at least one column."""
    zone = options["timeZone"]
    return Codec(JsonDecoder(schema, zone), JsonEncoder(schema, zone, nulls=not options["ignoreNullFields"]))


PLUGIN = Plugin(SPEC, build)
