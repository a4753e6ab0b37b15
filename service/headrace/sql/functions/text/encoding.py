"""Room 2: bytes to text and back, digests and hashes.

Takes rendered texts and byte strings; gives DuckDB text; the hashes that DuckDB lacks are `headrace.sql.vectorised`.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import (
    common,
    constant,
    fail,
    null_if_any,
    refused,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.hash_text import hash_sql, is_hashable
from headrace.types import BIGINT, BINARY, INT, STRING, DataType

_BYTES = takes(BINARY, gives=STRING)


_CHARSETS = ("us-ascii", "iso-8859-1", "utf-8", "utf-16be", "utf-16le", "utf-16", "utf-32")


def _charset(argument: Rendered) -> str:
    name = str(constant(argument, "The charset")).lower()
    if argument.value is None:
        raise unsupported("A charset that is NULL is not done.")
    if name not in _CHARSETS:
        message = f"The charset {name!r} is none of {', '.join(_CHARSETS)}."
        raise StreamError("SQL_ANALYSIS", message, hint="Write 'UTF-8'.", condition="INVALID_PARAMETER_VALUE.CHARSET")
    if name != "utf-8":
        raise unsupported(f"The charset {name!r} is not done; allowed: UTF-8.")
    return name


def _encode(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    _charset(arguments[1])
    return f"encode({arguments[0].sql})"


def _decode_types(arguments: Sequence[Argument]) -> Resolved:
    if len(arguments) != 2:
        searched = common([arguments[0], *arguments[1 : len(arguments) - 1 : 2]])
        results = [*arguments[2::2], *([arguments[-1]] if len(arguments) % 2 == 0 else [])]
        result = common(results)
        kinds = [searched if i == 0 or (i % 2 and i < len(arguments) - 1) else result for i in range(len(arguments))]
        return Resolved(tuple(kinds), result)
    return takes(BINARY, STRING, gives=STRING)(arguments)


def _decode(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) != 2:
        return _chosen(arguments)
    _charset(arguments[1])
    value = arguments[0].sql
    wrong = fail("MALFORMED_CHARACTER_CODING", "'Invalid value found when performing decode with UTF-8.'")
    return f"(CASE WHEN {value} IS NOT NULL THEN coalesce(TRY(decode({value})), {wrong}) END)"


def _chosen(arguments: Sequence[Rendered]) -> str:
    """Return the result behind the first search value that is the same, NULL the same as NULL."""
    value, rest = arguments[0].sql, [argument.sql for argument in arguments[1:]]
    pairs = zip(rest[::2], rest[1::2], strict=False)
    branches = " ".join(f"WHEN {value} IS NOT DISTINCT FROM {seen} THEN {result}" for seen, result in pairs)
    return f"(CASE {branches} ELSE {rest[-1] if len(rest) % 2 else 'NULL'} END)"


def _unbase64(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    value = arguments[0].sql
    wrong = fail("CONVERSION_INVALID_INPUT", f"'The value ' || {value} || ' is not base64.'")
    clean = f"regexp_replace({value}, '\\s', '', 'g')"
    made = f"coalesce(TRY(from_base64({clean})), {wrong if settings.ansi else 'NULL'})"
    return f"(CASE WHEN {value} IS NOT NULL THEN {made} END)"


def _unhex(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"TRY(unhex({arguments[0].sql}))" if "error(" not in arguments[0].sql else f"unhex({arguments[0].sql})"


def _sha2(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    bits = constant(arguments[1], "The bit length of sha2")
    value = arguments[0].sql
    if bits in (0, 256):
        return f"sha256({value})"
    if bits in (224, 384, 512):
        return f"headrace_sha{bits}({value})"
    return "CAST(NULL AS VARCHAR)"


def _hashed(arguments: Sequence[Argument]) -> tuple[DataType, ...]:
    for argument in arguments:
        if not is_hashable(argument.type):
            raise unsupported(f'The hash of "{argument.type.sql()}" is not done.')
    return tuple(a.type for a in arguments)


def _hash(name: str, algorithm: str, kind: DataType) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved(_hashed(arguments), kind)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return hash_sql(algorithm, [(a.sql, a.type) for a in arguments])

    return Function(name, (1, None), resolve, render, How.ARROW)


def _url_encode(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    # Java's form encoding: a space is +, and * stays while ~ does not.
    return f"replace(replace(replace(url_encode({arguments[0].sql}), '%20', '+'), '%2A', '*'), '~', '%7E')"


def _url_decode(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    wrong = fail("CANNOT_DECODE_URL", f"'The URL ' || {value} || ' cannot be decoded.'")
    valid = f"NOT regexp_matches({value}, '%($|.$|[^0-9A-Fa-f]|[0-9A-Fa-f]($|[^0-9A-Fa-f]))')"
    return null_if_any(arguments, f"(CASE WHEN {valid} THEN url_decode(replace({value}, '+', ' ')) ELSE {wrong} END)")


def _digest(name: str, template: str) -> Function:
    return Function(name, (1, 1), _BYTES, text(template))


def _try_url_decode(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    valid = f"NOT regexp_matches({value}, '%($|.$|[^0-9A-Fa-f]|[0-9A-Fa-f]($|[^0-9A-Fa-f]))')"
    return f"(CASE WHEN {valid} THEN url_decode(replace({value}, '+', ' ')) END)"


FUNCTIONS = table(
    rewritten("try_url_decode", (1, 1), takes(STRING, gives=STRING), _try_url_decode),
    Function("base64", (1, 1), _BYTES, text("to_base64({0})")),
    rewritten("unbase64", (1, 1), takes(STRING, gives=BINARY), _unbase64),
    rewritten("unhex", (1, 1), takes(STRING, gives=BINARY), _unhex),
    rewritten("encode", (2, 2), takes(STRING, STRING, gives=BINARY), _encode),
    rewritten("decode", (2, None), _decode_types, _decode),
    _digest("md5", "md5({0})"),
    _digest("sha1", "sha1({0})"),
    rewritten("sha2", (2, 2), takes(BINARY, INT, gives=STRING), _sha2),
    Function("crc32", (1, 1), takes(BINARY, gives=BIGINT), text("headrace_crc32({0})"), How.ARROW),
    _hash("hash", "murmur3", INT),
    _hash("xxhash64", "xxhash64", BIGINT),
    rewritten("url_encode", (1, 1), takes(STRING, gives=STRING), _url_encode),
    rewritten("url_decode", (1, 1), takes(STRING, gives=STRING), _url_decode),
    refused("uuid", "its value depends on chance, and a batch that runs again must give the same rows"),
    sha="sha1",
)
