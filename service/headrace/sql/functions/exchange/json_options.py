"""Room 2: from_json and to_json with the options that say how times are written and fields are ordered.

Takes rendered values and a constant map of options; gives DuckDB text. Options that are not done are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.duck import let, quote
from headrace.sql.cast import CastMode
from headrace.sql.datetime_text import format_sql, parse_sql
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions import documents
from headrace.sql.functions.instant import local
from headrace.sql.functions.signature import rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import DATE, STRING, TIMESTAMP, TIMESTAMP_NTZ, DataType, Field, StructType

PATTERNS: Mapping[DataType, str] = {
    TIMESTAMP: "timestampformat",
    TIMESTAMP_NTZ: "timestampntzformat",
    DATE: "dateformat",
}
"""The option that holds the pattern of each type of moment, in lower case."""


def options_of(argument: Argument | Rendered, allowed: Sequence[str], name: str) -> dict[str, str]:
    """Return a constant map of options by lower-case name.

    Raises:
        StreamError: SQL_UNSUPPORTED, the map is no constant or names an option that is not done.
    """
    if not argument.constant or not isinstance(argument.value, dict):
        raise unsupported(f"The options of {name} must be a constant map.")
    found = {str(key).lower(): str(value) for key, value in argument.value.items()}
    unknown = sorted(set(found) - {option.lower() for option in allowed})
    if unknown:
        raise unsupported(f"The option {unknown[0]} of {name} is not done; allowed: {', '.join(allowed)}.")
    return found


_FROM, _TO = documents.FUNCTIONS["from_json"], documents.FUNCTIONS["to_json"]
_READ = ("timestampFormat", "dateFormat", "timestampNTZFormat")
_WRITE = (*_READ, "sortKeys")


def _from_types(arguments: Sequence[Argument]) -> Resolved:
    plain = _FROM.resolve(arguments[:2])
    if len(arguments) == 2:
        return plain
    options_of(arguments[2], _READ, "from_json")
    if not isinstance(plain.type, StructType):
        raise unsupported("from_json with options gives a struct only.")
    return Resolved((*plain.arguments, arguments[2].type), plain.type)


def _from(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    if len(arguments) == 2:
        return _FROM.render(arguments, kind, settings)
    assert isinstance(kind, StructType)  # as `_from_types` says
    options = options_of(arguments[2], _READ, "from_json")
    patterns = [options.get(PATTERNS.get(field.type, "")) for field in kind.fields]
    texts = StructType(
        tuple(Field(f.name, f.type if p is None else STRING) for f, p in zip(kind.fields, patterns, strict=True))
    )

    def read(v: str) -> str:
        parts = []
        for field, pattern in zip(kind.fields, patterns, strict=True):
            value = f"{v}.{quote(field.name)}"
            if pattern is not None:
                value = parse_sql(value, pattern, field.type, mode=CastMode.TRY, settings=settings)
            parts.append(f"{quote(field.name)} := {value}")
        return f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"

    return let(_FROM.render(arguments[:2], texts, settings), read)


def _to_types(arguments: Sequence[Argument]) -> Resolved:
    plain = _TO.resolve(arguments[:1])
    if len(arguments) == 1:
        return plain
    options_of(arguments[1], _WRITE, "to_json")
    kind = arguments[0].type
    if not isinstance(kind, StructType) or any(_is_nested(field.type) for field in kind.fields):
        raise unsupported("to_json with options takes a struct of plain values only.")
    return Resolved((kind, arguments[1].type), STRING)


def _is_nested(kind: DataType) -> bool:
    return hasattr(kind, "fields") or hasattr(kind, "element") or hasattr(kind, "key")


def _to(arguments: Sequence[Rendered], result: DataType, settings: SqlSettings) -> str:
    if len(arguments) == 1:
        return _TO.render(arguments, result, settings)
    kind, options = arguments[0].type, options_of(arguments[1], _WRITE, "to_json")
    assert isinstance(kind, StructType)  # as `_to_types` says
    fields = list(kind.fields)
    if options.get("sortkeys", "false").lower() == "true":
        fields.sort(key=lambda field: field.name)
    shown = StructType(tuple(Field(f.name, STRING if PATTERNS.get(f.type, "") in options else f.type) for f in fields))

    def written(v: str) -> str:
        parts = []
        for field in fields:
            value = f"{v}.{quote(field.name)}"
            pattern = options.get(PATTERNS.get(field.type, ""))
            if pattern is not None:
                value = format_sql(local(value, field.type, settings), pattern, settings=settings)
            parts.append(f"{quote(field.name)} := {value}")
        made = f"(CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END)"
        return _TO.render([Rendered(made, shown)], result, settings)

    return let(arguments[0].sql, written)


FUNCTIONS = table(
    rewritten("from_json", (2, 3), _from_types, _from),
    rewritten("to_json", (1, 2), _to_types, _to),
)
