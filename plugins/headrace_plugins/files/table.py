"""Plugins files: parquet, json and csv files as static tables.

Takes options and a schema, gives all rows of all files in a fixed order, folders ``column=value`` as columns. Reads
with pyarrow and the format plugins; the engine's SQL never opens a file.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract import Decoder, Kind, Option, Options, Plugin, PluginKind, Spec
from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.types import STRING, Field, StructType
from headrace_plugins.files.arrow_types import spark_type
from headrace_plugins.files.listing import InputFile, list_files
from headrace_plugins.files.reading import parquet_schema, read_lines, read_parquet
from headrace_plugins.formats.csv import CSV_OPTIONS, CsvDecoder, CsvLine, check_flat
from headrace_plugins.formats.json import JsonDecoder
from headrace_plugins.formats.text_sql import TIME_ZONE

PATH = Option("path", Kind.STRING, "A file, a folder, or a pattern such as data/*.csv.", required=True)
SCHEMA = Option("schema", Kind.STRING, "The columns, as Spark DDL, when they are not given beside the options.")
MODE = Option(
    "mode",
    Kind.CHOICE,
    "What a malformed row becomes: all null, left out, or an error.",
    "PERMISSIVE",
    allowed=("PERMISSIVE", "DROPMALFORMED", "FAILFAST"),
)
MULTI_LINE = Option("multiLine", Kind.CHOICE, "Records over several lines are not read.", "false", allowed=("false",))
INFER_SCHEMA = Option("inferSchema", Kind.BOOL, "Refused without a schema; with one it has no effect.", default=False)

ReadFile = Callable[[InputFile, StructType], pa.Table]


class FileTable:
    """All rows of the files a path names.

    Args:
        path: A file, a folder or a pattern.
        schema: The columns, partition columns included.
        read: Reads the columns that stand in a file.
    """

    def __init__(self, path: str, schema: StructType, read: ReadFile) -> None:
        self._path = path
        self._schema = schema
        self._read = read

    @property
    def schema(self) -> StructType:
        """The columns of what load() gives."""
        return self._schema

    def load(self) -> pa.Table:
        """Read every file now.

        Raises:
            StreamError: IO_FAILED with the path, DATA_MALFORMED with file and row.
        """
        tables = [self._with_partition(file) for file in list_files(self._path)]
        return pa.concat_tables([self._schema.arrow_schema().empty_table(), *tables])

    def _with_partition(self, file: InputFile) -> pa.Table:
        inside = StructType(tuple(f for f in self._schema.fields if f.name not in file.partition))
        rows = self._read(file, inside)
        columns = [
            rows.column(field.name) if field.name not in file.partition else _constant(file, field, rows.num_rows)
            for field in self._schema.fields
        ]
        return pa.table(columns, schema=self._schema.arrow_schema())


def _constant(file: InputFile, field: Field, rows: int) -> pa.Array:
    """Return the value that the folders of a file give a column, once per row."""
    text = file.partition[field.name]
    try:
        value = pc.cast(pa.array([text], pa.string()), field.type.arrow())[0]
    except pa.ArrowException as error:
        message = f"{file.path}: the folder value {text!r} of {field.name} is no {field.type.sql()}"
        raise StreamError("DATA_MALFORMED", message) from error
    return pa.repeat(value, rows)


def build_parquet(options: Options, schema: StructType | None) -> FileTable:
    """Return the table; without a schema it has the columns of the first file, then those of its folders as text."""

    def read(file: InputFile, inside: StructType) -> pa.Table:
        return read_parquet(file.path, inside)

    wanted = _schema(options, schema)
    return FileTable(options["path"], wanted or _schema_of_first(options["path"]), read)


def _schema_of_first(path: str) -> StructType:
    files = list_files(path)
    if not files:
        message = f"{path!r} holds no file yet, so its columns are not known"
        raise StreamError("IO_FAILED", message, hint="Give the table a schema.")
    arrow = parquet_schema(files[0].path)
    inside = [Field(field.name, spark_type(field.type, f"{files[0].path}: {field.name}")) for field in arrow]
    folders = [Field(name, STRING) for name in files[0].partition]
    return StructType((*inside, *folders))


def build_json(options: Options, schema: StructType | None) -> FileTable:
    """Return the table of files with one JSON object a line."""
    wanted = _required(options, schema, "json")
    return _line_table(options, wanted, lambda inside: JsonDecoder(inside, options["timeZone"]), header=False)


def build_csv(options: Options, schema: StructType | None) -> FileTable:
    """Return the table of CSV files; columns go by position, partition columns aside."""
    wanted = _required(options, schema, "csv")
    check_flat(wanted)
    line = CsvLine(options)
    return _line_table(options, wanted, lambda inside: CsvDecoder(inside, line), header=options["header"])


def _line_table(
    options: Options, schema: StructType, make: Callable[[StructType], Decoder], *, header: bool
) -> FileTable:
    def read(file: InputFile, inside: StructType) -> pa.Table:
        return read_lines(file.path, make(inside), inside.names, mode=options["mode"], header=header)

    return FileTable(options["path"], schema, read)


def _schema(options: Options, schema: StructType | None) -> StructType | None:
    return schema if schema is not None or not options["schema"] else parse_schema(options["schema"])


def _required(options: Options, schema: StructType | None, name: str) -> StructType:
    wanted = _schema(options, schema)
    if wanted is None:
        asked = " (inferSchema is not supported)" if options["inferSchema"] else ""
        message = f"a {name} table needs its columns as a schema{asked}"
        hint = 'Add schema: "id BIGINT, name STRING".'
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint, condition="UNABLE_TO_INFER_SCHEMA")
    return wanted


_TEXT = (PATH, SCHEMA, MODE, MULTI_LINE, INFER_SCHEMA)

PARQUET = Plugin(Spec("parquet", PluginKind.TABLE, "The rows of parquet files.", (PATH, SCHEMA)), build_parquet)
JSON = Plugin(
    Spec("json", PluginKind.TABLE, "The rows of files with one JSON object a line.", (*_TEXT, TIME_ZONE)), build_json
)
CSV = Plugin(
    Spec(
        "csv",
        PluginKind.TABLE,
        "The rows of CSV files.",
        (*_TEXT, Option("header", Kind.BOOL, "The first line holds column names.", default=False), *CSV_OPTIONS),
    ),
    build_csv,
)
