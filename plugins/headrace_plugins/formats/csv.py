"""Plugin format csv: one line of CSV a value, as Spark's from_csv and to_csv with their defaults.

Takes and gives Arrow columns; a line is split by one regular expression inside DuckDB and its fields are cast there.
Columns go by position; only flat types have a place in a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract import Codec, Decoded, Kind, Option, Options, Plugin, PluginKind, Spec
from headrace.duck import duckdb_type, quote, quote_text
from headrace.errors import StreamError
from headrace.json_text import to_json_sql
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    DataType,
    DecimalType,
    Field,
    StructType,
)
from headrace_plugins.formats.text import read_texts, without_rows
from headrace_plugins.formats.text_sql import TIME_ZONE, TextSql, conform

CSV_OPTIONS = (
    Option("sep", Kind.STRING, "The one character between fields.", default=","),
    Option("delimiter", Kind.STRING, "Spark's other name of sep."),
    Option("quote", Kind.STRING, "The one character around fields that hold a separator.", default='"'),
    Option("escape", Kind.STRING, "The one character before a quote inside a quoted field.", default="\\"),
    Option("nullValue", Kind.STRING, "The text that stands for null.", default=""),
    TIME_ZONE,
)
"""What the format, the csv sink and the csv table share."""

SPEC = Spec("csv", PluginKind.FORMAT, "One line of CSV a value, as Spark's from_csv and to_csv.", CSV_OPTIONS)

_INPUT = "headrace_values"
_FLAT = (BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING, DATE, TIMESTAMP, TIMESTAMP_NTZ)
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?|NaN|[+-]?Infinity|[+-]?Inf"


class CsvLine:
    """How a line is written: the characters with a meaning, as texts for SQL and for its regular expressions.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when one of them is not one character.
    """

    def __init__(self, options: Options) -> None:
        self.sep: str = (options["delimiter"] or options["sep"]).replace("\\t", "\t")
        self.quote: str = options["quote"]
        self.escape: str = options["escape"]
        self.null_value: str = options["nullValue"]
        self.time_zone: str = options["timeZone"]
        for name, text in (("sep", self.sep), ("quote", self.quote), ("escape", self.escape)):
            if len(text) != 1 or text in "\r\n":
                message = f'the csv option "{name}" has the value {text!r}; allowed: one character, no line break'
                raise StreamError("PLUGIN_OPTION_INVALID", message)

    def fields_sql(self, text_sql: str) -> str:
        """Return an expression that lists the fields of a line as written, quotes included."""
        quote_, escape, sep = (_char(text) for text in (self.quote, self.escape, self.sep))
        pattern = f"(?s)({quote_}(?:{escape}.|[^{quote_}{escape}])*{quote_}|[^{sep}]*){sep}"
        return f"regexp_extract_all({text_sql} || {quote_text(self.sep)}, {quote_text(pattern)}, 1)"

    def token_sql(self, field_sql: str) -> str:
        """Return an expression for the text of a field: unquoted, null for the null value."""
        mark, escape = quote_text(self.quote), quote_text(self.escape)
        quoted = f"length({field_sql}) >= 2 AND starts_with({field_sql}, {mark}) AND ends_with({field_sql}, {mark})"
        inner = f"substr({field_sql}, 2, length({field_sql}) - 2)"
        pattern = f"(?s){_char(self.escape)}([{_char(self.quote)}{_char(self.escape)}])"
        plain = f"regexp_replace({inner}, {quote_text(pattern)}, '\\1', 'g')"
        unescaped = f"CASE WHEN contains({inner}, {escape}) THEN {plain} ELSE {inner} END"
        return f"CASE WHEN {quoted} THEN {unescaped} ELSE nullif({field_sql}, {quote_text(self.null_value)}) END"

    def write_sql(self, text_sql: str) -> str:
        """Return an expression for a text as it stands in a line: trimmed, and quoted where it must be."""
        mark, escape = quote_text(self.quote), quote_text(self.escape)
        escaped = f"replace({text_sql}, {mark}, {quote_text(self.escape + self.quote)})"
        if self.escape != self.quote:
            twice = quote_text(self.escape * 2)
            escaped = f"replace(replace({text_sql}, {escape}, {twice}), {mark}, {quote_text(self.escape + self.quote)})"
        special = "|".join(_char(text) for text in (self.sep, self.quote, "\n", "\r"))
        null, empty = quote_text(self.null_value), quote_text(self.quote * 2)
        return (
            f"CASE WHEN {text_sql} IS NULL THEN {null} WHEN {text_sql} = '' THEN {empty} "
            f"WHEN regexp_matches({text_sql}, {quote_text(special)}) THEN concat({mark}, {escaped}, {mark}) "
            f"ELSE {text_sql} END"
        )


def _char(text: str) -> str:
    """Return a pattern for one character, also inside brackets."""
    return re.escape(text) if text.isascii() and not text.isalnum() else text


class CsvDecoder:
    """Reads lines of CSV in one statement for all values.

    A line with more or fewer fields than the schema is malformed, and so is one with a field that does not fit its
    column's type, when that column is asked for. The rows of such lines are all null.
    """

    def __init__(self, schema: StructType, line: CsvLine) -> None:
        self._schema = schema
        self._line = line
        self._sql = TextSql(line.time_zone)

    def decode(self, values: pa.ChunkedArray, columns: Sequence[str]) -> Decoded:
        """Return the columns; an empty text gives nulls and is not malformed."""
        texts, reasons = read_texts(values)
        numbers = {name: n for n, name in enumerate(self._schema.names)}
        asked = [self._schema.fields[numbers[name]] for name in columns]
        tokens = ", ".join(
            f"{self._line.token_sql(f'f[{numbers[field.name] + 1}]')} AS {quote(field.name)}" for field in asked
        )
        casts = ", ".join(f"{_cast(quote(field.name), field.type)} AS {quote(field.name)}" for field in asked)
        failed = " OR ".join(f"({quote(f.name)} IS NOT NULL AND {_cast(quote(f.name), f.type)} IS NULL)" for f in asked)
        width = len(self._schema.fields)
        statement = f"""SELECT {casts + ", " if casts else ""}
              len(headrace_f) <> {width} OR ({failed or "false"}) AS headrace_bad
            FROM (SELECT {tokens + ", " if tokens else ""} f AS headrace_f FROM (
              SELECT CASE WHEN v <> '' THEN {self._line.fields_sql("v")} END AS f FROM {_INPUT}))"""  # noqa: S608 - names are quoted
        found = self._sql.run(statement, {_INPUT: pa.table({"v": texts})})
        bad = found.column("headrace_bad").fill_null(False)
        rows = conform(found.select(list(columns)), StructType(tuple(asked)))
        if pc.any(bad).as_py():
            reasons = {**reasons, **self._reasons(texts, bad, asked)}
        return without_rows(rows, reasons)

    def _reasons(self, texts: pa.ChunkedArray, bad: pa.ChunkedArray, asked: Sequence[Field]) -> dict[int, str]:
        numbers = np.flatnonzero(np.asarray(bad))
        width = len(self._schema.fields)
        split = self._line.fields_sql("v")
        table = pa.table({"n": numbers, "v": texts.take(pa.array(numbers))})
        found = self._sql.run(f"SELECT n, len({split}) AS width FROM {_INPUT}", {_INPUT: table}).to_pylist()  # noqa: S608 - no outside text
        wanted = ", ".join(f"{field.name} {field.type.sql()}" for field in asked)
        return {
            row["n"]: f"a field does not fit {wanted}"
            if row["width"] == width
            else f"{row['width']} fields where the schema has {width}"
            for row in found
        }

    def close(self) -> None:
        """Free the memory; may be called twice."""
        self._sql.close()


def _cast(token: str, kind: DataType) -> str:
    """Return an expression of the type for a token, null where the token does not fit."""
    name = duckdb_type(kind)
    trimmed = f"trim({token})"
    if kind == STRING:
        return token
    if kind in (TINYINT, SMALLINT, INT, BIGINT):
        return f"CASE WHEN regexp_full_match({token}, '[+-]?[0-9]+') THEN TRY_CAST({token} AS {name}) END"
    if kind in (FLOAT, DOUBLE):
        number = f"regexp_replace({token}, '([0-9.])[dDfF]$', '\\1')"
        return f"CASE WHEN regexp_full_match({token}, {quote_text(_NUMBER)}) THEN TRY_CAST({number} AS {name}) END"
    if kind == BOOLEAN:
        return f"CASE lower({token}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    return f"TRY_CAST({trimmed} AS {name})"


class CsvEncoder:
    """Writes each row as one line without a line break, as Spark's to_csv; one statement for all rows."""

    def __init__(self, schema: StructType, line: CsvLine) -> None:
        self._line = line
        texts = [
            f"trim({quote(field.name)})"
            if field.type == STRING
            else f"trim({to_json_sql(quote(field.name), field.type, line.time_zone)}, '\"')"
            for field in schema.fields
        ]
        names = [f"c{n}" for n in range(len(texts))]
        inner = ", ".join(f"{text} AS {name}" for text, name in zip(texts, names, strict=True))
        joined = f" || {quote_text(line.sep)} || ".join(line.write_sql(name) for name in names)
        self._statement = f"SELECT {joined} AS v FROM (SELECT {inner} FROM {_INPUT})"  # noqa: S608 - names are quoted
        self._header = schema.names
        self._sql = TextSql(line.time_zone)

    def encode(self, rows: pa.Table) -> pa.Array:
        """Return one line per row."""
        return self._sql.run(self._statement, {_INPUT: rows}).column("v").combine_chunks().cast(pa.string())

    def header(self) -> str:
        """Return the line of column names."""
        row = pa.table({f"c{n}": [name] for n, name in enumerate(self._header)})
        joined = f" || {quote_text(self._line.sep)} || ".join(self._line.write_sql(name) for name in row.column_names)
        line: str = self._sql.run(f"SELECT {joined} AS v FROM {_INPUT}", {_INPUT: row}).column("v")[0].as_py()  # noqa: S608 - no outside text
        return line

    def close(self) -> None:
        """Free the memory; may be called twice."""
        self._sql.close()


def check_flat(schema: StructType) -> None:
    """Refuse columns that have no place in a line of CSV.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID with Spark's condition UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE.
    """
    for field in schema.fields:
        if field.type not in _FLAT and not isinstance(field.type, DecimalType):
            message = f"csv cannot hold the column {field.name} of type {field.type.sql()}"
            condition = "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"
            raise StreamError("PLUGIN_OPTION_INVALID", message, condition=condition, hint="Write to_json(column).")


def build(options: Options, schema: StructType) -> Codec:
    """Return decoder and encoder for a schema of flat columns."""
    check_flat(schema)
    line = CsvLine(options)
    return Codec(CsvDecoder(schema, line), CsvEncoder(schema, line))


PLUGIN = Plugin(SPEC, build)
