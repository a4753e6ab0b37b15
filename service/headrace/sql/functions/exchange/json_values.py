"""Room 2: from_json and to_json with their options: formats of times, malformed records, order of fields, NULLs.

Takes rendered values and a constant map of options; gives DuckDB text by `headrace.json_text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from headrace.duck import each, let, quote
from headrace.errors import StreamError
from headrace.json_text import from_json_sql, malformed_json_sql, to_json_sql
from headrace.sql.cast import CastMode
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.exchange.options import PATTERNS, options_of
from headrace.sql.functions.exchange.schemas import written_schema
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import accept, fail, mismatch, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    STRING,
    VARIANT,
    ArrayType,
    DataType,
    Field,
    MapType,
    StructType,
    struct,
)

_PATTERNS = ("timestampFormat", "dateFormat", "timestampNTZFormat")
_READ = (*_PATTERNS, "mode", "columnNameOfCorruptRecord")
_WRITE = (*_PATTERNS, "sortKeys", "ignoreNullFields")
_CORRUPT = "_corrupt_record"
_MALFORMED = "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"
_ARRAY = "MALFORMED_RECORD_IN_PARSING.CANNOT_PARSE_JSON_ARRAYS_AS_STRUCTS"


_Leaf: TypeAlias = Callable[[str, DataType], str]
_Kept: TypeAlias = Callable[[str, str, str], str]


def _mended(text: str) -> str:
    return f"headrace_first_json({text})"


def _schema(argument: Argument) -> DataType:
    if not argument.constant or not isinstance(argument.value, str):
        raise unsupported("The schema of from_json must be a constant text.", "Write it as in 'a INT, b STRING'.")
    return written_schema(argument.value)


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    schema = _schema(arguments[1])
    if not isinstance(schema, StructType | ArrayType | MapType):
        message = f'from_json gives a struct, an array or a map, and "{schema.sql()}" is none.'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    if isinstance(schema, MapType) and schema.key != STRING:
        raise mismatch("The keys of a map from JSON are texts.", condition="INVALID_JSON_MAP_KEY_TYPE")
    options = options_of(arguments[2], _READ, "from_json") if len(arguments) > 2 else {}
    corrupt = _corrupt_field(schema, options)
    if corrupt is not None and corrupt.type != STRING:
        message = f"The field {corrupt.name} holds malformed records, so it is a STRING, and not {corrupt.type.sql()}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_CORRUPT_RECORD_TYPE")
    if options.get("mode", "").upper() == "DROPMALFORMED":
        message = "from_json gives a value for each row: its modes are PERMISSIVE and FAILFAST."
        raise StreamError("SQL_ANALYSIS", message, condition="PARSE_MODE_UNSUPPORTED")
    if _has_moments(schema, options) and (corrupt is not None or _fails_fast(options)):
        raise unsupported("from_json with a format of times has neither a field for malformed records nor FAILFAST.")
    return Resolved((accept(arguments[0], STRING, 0), STRING, *(a.type for a in arguments[2:])), schema)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    options = options_of(arguments[2], _READ, "from_json") if len(arguments) > 2 else {}
    corrupt = _corrupt_field(kind, options)

    def read(text: str) -> str:
        if corrupt is None:
            value = from_json_sql(text, _as_texts(kind, options), settings.time_zone, _mended)
            value = _parsed(value, kind, options, settings)
        else:
            value = _with_record(text, kind, corrupt, settings)
        if not _fails_fast(options):
            return value
        malformed = malformed_json_sql(text, _wanted(kind, corrupt), _mended)
        return f"(CASE WHEN {malformed} THEN {_failed(text, kind)} ELSE {value} END)"

    return let(arguments[0].sql, read)


def _failed(text: str, kind: DataType) -> str:
    message = f"'Malformed records are detected in record parsing: ' || {text} || '. Parse Mode: FAILFAST.'"
    failed = fail(_MALFORMED, message)
    if not isinstance(kind, StructType):
        return failed
    is_array = f"json_valid({text}) AND json_type({text}) = 'ARRAY'"
    return f"CASE WHEN {is_array} THEN {fail(_ARRAY, message)} ELSE {failed} END"


def _fails_fast(options: Mapping[str, str]) -> bool:
    return options.get("mode", "").upper() == "FAILFAST"


def _corrupt_field(schema: DataType, options: Mapping[str, str]) -> Field | None:
    """Return the field that takes the text of a malformed record."""
    name = options.get("columnnameofcorruptrecord", _CORRUPT)
    fields = schema.fields if isinstance(schema, StructType) else ()
    return next((field for field in fields if field.name == name), None)


def _wanted(schema: DataType, corrupt: Field | None) -> DataType:
    """Return the schema without the field for malformed records, which is not looked for in the JSON."""
    if not isinstance(schema, StructType) or corrupt is None:
        return schema
    return StructType(tuple(field for field in schema.fields if field is not corrupt))


def _with_record(text: str, kind: DataType, corrupt: Field, settings: SqlSettings) -> str:
    """Return the struct with the text itself in one field where it is malformed."""
    wanted = _wanted(kind, corrupt)
    assert isinstance(kind, StructType)  # only a struct has the field
    assert isinstance(wanted, StructType)
    record = f"CASE WHEN {malformed_json_sql(text, wanted, _mended)} THEN {text} END"

    def packed(v: str) -> str:
        values = {field.name: f"{v}.{quote(field.name)}" for field in wanted.fields} | {corrupt.name: record}
        parts = ", ".join(f"{quote(field.name)} := {values[field.name]}" for field in kind.fields)
        return f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({parts}) END)"

    read = wanted if wanted.fields else struct(none=STRING)  # a struct without fields could not be told from NULL
    return let(from_json_sql(text, read, settings.time_zone, _mended), packed)


def _has_moments(kind: DataType, options: Mapping[str, str]) -> bool:
    """Return True when an option says how some value in the type is written."""
    match kind:
        case StructType():
            return any(_has_moments(field.type, options) for field in kind.fields)
        case ArrayType():
            return _has_moments(kind.element, options)
        case MapType():
            return _has_moments(kind.value, options)
    return PATTERNS.get(kind, "") in options


def _as_texts(kind: DataType, options: Mapping[str, str]) -> DataType:
    """Return the type with STRING in place of what an option says how to write."""
    match kind:
        case StructType():
            return StructType(tuple(Field(f.name, _as_texts(f.type, options)) for f in kind.fields))
        case ArrayType():
            return ArrayType(_as_texts(kind.element, options))
        case MapType():
            return MapType(kind.key, _as_texts(kind.value, options))
    return STRING if PATTERNS.get(kind, "") in options else kind


def _parsed(value: str, kind: DataType, options: Mapping[str, str], settings: SqlSettings) -> str:
    """Return a value of `_as_texts` with its texts read; where one does not fit, a list or map around it is NULL."""

    def parsed(text: str, moment: DataType) -> str:
        return parse_sql(text, options[PATTERNS[moment]], moment, mode=CastMode.TRY, settings=settings)

    return _mapped(value, kind, options, parsed, _unless_lost)


def _formatted(value: str, kind: DataType, options: Mapping[str, str], settings: SqlSettings) -> str:
    """Return a value with texts in place of what an option says how to write."""

    def formatted(moment: str, kind: DataType) -> str:
        return format_sql(local(moment, kind, settings), options[PATTERNS[kind]], settings=settings)

    return _mapped(value, kind, options, formatted, lambda _items, made, _part: made)


def _mapped(value: str, kind: DataType, options: Mapping[str, str], leaf: _Leaf, kept: _Kept) -> str:
    """Return a value with `leaf` applied to what an option says how to write.

    Args:
        value: DuckDB text of the value.
        kind: Its type; of what is read, the type wanted.
        options: By lower-case name.
        leaf: Gets the text of a moment and its type.
        kept: Gets the items of a list, what was made of them, and the part of an item that was made.
    """
    if not _has_moments(kind, options):
        return value
    match kind:
        case StructType():
            return _packed(value, kind.fields, lambda part, field: _mapped(part, field.type, options, leaf, kept))
        case ArrayType():
            return let(
                value, lambda v: kept(v, each(v, lambda item: _mapped(item, kind.element, options, leaf, kept)), "")
            )
        case MapType():
            values = partial(_mapped, kind=kind.value, options=options, leaf=leaf, kept=kept)
            made = "struct_pack(key := {0}.key, value := {1})".format
            pairs = let(
                f"map_entries({value})",
                lambda v: kept(v, each(v, lambda item: made(item, values(f"{item}.value"))), ".value"),
            )
            return f"map_from_entries({pairs})"
    return leaf(value, kind)


def _unless_lost(items: str, made: str, part: str) -> str:
    """Return what was made of items, NULL where a part of one became NULL."""
    nulls = f"len(list_filter({{0}}, lambda n: n{part} IS NULL))".format
    return let(made, lambda m: f"(CASE WHEN {nulls(m)} = {nulls(items)} THEN {m} END)")


def _packed(value: str, fields: Sequence[Field], made: Callable[[str, Field], str]) -> str:
    """Return a struct of what is made of fields, NULL for NULL."""

    def packed(v: str) -> str:
        parts = (f"{quote(f.name)} := {made(f'{v}.{quote(f.name)}', f)}" for f in fields)
        return f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"

    return let(value, packed)


def _to_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind != VARIANT and not isinstance(kind, StructType | ArrayType | MapType):
        message = f'to_json takes a struct, an array, a map or a variant, and got "{kind.sql()}".'
        raise mismatch(message, condition="INVALID_JSON_SCHEMA")
    if len(arguments) == 1:
        return Resolved((kind,), STRING)
    options = options_of(arguments[1], _WRITE, "to_json")
    plain = isinstance(kind, StructType) and not any(_is_nested(field.type) for field in kind.fields)
    _is_on(options, "ignoreNullFields", default=True)
    if _is_on(options, "sortKeys", default=False) and not plain:
        raise unsupported("to_json with sortKeys takes a struct of plain values only.")
    return Resolved((kind, arguments[1].type), STRING)


def _is_nested(kind: DataType) -> bool:
    return isinstance(kind, StructType | ArrayType | MapType)


def _to(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    kind, value = arguments[0].type, arguments[0].sql
    options = options_of(arguments[1], _WRITE, "to_json") if len(arguments) > 1 else {}
    if _is_on(options, "sortKeys", default=False) and isinstance(kind, StructType):
        fields = tuple(sorted(kind.fields, key=lambda field: field.name))
        kind, value = StructType(fields), _packed(value, fields, lambda part, _field: part)
    value = _formatted(value, kind, options, settings)
    nulls = not _is_on(options, "ignoreNullFields", default=True)
    return to_json_sql(value, _as_texts(kind, options), settings.time_zone, nulls=nulls)


def _is_on(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    written = options.get(name.lower(), str(default)).lower()
    if written not in ("true", "false"):
        raise unsupported(f"The option {name} of to_json is true or false; seen: {written!r}.")
    return written == "true"


FUNCTIONS = table(
    rewritten("from_json", (2, 3), _from_types, _from),
    rewritten("to_json", (1, 2), _to_types, _to),
)
