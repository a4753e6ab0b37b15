"""Room 2: what stands inside a JSON text: paths, json_tuple, lengths, keys and schema_of_json.

Takes rendered texts and paths; gives DuckDB text, or a call of `vectorised.values.documents` for what DuckDB has not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial

from headrace.duck import duckdb_type, let, quote_text
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.exchange.schemas import ddl_of
from headrace.sql.functions.signature import accept, mismatch, rewritten, table, takes, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.documents import json_schema, path_steps
from headrace.types import INT, STRING, ArrayType, DataType, Field, StructType

_STEP = re.compile(r"\.(?P<name>[^.\[\]*]+)|\['(?P<quoted>[^'\[\]*]+)'\]|\[(?P<index>\d+)\]")


def _object(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if not arguments[1].constant:
        source = arguments[0].sql
        return let(f"headrace_json_place({arguments[1].sql})", partial(_text_at, source))
    path = str(arguments[1].value) if arguments[1].value is not None else ""
    steps = path_steps(path)
    if steps is None or None not in steps:
        place = _path(path)
        return _text_at(arguments[0].sql, quote_text(place)) if place else "CAST(NULL AS VARCHAR)"
    if steps.count(None) > 1:
        raise unsupported(f"The JSON path {path!r} has more than one wildcard, which is not done.")
    return f"headrace_json_path({arguments[0].sql}, {quote_text(path)})"


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


def _text_at(source: str, place: str) -> str:
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


def _tuple_types(arguments: Sequence[Argument]) -> Resolved:
    kinds = tuple(accept(argument, STRING, i) for i, argument in enumerate(arguments))
    return Resolved(kinds, StructType(tuple(Field(f"c{i}", STRING) for i in range(len(arguments) - 1))))


def _tuple(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    names = ", ".join(argument.sql for argument in arguments[1:])
    fields = ", ".join(f"c{i} := t[{i + 1}]" for i in range(len(arguments) - 1))
    found = f"headrace_json_fields({arguments[0].sql}, [{names}])"
    made = f"list_transform([{found}], lambda t: struct_pack({fields}))"
    return f"CAST({made} AS {duckdb_type(ArrayType(kind))})"


def _constant(argument: Argument | Rendered) -> str:
    if not argument.constant or argument.value is None:
        raise mismatch("The text whose schema is asked for must be a constant.", condition="NON_FOLDABLE_INPUT")
    return str(argument.value)


def _schema_of(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    options = arguments[1].value if len(arguments) == 2 else {}
    if not isinstance(options, dict) or set(options) - {"allowNumericLeadingZeros"}:
        raise unsupported("schema_of_json takes no option but allowNumericLeadingZeros.")
    zeros = str(options.get("allowNumericLeadingZeros", "false")).lower() == "true"
    text = _constant(arguments[0])
    found = json_schema(text, leading_zeros=zeros)
    if found is None:
        message = f"The text {text!r} is no JSON, so that it has no schema."
        raise StreamError("SQL_ANALYSIS", message, condition="MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION")
    return quote_text(ddl_of(found))


def _schema_types(arguments: Sequence[Argument]) -> Resolved:
    _constant(arguments[0])
    return Resolved((STRING, *(a.type for a in arguments[1:])), STRING)


FUNCTIONS = table(
    rewritten("get_json_object", (2, 2), takes(STRING, STRING, gives=STRING), _object),
    rewritten("json_array_length", (1, 1), takes(STRING, gives=INT), _length),
    rewritten("json_object_keys", (1, 1), takes(STRING, gives=ArrayType(STRING)), _keys),
    Function("json_tuple", (2, None), _tuple_types, _tuple, How.ARROW, generator=True),
    rewritten("schema_of_json", (1, 2), _schema_types, _schema_of),
)
