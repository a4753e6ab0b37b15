"""Ground floor: DuckDB text of Spark's from_json.

Takes a DuckDB expression of a VARCHAR and the type wanted. A field of the wrong type is NULL and the other fields are
kept; a text that is no JSON, or no object where a struct is wanted, gives a struct of NULLs. Source: Spark's
JacksonParser, PERMISSIVE, with partial results on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

from headrace.duck import duckdb_type, each, let, quote, quote_text
from headrace.errors import StreamError
from headrace.time_text import date_from_text_sql, timestamp_from_text_sql, timestamp_ntz_from_text_sql
from headrace.types import (
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
    StructType,
)

_SPECIAL_NUMBERS = (
    ("NaN", "NaN"),
    ("+INF", "Infinity"),
    ("+Infinity", "Infinity"),
    ("Infinity", "Infinity"),
    ("-INF", "-Infinity"),
    ("-Infinity", "-Infinity"),
)
_TOP = (StructType, ArrayType, MapType)

Mend: TypeAlias = Callable[[str], str]
"""Gives DuckDB text that makes JSON of a text that is none, or NULL."""


def from_json(text: str, schema: DataType, zone: str, mend: Mend | None = None) -> str:
    """Return the text read as the type; see `headrace.json_text.from_json_sql`."""
    _check(schema)
    return let(text, lambda v: _read(v, schema, zone, mend or _not_mended))


def trusted_json(text: str, relation: str, schema: StructType, zone: str) -> str:
    """Return a SELECT over texts that are JSON; see `headrace.json_text.trusted_json_sql`."""
    _check(schema)
    values = ", ".join(
        f"{_value(f'r.{quote(field.name)}', field.type, zone)} AS {quote(field.name)}" for field in schema.fields
    )
    return f"SELECT {values} FROM (SELECT {_transformed(text, schema)} AS r FROM {relation})"  # noqa: S608 - names are quoted


def malformed_json(text: str, schema: DataType, mend: Mend | None = None) -> str:
    """Return whether the text does not fit; see `headrace.json_text.malformed_json_sql`."""
    _check(schema)

    def judged(v: str) -> str:
        if mend is None:
            misfit = _misfit(f"CAST({_from_left(v)} AS JSON)", schema)
            return f"(CASE WHEN json_valid({v}) THEN {misfit} ELSE NOT ({_blank(v)}) END)"
        misfit = let(_json_or_null(v, mend), lambda j: f"({j} IS NULL OR {_misfit(f'CAST({j} AS JSON)', schema)})")
        return f"(NOT ({_blank(v)}) AND {misfit})"

    return let(text, judged)


def _read(v: str, schema: DataType, zone: str, mend: Mend) -> str:
    if isinstance(schema, StructType):
        # The JSON null has no fields: they are NULL, as those of a text that is no JSON.
        strict = f"CASE WHEN json_valid({v}) THEN {v} ELSE coalesce({mend(v)}, 'null') END"
        # The cheap and common question first: only what begins with something else is looked at for being blank.
        return f"(CASE WHEN starts_with({v}, '{{') OR NOT ({_blank(v)}) THEN {_fields(strict, schema, zone)} END)"

    def read(j: str) -> str:
        value = _value(f"CAST({j} AS JSON)", schema, zone)
        if isinstance(schema, ArrayType) and isinstance(schema.element, StructType):
            # Spark reads a single object where an array of objects is wanted.
            alone = _fields(j, schema.element, zone)
            value = f"CASE WHEN starts_with({j}, '{{') THEN [{alone}] ELSE {value} END"
        return f"CAST(CASE WHEN {j} IS NOT NULL THEN {value} END AS {duckdb_type(schema)})"

    return let(_json_or_null(v, mend), read)


def _json_or_null(v: str, mend: Mend) -> str:
    return f"CASE WHEN json_valid({v}) THEN {_from_left(v)} WHEN NOT ({_blank(v)}) THEN {mend(v)} END"


def _from_left(v: str) -> str:
    return f"ltrim({v}, E' \\t\\r\\n')"  # JSON may begin with white space


def _blank(v: str) -> str:
    return f"coalesce({_from_left(v)}, '') = ''"


def _not_mended(_text: str) -> str:
    return "NULL"


def _fields(text: str, schema: StructType, zone: str) -> str:
    """Return the struct of an expression of valid JSON; what is no object gives NULLs."""
    raw = _transformed(text, schema)
    if all(field.type == STRING for field in schema.fields):
        # A struct of texts is what json_transform gives, but for the JSON null, which has no fields at all.
        names = ", ".join(f"{quote(field.name)} := CAST(NULL AS VARCHAR)" for field in schema.fields)
        return f"coalesce({raw}, struct_pack({names}))"
    return let(
        raw,
        lambda x: (
            "struct_pack("
            + ", ".join(
                f"{quote(field.name)} := {_value(f'{x}.{quote(field.name)}', field.type, zone)}"
                for field in schema.fields
            )
            + ")"
        ),
    )


def _transformed(text: str, schema: StructType) -> str:
    structure = {field.name: "VARCHAR" if field.type == STRING else "JSON" for field in schema.fields}
    return f"json_transform({text}, {quote_text(json.dumps(structure, ensure_ascii=False))})"


def _value(raw: str, kind: DataType, zone: str) -> str:
    """Return a value from the JSON text of it; from the text itself where a STRING is wanted."""
    if kind == STRING:
        return raw
    if kind == NULL:
        return 'CAST(NULL AS "NULL")'
    text = f"CAST({raw} AS VARCHAR)"
    if isinstance(kind, StructType):
        return f"CASE WHEN starts_with({text}, '{{') THEN {_fields(raw, kind, zone)} END"
    if isinstance(kind, ArrayType):
        return f"CASE WHEN starts_with({text}, '[') THEN {_list(raw, kind.element, zone)} END"
    if isinstance(kind, MapType):
        return f"CASE WHEN starts_with({text}, '{{') THEN {_map(raw, kind.value, zone)} END"
    if isinstance(kind, DecimalType):
        return f"TRY_CAST(trim({text}, '\"') AS {duckdb_type(kind)})"
    return _SCALARS[kind](text, kind, zone)


def _list(raw: str, element: DataType, zone: str) -> str:
    if element == STRING:
        return f"json_transform({raw}, '[\"VARCHAR\"]')"
    # One element of the wrong type makes the whole array NULL, as in Spark.
    return let(
        f"json_transform({raw}, '[\"JSON\"]')",
        lambda items: let(
            each(items, lambda item: _value(item, element, zone)),
            lambda values: f"CASE WHEN {_nulls(values)} = {_nulls(items)} THEN {values} END",
        ),
    )


def _map(raw: str, value: DataType, zone: str) -> str:
    if value == STRING:
        return f"json_transform({raw}, '\"MAP(VARCHAR, VARCHAR)\"')"
    return let(
        f"map_entries(json_transform({raw}, '\"MAP(VARCHAR, JSON)\"'))",
        lambda items: let(
            each(items, lambda item: f"struct_pack(k := {item}.key, v := {_value(f'{item}.value', value, zone)})"),
            lambda pairs: (
                f"CASE WHEN {_nulls(pairs, '.v')} = {_nulls(items, '.value')} THEN map_from_entries({pairs}) END"
            ),
        ),
    )


def _nulls(items: str, part: str = "") -> str:
    return f"len(list_filter({items}, lambda n: n{part} IS NULL))"


def _whole(text: str, kind: DataType, _zone: str) -> str:
    # DuckDB would round 1.5 and read 1e3; only JSON's whole numbers are whole to Jackson.
    fraction = f"contains({text}, '.') OR contains({text}, 'e')"
    return f"CASE WHEN NOT ({fraction}) THEN TRY_CAST({text} AS {duckdb_type(kind)}) END"


def _floating(text: str, kind: DataType, _zone: str) -> str:
    target = duckdb_type(kind)
    words = " ".join(f"WHEN '\"{word}\"' THEN CAST('{value}' AS {target})" for word, value in _SPECIAL_NUMBERS)
    return f"CASE WHEN starts_with({text}, '\"') THEN CASE {text} {words} END ELSE TRY_CAST({text} AS {target}) END"


def _boolean(text: str, _kind: DataType, _zone: str) -> str:
    return f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END"


def _quoted(text: str, read: Callable[[str], str]) -> str:
    return f"CASE WHEN starts_with({text}, '\"') THEN {let(f'substring({text}, 2, length({text}) - 2)', read)} END"


def _timestamp(text: str, _kind: DataType, zone: str) -> str:
    seconds = f"TRY_CAST(TRY_CAST({text} AS BIGINT) * 1000000::HUGEINT AS BIGINT)"
    whole = f"NOT (contains({text}, '.') OR contains({text}, 'e'))"
    return (
        f"CASE WHEN starts_with({text}, '\"') "
        f"THEN {_quoted(text, lambda inner: timestamp_from_text_sql(inner, zone))} "
        f"WHEN {whole} THEN make_timestamptz({seconds}) END"
    )


def _timestamp_ntz(text: str, _kind: DataType, _zone: str) -> str:
    return _quoted(text, lambda inner: timestamp_ntz_from_text_sql(inner, allow_zone=False))


def _date(text: str, _kind: DataType, _zone: str) -> str:
    return _quoted(text, date_from_text_sql)


def _binary(text: str, _kind: DataType, _zone: str) -> str:
    shape = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
    return _quoted(text, lambda inner: f"CASE WHEN regexp_full_match({inner}, '{shape}') THEN from_base64({inner}) END")


_SCALARS: dict[DataType, Callable[[str, DataType, str], str]] = {
    **dict.fromkeys(INTEGRAL, _whole),
    FLOAT: _floating,
    DOUBLE: _floating,
    BOOLEAN: _boolean,
    TIMESTAMP: _timestamp,
    TIMESTAMP_NTZ: _timestamp_ntz,
    DATE: _date,
    BINARY: _binary,
}


def _misfit(raw: str, kind: DataType) -> str:
    """Return whether a JSON value, not NULL, does not fit the type somewhere."""
    if kind == STRING:
        return "false"
    if isinstance(kind, StructType):
        return f"CASE WHEN starts_with(CAST({raw} AS VARCHAR), '{{') THEN {_struct_misfit(raw, kind)} ELSE true END"
    if isinstance(kind, ArrayType) and isinstance(kind.element, _TOP):
        found = _any(f"json_transform({raw}, '[\"JSON\"]')", "", kind.element)
        return f"CASE WHEN starts_with(CAST({raw} AS VARCHAR), '[') THEN {found} ELSE true END"
    if isinstance(kind, MapType) and isinstance(kind.value, _TOP):
        found = _any(f"map_entries(json_transform({raw}, '\"MAP(VARCHAR, JSON)\"'))", ".value", kind.value)
        return f"CASE WHEN starts_with(CAST({raw} AS VARCHAR), '{{') THEN {found} ELSE true END"
    return f"({_value(raw, kind, 'UTC')}) IS NULL"


def _any(items: str, part: str, kind: DataType) -> str:
    bad = each(items, lambda item: f"{item}{part} IS NOT NULL AND {_misfit(f'{item}{part}', kind)}")
    return f"list_contains({bad}, true)"


def _struct_misfit(raw: str, kind: StructType) -> str:
    asked = [field for field in kind.fields if field.type != STRING]
    if not asked:
        return "false"
    structure = quote_text(json.dumps(dict.fromkeys((field.name for field in asked), "JSON"), ensure_ascii=False))
    return let(
        f"json_transform({raw}, {structure})",
        lambda x: " OR ".join(
            f"({part} IS NOT NULL AND {_misfit(part, field.type)})"
            for field in asked
            for part in (f"{x}.{quote(field.name)}",)
        ),
    )


def _check(schema: DataType, *, top: bool = True) -> None:
    if isinstance(schema, StructType):
        for field in schema.fields:
            _check(field.type, top=False)
    elif isinstance(schema, ArrayType):
        _check(schema.element, top=False)
    elif isinstance(schema, MapType):
        if schema.key != STRING:
            raise _refused(f"a map with {schema.key.sql()} keys; JSON keys are STRING")
        _check(schema.value, top=False)
    elif top or (schema not in _SCALARS and schema not in (STRING, NULL) and not isinstance(schema, DecimalType)):
        raise _refused(schema.sql() if not top else f"{schema.sql()} at the top; a STRUCT, ARRAY or MAP belongs there")


def _refused(what: str) -> StreamError:
    condition = "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA"
    return StreamError("SQL_ANALYSIS", f"JSON cannot be read as {what}.", condition=condition)
