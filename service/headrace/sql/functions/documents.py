"""Room 2: JSON functions; the reading and writing itself is `headrace.json_text`.

Takes rendered texts and values; gives DuckDB text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from headrace.ddl import parse_schema, parse_type
from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.json_text import from_json_sql, to_json_sql
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.signature import accept, constant, mismatch, refused, rewritten, table, takes, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import INT, STRING, VARIANT, ArrayType, DataType, MapType, StructType

_STEP = re.compile(r"\.(?P<name>[^.\[\]*]+)|\['(?P<quoted>[^'\[\]*]+)'\]|\[(?P<index>\d+)\]")


def _schema(argument: Argument) -> DataType:
    if not argument.constant or not isinstance(argument.value, str):
        raise unsupported("The schema of from_json must be a constant text.", "Write it as in 'a INT, b STRING'.")
    return written_schema(argument.value)


def written_schema(text: str) -> DataType:
    """Return the type, or the struct of the columns, that a text names.

    Raises:
        StreamError: SQL_SYNTAX with PARSE_EMPTY_STATEMENT, UNSUPPORTED_DATATYPE of one word, or PARSE_SYNTAX_ERROR.
    """
    if not text.strip():
        message = "The schema is an empty text."
        hint = "Write it as in 'a INT, b STRING'."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="PARSE_EMPTY_STATEMENT")
    try:
        return parse_type(text)
    except StreamError as no_type:
        try:
            return parse_schema(text)
        except StreamError as error:
            if text.strip().isidentifier():
                raise no_type from error
            error.condition = "PARSE_SYNTAX_ERROR"
            raise


def _no_options(arguments: Sequence[Argument], at: int, name: str) -> None:
    if len(arguments) > at:
        raise unsupported(f"{name} with options is not done.")


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    _no_options(arguments, 2, "from_json")
    schema = _schema(arguments[1])
    if not isinstance(schema, StructType | ArrayType | MapType):
        message = f'from_json gives a struct, an array or a map, and "{schema.sql()}" is none.'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    if isinstance(schema, MapType) and schema.key != STRING:
        raise mismatch("The keys of a map from JSON are texts.", condition="INVALID_JSON_MAP_KEY_TYPE")
    return Resolved((accept(arguments[0], STRING, 0), STRING), schema)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    return from_json_sql(arguments[0].sql, kind, settings.time_zone)


def _to_types(arguments: Sequence[Argument]) -> Resolved:
    _no_options(arguments, 1, "to_json")
    kind = arguments[0].type
    if kind != VARIANT and not isinstance(kind, StructType | ArrayType | MapType):
        message = f'to_json takes a struct, an array, a map or a variant, and got "{kind.sql()}".'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    return Resolved((kind,), STRING)


def _to(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    return to_json_sql(arguments[0].sql, arguments[0].type, settings.time_zone)


def _path(text: str) -> str:
    """Spark's path as a JSON pointer-like DuckDB path, every name quoted."""
    if not text.startswith("$"):
        return ""
    steps, end = ["$"], 1
    while end < len(text):
        match = _STEP.match(text, end)
        if match is None:
            raise unsupported(f"The JSON path {text!r} is not done; allowed: $.name, ['name'] and [0].")
        name = match["name"] or match["quoted"]
        steps.append(f"[{match['index']}]" if name is None else f".{json.dumps(name, ensure_ascii=False)}")
        end = match.end()
    return "".join(steps)


def _object(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = constant(arguments[1], "The path of get_json_object")
    path = _path(str(value)) if value is not None else ""
    if not path:
        return "CAST(NULL AS VARCHAR)"
    return json_text_at(arguments[0].sql, quote_text(path))


def json_text_at(source: str, place: str) -> str:
    """Return the text of what stands at a place of a JSON text: DuckDB texts of the JSON and of the place."""
    found = f"json_extract_string({source}, {place})"
    # DuckDB rewrites 1.50 as 1.5, as Jackson does; a JSON null is no value.
    return f"(CASE WHEN json_valid({source}) AND json_type({source}, {place}) <> 'NULL' THEN {found} END)"


def _length(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    source = arguments[0].sql
    length = f"CAST(json_array_length({source}) AS INTEGER)"
    return f"(CASE WHEN json_valid({source}) AND json_type({source}) = 'ARRAY' THEN {length} END)"


def _keys(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    source = arguments[0].sql
    return f"(CASE WHEN json_valid({source}) AND json_type({source}) = 'OBJECT' THEN json_keys({source}) END)"


FUNCTIONS = table(
    rewritten("from_json", (2, 3), _from_types, _from),
    rewritten("to_json", (1, 2), _to_types, _to),
    rewritten("get_json_object", (2, 2), takes(STRING, STRING, gives=STRING), _object),
    rewritten("json_array_length", (1, 1), takes(STRING, gives=INT), _length),
    rewritten("json_object_keys", (1, 1), takes(STRING, gives=ArrayType(STRING)), _keys),
    refused("from_xml", "XML is not done"),
    refused("schema_of_xml", "XML is not done"),
)
