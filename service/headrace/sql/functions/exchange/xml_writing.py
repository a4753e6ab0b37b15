"""Room 2: to_xml of a struct: an element a field, one below the other, an array as its element repeated.

Takes rendered structs and a constant map of options; gives DuckDB text. Source: Spark xmlExpressions, StaxXmlGenerator.
Fields that Spark writes as attributes (``_name``), maps, bytes and arrays of arrays are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.duck import each, let, quote, quote_text
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.exchange.lines import value_text
from headrace.sql.functions.exchange.options import options_of
from headrace.sql.functions.signature import mismatch, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BINARY,
    BOOLEAN,
    DATE,
    INTEGRAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    ArrayType,
    DataType,
    StructType,
    is_numeric,
)

_ALLOWED = ("rowTag", "timestampFormat", "dateFormat", "timestampNTZFormat")
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_INDENT = "    "
_PLAIN = (*INTEGRAL, BOOLEAN, STRING, DATE, TIMESTAMP, TIMESTAMP_NTZ, NULL)
_REFUSED_BYTES = "[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F]"


def _options(arguments: Sequence[Argument | Rendered]) -> dict[str, str]:
    return options_of(arguments[1], _ALLOWED, "to_xml") if len(arguments) > 1 else {}


def _check(kind: DataType, *, within_array: bool = False) -> None:
    if isinstance(kind, StructType):
        for field in kind.fields:
            if not _NAME.fullmatch(field.name):
                raise unsupported(f"to_xml of a field of the name {field.name!r} is not done; it names no element.")
            _check(field.type)
    elif isinstance(kind, ArrayType) and not within_array:
        _check(kind.element, within_array=True)
    elif kind == BINARY or not (kind in _PLAIN or is_numeric(kind)):
        where = "in an array" if within_array else "as a field"
        raise unsupported(f"to_xml of {kind.sql()} {where} is not done.")


def _types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if not isinstance(kind, StructType):
        raise mismatch(f'to_xml takes a struct, and got "{kind.sql()}".')
    tag = _options(arguments).get("rowtag", "ROW")
    if not _NAME.fullmatch(tag):
        raise unsupported(f"The option rowTag of to_xml names an element; seen: {tag!r}.")
    _check(kind)
    return Resolved((kind, *(a.type for a in arguments[1:])), STRING)


def _write(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    options = _options(arguments)

    def element(value: str, name: str, kind: DataType, depth: int) -> str:
        """An element on a line of its own, NULL for NULL."""
        start = f"chr(10) || {quote_text(_INDENT * depth + '<' + name)}"
        if isinstance(kind, ArrayType):
            items = each(value, lambda item: f"coalesce({element(item, name, kind.element, depth)}, '')")
            return f"array_to_string({items}, '')"
        if isinstance(kind, StructType):
            return let(
                value, lambda v: f"(CASE WHEN {v} IS NOT NULL THEN {start} || {inside(v, name, kind, depth)} END)"
            )
        text = value_text(value, kind, options, settings)
        return f"({start} || '>' || {_escaped(text) if kind == STRING else text} || {quote_text(f'</{name}>')})"

    def inside(v: str, name: str, kind: StructType, depth: int) -> str:
        """What stands behind the name of a struct's element."""
        parts = [
            f"coalesce({element(f'{v}.{quote(field.name)}', field.name, field.type, depth + 1)}, '')"
            for field in kind.fields
        ]
        end = f"chr(10) || {quote_text(_INDENT * depth + f'</{name}>')}"
        children = f"({' || '.join(parts)})" if parts else "''"
        return let(children, lambda c: f"(CASE WHEN {c} = '' THEN '/>' ELSE '>' || {c} || {end} END)")

    tag = options.get("rowtag", "ROW")
    return f"substring({element(arguments[0].sql, tag, arguments[0].type, 0)}, 2)"


def _escaped(text: str) -> str:
    """As Woodstox escapes text; characters that XML has no place for fail as they do there."""
    wrong = "error('to_xml: a text holds a control character, which XML has no place for.')"

    def written(t: str) -> str:
        plain = f"replace(replace({t}, '&', '&amp;'), '<', '&lt;')"
        plain = f"replace(replace({plain}, ']]>', ']]&gt;'), chr(13), '&#xd;')"
        return f"(CASE WHEN regexp_matches({t}, '{_REFUSED_BYTES}') THEN {wrong} ELSE {plain} END)"

    return let(text, written)


FUNCTIONS = table(rewritten("to_xml", (1, 2), _types, _write))
