"""Room 2: string functions done by functions of single values, and those on bytes that must be UTF-8.

Takes rendered texts or byte strings; gives DuckDB text that calls `headrace.sql.vectorised`.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import (
    TEXT_OR_BYTES,
    accept,
    fail,
    lazy,
    null_if_any,
    rewritten,
    table,
    takes,
    text,
)
from headrace.sql.settings import SqlSettings
from headrace.types import BINARY, BOOLEAN, INT, STRING, ArrayType, DataType

_ANY_CLASS = ("'X'", "'x'", "'n'", "CAST(NULL AS VARCHAR)")


def _mask(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, *classes = (a.sql for a in arguments)
    return f"headrace_mask({', '.join([value, *classes, *_ANY_CLASS[len(classes) :]])})"


def _elt_types(arguments: Sequence[Argument]) -> Resolved:
    binary = all(a.type == BINARY for a in arguments[1:])
    kind = BINARY if binary else STRING
    return Resolved((INT, *(accept(a, kind, i + 1) for i, a in enumerate(arguments[1:]))), kind)


def _elt(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    index, *values = (a.sql for a in arguments)
    branches = " ".join(f"WHEN {index} = {place} THEN {value}" for place, value in enumerate(values, 1))
    shown = f"'The index ' || {index} || ' is out of bounds. The array has {len(values)} elements.'"
    beyond = fail("INVALID_ARRAY_INDEX", shown) if settings.ansi else "NULL"
    return f"(CASE {branches} WHEN {index} IS NULL THEN NULL ELSE {beyond} END)"


def _conv(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    value, source, target = (a.sql for a in arguments)
    return f"headrace_conv({value}, {source}, {target}, {str(settings.ansi).lower()})"


def _url(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        loud = str(settings.ansi and not quiet).lower()
        function = "headrace_parse_url" if len(arguments) == 2 else "headrace_parse_url_key"
        return f"{function}({', '.join(a.sql for a in arguments)}, {loud})"

    return Function(name, (2, 3), takes(STRING, STRING, STRING, gives=STRING), render, How.ARROW)


def _bytes_of(argument: Rendered) -> str:
    return argument.sql if argument.type == BINARY else f"encode({argument.sql})"


def _text_of(argument: Rendered) -> str:
    return f"headrace_utf8({argument.sql})" if argument.type == BINARY else argument.sql


def _keeping(arguments: Sequence[Argument], gives: DataType) -> Resolved:
    return Resolved((accept(arguments[0], TEXT_OR_BYTES, 0),), gives)


def _is_valid(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"headrace_valid_utf8({_bytes_of(arguments[0])})"


def _validated(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        value = arguments[0]
        wrong = fail(
            "INVALID_UTF8_STRING", f"'Invalid UTF8 byte sequence found in string: ' || hex({value.sql}) || '.'"
        )
        bad = "NULL" if quiet else wrong
        return null_if_any(
            arguments, f"(CASE WHEN headrace_valid_utf8({_bytes_of(value)}) THEN {_text_of(value)} ELSE {bad} END)"
        )

    return rewritten(name, (1, 1), lambda a: _keeping(a, STRING), render)


def _made_valid(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return _text_of(arguments[0])


def _to_binary(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        value = arguments[0].sql
        if len(arguments) == 2 and arguments[1].constant and arguments[1].value is None:
            return "CAST(NULL AS BLOB)"
        form = str(arguments[1].value).lower() if len(arguments) == 2 else "hex"
        made = {
            "hex": f"CASE WHEN regexp_full_match({value}, '[0-9A-Fa-f]*') THEN unhex({value}) END",
            "base64": f"CASE WHEN regexp_full_match({value}, '(?:[A-Za-z0-9+/]{{4}})*(?:[A-Za-z0-9+/]{{2}}==|"
            f"[A-Za-z0-9+/]{{3}}=)?') THEN from_base64({value}) END",
            "utf-8": f"encode({value})",
            "utf8": f"encode({value})",
        }.get(form, "NULL")
        shown = f"'The value ' || {value} || ' cannot be converted to BINARY by the format {form}.'"
        bad = "NULL" if quiet else fail("CONVERSION_INVALID_INPUT", shown)
        whole = f"CAST(coalesce({made}, {bad}) AS BLOB)" if bad != "NULL" else f"CAST({made} AS BLOB)"
        return null_if_any(arguments[:1], whole)

    return lazy(name, (1, 2), takes(STRING, STRING, gives=BINARY), render)


def _single(name: str, gives: DataType, *kinds: DataType) -> Function:
    call = f"headrace_{name}({', '.join(f'{{{i}}}' for i in range(len(kinds)))})"
    return Function(name, (len(kinds), len(kinds)), takes(*kinds, gives=gives), text(call), How.ARROW)


_WORDS = ArrayType(ArrayType(STRING))

FUNCTIONS = table(
    Function("mask", (1, 5), takes(STRING, STRING, STRING, STRING, STRING, gives=STRING), _mask, How.ARROW),
    _single("soundex", STRING, STRING),
    _single("luhn_check", BOOLEAN, STRING),
    _single("find_in_set", INT, STRING, STRING),
    Function(
        "sentences", (1, 3), takes(STRING, STRING, STRING, gives=_WORDS), text("headrace_sentences({0})"), How.ARROW
    ),
    Function("conv", (3, 3), takes(STRING, INT, INT, gives=STRING), _conv, How.ARROW),
    lazy("elt", (2, None), _elt_types, _elt),
    _url("parse_url", quiet=False),
    _url("try_parse_url", quiet=True),
    Function("is_valid_utf8", (1, 1), lambda a: _keeping(a, BOOLEAN), _is_valid, How.ARROW),
    Function("make_valid_utf8", (1, 1), lambda a: _keeping(a, STRING), _made_valid, How.ARROW),
    _validated("validate_utf8", quiet=False),
    _validated("try_validate_utf8", quiet=True),
    _to_binary("to_binary", quiet=False),
    _to_binary("try_to_binary", quiet=True),
)
