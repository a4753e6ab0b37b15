"""Room 2: from_xml and schema_of_xml.

Takes rendered texts, a constant schema and a constant map of options; gives DuckDB text. Source: Spark xmlExpressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.json_text import from_json_sql
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.exchange.options import options_of
from headrace.sql.functions.exchange.schemas import ddl_of, written_schema
from headrace.sql.functions.signature import accept, mismatch, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.xml.events import FAIL_FAST, MalformedError, XmlOptions
from headrace.sql.vectorised.xml.leaves import PLAIN, pattern_of
from headrace.sql.vectorised.xml.rows import written_options
from headrace.sql.vectorised.xml.schema import xml_schema
from headrace.types import NULL, STRING, ArrayType, DataType, DecimalType, MapType, StructType

_PATTERNS = ("timestampFormat", "dateFormat", "timestampNTZFormat")
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "attributePrefix": "attribute_prefix",
        "valueTag": "value_tag",
        "nullValue": "null_value",
        "wildcardColName": "wildcard",
        "columnNameOfCorruptRecord": "corrupt_record",
        "mode": "mode",
    }
)
_FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "excludeAttribute": "exclude_attributes",
        "ignoreSurroundingSpaces": "trim",
        "ignoreNamespace": "ignore_namespace",
        "inferSchema": "infer",
    }
)
_ALLOWED = (*_PATTERNS, *_WORDS, *_FLAGS, "rowTag")


def _options(arguments: Sequence[Argument | Rendered], at: int, name: str, zone: str = "UTC") -> XmlOptions:
    given = options_of(arguments[at], _ALLOWED, name) if len(arguments) > at else {}
    found: dict[str, str | bool] = {}
    for option, word in _WORDS.items():
        if option.lower() in given:
            found[word] = given[option.lower()]
    for option, word in _FLAGS.items():
        if option.lower() in given:
            found[word] = given[option.lower()].lower() == "true"
    found["mode"] = str(found.get("mode", "PERMISSIVE")).upper()
    patterns = {option.lower(): given[option.lower()] for option in _PATTERNS if option.lower() in given}
    for pattern in patterns.values():
        try:
            pattern_of(pattern)
        except ValueError as error:
            raise unsupported(f"{name} does not read {error}.") from error
    return XmlOptions(zone=zone, patterns=MappingProxyType(patterns), **found)  # type: ignore[arg-type]  # by name


def _check(kind: DataType) -> None:
    if isinstance(kind, StructType):
        for field in kind.fields:
            _check(field.type)
    elif isinstance(kind, ArrayType):
        _check(kind.element)
    elif isinstance(kind, MapType):
        _check(kind.key)
        _check(kind.value)
    elif kind not in PLAIN and not isinstance(kind, DecimalType):
        raise unsupported(f"from_xml of {kind.sql()} is not done.")


def _text(argument: Argument, name: str) -> None:
    if argument.type not in (STRING, NULL):
        raise mismatch(f'The first argument of {name} is a text, and "{argument.type.sql()}" is none.')


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    if arguments[1].constant and arguments[1].value is None:
        message = "The schema of from_xml is NULL, and no text."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SCHEMA.NON_STRING_LITERAL")
    if not arguments[1].constant or not isinstance(arguments[1].value, str):
        raise unsupported("The schema of from_xml must be a constant text.", "Write it as in 'a INT, b STRING'.")
    _text(arguments[0], "from_xml")
    kind = written_schema(arguments[1].value)
    if not isinstance(kind, StructType):
        raise mismatch(f'from_xml gives a struct, and "{kind.sql()}" is none.', condition="INVALID_XML_SCHEMA")
    _check(kind)
    mode = _options(arguments, 2, "from_xml").mode
    if mode not in ("PERMISSIVE", FAIL_FAST):
        message = f"The function from_xml does not support the mode {mode}; it has PERMISSIVE and FAILFAST."
        raise StreamError("SQL_ANALYSIS", message, condition="PARSE_MODE_UNSUPPORTED")
    return Resolved((accept(arguments[0], STRING, 0), STRING, *(a.type for a in arguments[2:])), kind)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    assert isinstance(kind, StructType)  # as `_from_types` says
    options = _options(arguments, 2, "from_xml", settings.time_zone)
    schema = ddl_of(kind, always=True).removeprefix("STRUCT<").removesuffix(">")
    row = f"headrace_xml_row({arguments[0].sql}, {quote_text(schema)}, {quote_text(written_options(options))})"
    return from_json_sql(row, kind, settings.time_zone)


def _schema_types(arguments: Sequence[Argument]) -> Resolved:
    if not arguments[0].constant:
        raise mismatch("The text whose schema is asked for must be a constant.", condition="NON_FOLDABLE_INPUT")
    if arguments[0].value is None:
        raise mismatch("The text whose schema is asked for is NULL.", condition="UNEXPECTED_NULL")
    _text(arguments[0], "schema_of_xml")
    mode = _options(arguments, 1, "schema_of_xml").mode
    if mode not in ("PERMISSIVE", FAIL_FAST):
        message = f"The function schema_of_xml does not support the mode {mode}."
        raise StreamError("SQL_ANALYSIS", message, condition="PARSE_MODE_UNSUPPORTED")
    return Resolved((STRING, *(a.type for a in arguments[1:])), STRING)


def _schema_of(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    try:
        found = xml_schema(str(arguments[0].value), _options(arguments, 1, "schema_of_xml"))
    except MalformedError as error:
        message = "The text whose schema is asked for is no XML."
        condition = "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"
        raise StreamError("SQL_ANALYSIS", message, condition=condition) from error
    return quote_text(ddl_of(found))


FUNCTIONS = table(
    Function("from_xml", (2, 3), _from_types, _from, How.ARROW),
    Function("schema_of_xml", (1, 2), _schema_types, _schema_of, How.REWRITTEN),
)
