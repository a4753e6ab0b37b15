"""Room 2: string functions; positions count code points from 1, as Spark's do.

Takes rendered texts or byte strings; gives DuckDB text.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, Rendered, Resolve, Resolved
from headrace.sql.functions.signature import (
    TEXT_OR_BYTES,
    accept,
    alike,
    call,
    fail,
    null_if_any,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.functions.text.formatting import format_number, format_number_types, format_string, format_types
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    INT,
    STRING,
    ArrayType,
    DataType,
    MapType,
    StructType,
)

_S = takes(STRING, gives=STRING)


def _bytes_or_text(more: Sequence[DataType], gives: DataType | None = None) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kind = accept(arguments[0], TEXT_OR_BYTES, 0)
        rest = [accept(a, p, i + 1) for i, (a, p) in enumerate(zip(arguments[1:], more, strict=False))]
        return Resolved((kind, *rest), gives or kind)

    return resolve


def _length(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    name = "octet_length" if arguments[0].type == BINARY else "length"
    return f"CAST({name}({arguments[0].sql}) AS INTEGER)"


def _octets(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    name = "octet_length" if arguments[0].type == BINARY else "strlen"
    return f"CAST({name}({arguments[0].sql}) AS INTEGER)"


def _bits(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    return f"({_octets(arguments, kind, settings)} * 8)"


def _substring(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    source, start = arguments[0], arguments[1]
    first = _position(start)
    if source.type == BINARY:
        at = f"(CASE WHEN {start.sql} > 0 THEN 2 * {start.sql}::BIGINT - 1 ELSE 2 * {start.sql}::BIGINT END)"
        first = f"(CASE WHEN {start.sql} = 0 THEN 1 ELSE {at} END)"
        length = f", 2 * greatest({arguments[2].sql}::BIGINT, 0)" if len(arguments) == 3 else ""
        return f"unhex(substring(hex({source.sql}), {first}{length}))"
    if len(arguments) == 2:
        return f"substring({source.sql}, {first})"
    length = arguments[2].sql
    if not (arguments[2].constant and isinstance(arguments[2].value, int) and arguments[2].value >= 0):
        length = f"(CASE WHEN {length} < 0 THEN 0 ELSE {length} END)"
    return f"substring({source.sql}, {first}, {length})"


def _position(start: Rendered) -> str:
    if start.constant and isinstance(start.value, int):
        return str(start.value or 1)
    return f"(CASE WHEN {start.sql} = 0 THEN 1 ELSE {start.sql} END)"


def _left(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, count = (a.sql for a in arguments)
    return f"(CASE WHEN {count} <= 0 AND {value} IS NOT NULL THEN '' ELSE left({value}, {count}) END)"


def _right(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, count = (a.sql for a in arguments)
    return f"(CASE WHEN {count} <= 0 AND {value} IS NOT NULL THEN '' ELSE right({value}, {count}) END)"


def _trim(side: str, text_first: bool) -> Function:
    name = {"": "trim", "l": "ltrim", "r": "rtrim"}[side]

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        if len(arguments) == 1:
            return f"{name}({arguments[0].sql}, ' ')"
        ordered = arguments if text_first else (arguments[1], arguments[0])
        return f"{name}({ordered[0].sql}, {ordered[1].sql})"

    return rewritten("btrim" if text_first else name, (1, 2), takes(STRING, STRING, gives=STRING), render)


def _pad(name: str) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        value, length = arguments[0].sql, arguments[1].sql
        if kind == BINARY:
            fill = arguments[2].sql if len(arguments) == 3 else "from_hex('00')"
            return f"headrace_pad_bytes({value}, {length}, {fill}, {str(name == 'lpad').lower()})"
        fill = arguments[2].sql if len(arguments) == 3 else "' '"
        padded = f"CASE WHEN {fill} = '' THEN left({value}, {length}) ELSE {name}({value}, {length}, {fill}) END"
        return f"(CASE WHEN {length} <= 0 AND {value} IS NOT NULL AND {fill} IS NOT NULL THEN '' ELSE {padded} END)"

    return rewritten(name, (2, 3), _pad_types, render)


def _pad_types(arguments: Sequence[Argument]) -> Resolved:
    kind = BINARY if arguments[0].type == BINARY and all(a.type == BINARY for a in arguments[2:]) else STRING
    return takes(kind, INT, kind, gives=kind)(arguments)


def _instr(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"CAST(instr({arguments[0].sql}, {arguments[1].sql}) AS INTEGER)"


def _locate(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    part, value = arguments[0].sql, arguments[1].sql
    if len(arguments) == 2:
        return f"CAST(instr({value}, {part}) AS INTEGER)"
    start = arguments[2].sql
    found = f"instr(substring({value}, {start}), {part})"
    shifted = f"WHEN {found} = 0 THEN 0 ELSE {found} + {start} - 1"
    inner = f"CASE WHEN {start} <= 0 THEN 0 WHEN {part} = '' THEN {start} {shifted} END"
    unknown = f"{value} IS NULL OR {part} IS NULL"
    return f"CAST(CASE WHEN {start} IS NULL THEN 0 WHEN {unknown} THEN NULL ELSE {inner} END AS INTEGER)"


def _concat_types(arguments: Sequence[Argument]) -> Resolved:
    for place, argument in enumerate(arguments):
        if isinstance(argument.type, MapType | StructType):
            accept(argument, TEXT_OR_BYTES, place)
    if any(isinstance(a.type, ArrayType) for a in arguments):
        return alike(arguments)
    binary = bool(arguments) and all(a.type == BINARY for a in arguments)
    kind = BINARY if binary else STRING
    return Resolved(tuple(accept(a, kind, i) for i, a in enumerate(arguments)), kind)


def _concat(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    if not arguments:
        return "''"
    if isinstance(kind, ArrayType):
        return null_if_any(arguments, f"list_concat({', '.join(a.sql for a in arguments)})")
    return "(" + " || ".join(a.sql for a in arguments) + ")"


def _concat_ws_types(arguments: Sequence[Argument]) -> Resolved:
    texts = ArrayType(STRING)
    kinds = [texts if isinstance(a.type, ArrayType) else STRING for a in arguments[1:]]
    return Resolved(
        (STRING, *(accept(a, k, i + 1) for i, (a, k) in enumerate(zip(arguments[1:], kinds, strict=True)))), STRING
    )


def _concat_ws(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    separator, *parts = arguments
    if not parts:
        return f"(CASE WHEN {separator.sql} IS NOT NULL THEN '' END)"
    if not any(isinstance(p.type, ArrayType) for p in parts):
        return f"concat_ws({separator.sql}, {', '.join(p.sql for p in parts)})"
    lists = ", ".join(f"coalesce({p.sql}, [])" if isinstance(p.type, ArrayType) else f"[{p.sql}]" for p in parts)
    return join_texts(f"list_concat({lists}, []::VARCHAR[])", separator)


def join_texts(values: str, separator: Rendered) -> str:
    """Return the texts of a list joined by a separator, NULLs left out; NULL for a NULL list or separator."""
    if separator.constant and separator.value is not None:
        joined = f"coalesce(list_aggregate({values}, 'string_agg', {separator.sql}), '')"
        return f"(CASE WHEN {values} IS NOT NULL THEN {joined} END)"
    kept = f"list_filter({values}, lambda t: t IS NOT NULL)"
    joined = f"CASE WHEN len({kept}) = 0 THEN '' ELSE list_reduce({kept}, lambda a, t: a || {separator.sql} || t) END"
    return f"(CASE WHEN {values} IS NULL OR {separator.sql} IS NULL THEN NULL ELSE {joined} END)"


_INITCAP = (
    "coalesce(list_aggregate(list_transform(string_split(lower({0}), ' '), "
    "lambda w: upper(left(w, 1)) || substring(w, 2)), 'string_agg', ' '), {0})"
)


def _ascii(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    return f"CAST(CASE WHEN {value} = '' THEN 0 ELSE unicode({value}) END AS INTEGER)"


def _chr(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    return f"(CASE WHEN {value} < 0 THEN '' ELSE chr(CAST(({value} % 256) AS INTEGER)) END)"


def _split_part(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, mark, index = (a.sql for a in arguments)
    zero = fail("INVALID_INDEX_OF_ZERO", "'The index 0 is invalid. An index shall be either < 0 or > 0.'")
    whole = f"CASE WHEN abs({index}) = 1 THEN {value} ELSE '' END"
    body = (
        f"CASE WHEN {index} = 0 THEN {zero} WHEN {mark} = '' THEN {whole} ELSE split_part({value}, {mark}, {index}) END"
    )
    return null_if_any(arguments, f"({body})")


def _substring_index(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, mark, count = (a.sql for a in arguments)
    parts = f"string_split({value}, {mark})"
    head = f"array_to_string({parts}[1:{count}], {mark})"
    tail = f"array_to_string({parts}[greatest(len({parts}) + {count} + 1, 1):], {mark})"
    if not arguments[1].constant:
        raise unsupported("The delimiter of substring_index must be a constant.")
    body = f"CASE WHEN {count} = 0 OR {mark} = '' THEN '' WHEN {count} > 0 THEN {head} ELSE {tail} END"
    return null_if_any(arguments, f"({body})")


def _replace(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    other = arguments[2].sql if len(arguments) == 3 else "''"
    return f"replace({arguments[0].sql}, {arguments[1].sql}, {other})"


def _edge(name: str, native: str) -> Function:
    return Function(name, (2, 2), takes(STRING, STRING, gives=BOOLEAN), call(native))


def _overlay(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, part, start = (a.sql for a in arguments[:3])
    length = arguments[3].sql if len(arguments) == 4 else "-1"
    taken = f"(CASE WHEN {length} >= 0 THEN {length} ELSE length({part}) END)"
    joined = f"left({value}, {start} - 1) || {part} || substring({value}, {start} + {taken})"
    wrong = fail("UNSUPPORTED_OVERLAY", "'overlay takes a position of 1 or more.'")
    return null_if_any(arguments, f"(CASE WHEN {start} < 1 THEN {wrong} ELSE {joined} END)")


def _levenshtein(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    a, b = (x.sql for x in arguments[:2])
    # DuckDB counts bytes, Spark characters: where both are ASCII they agree, elsewhere the row is refused.
    safe = f"strlen({a}) = length({a}) AND strlen({b}) = length({b})"
    wrong = fail("UNSUPPORTED_LEVENSHTEIN", "'levenshtein takes ASCII texts only.'")
    value = f"(CASE WHEN {safe} THEN CAST(levenshtein({a}, {b}) AS INTEGER) ELSE {wrong} END)"
    if len(arguments) == 3:
        value = f"(CASE WHEN {value} > {arguments[2].sql} THEN -1 ELSE {value} END)"
    return null_if_any(arguments, value)


def _reverse_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if not isinstance(kind, ArrayType) and kind != BINARY:
        kind = accept(arguments[0], STRING, 0)
    return Resolved((kind,), kind)


def _reverse(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    if isinstance(kind, ArrayType):
        return f"list_reverse({value})"
    if kind == BINARY:
        return f"headrace_reverse_bytes({value})"
    # DuckDB's reverse keeps grapheme clusters together, Spark turns code points around.
    points = f"array_to_string(list_reverse(string_split({value}, '')), '')"
    return f"(CASE WHEN strlen({value}) = length({value}) THEN reverse({value}) ELSE {points} END)"


_TRANSLATE = takes(STRING, STRING, STRING, gives=STRING)

FUNCTIONS = table(
    Function("upper", (1, 1), _S, call("upper")),
    Function("lower", (1, 1), _S, call("lower")),
    _trim("", text_first=False),
    _trim("l", text_first=False),
    _trim("r", text_first=False),
    _trim("", text_first=True),
    rewritten("length", (1, 1), _bytes_or_text((), INT), _length),
    rewritten("octet_length", (1, 1), _bytes_or_text((), INT), _octets),
    rewritten("bit_length", (1, 1), _bytes_or_text((), INT), _bits),
    rewritten("substring", (2, 3), _bytes_or_text((INT, INT)), _substring),
    rewritten("left", (2, 2), takes(STRING, INT, gives=STRING), _left),
    rewritten("right", (2, 2), takes(STRING, INT, gives=STRING), _right),
    _pad("lpad"),
    _pad("rpad"),
    Function("repeat", (2, 2), takes(STRING, INT, gives=STRING), text("repeat({0}, {1})")),
    Function("replace", (2, 3), _TRANSLATE, _replace),
    rewritten("reverse", (1, 1), _reverse_types, _reverse),
    rewritten("split_part", (3, 3), takes(STRING, STRING, INT, gives=STRING), _split_part),
    rewritten("substring_index", (3, 3), takes(STRING, STRING, INT, gives=STRING), _substring_index),
    rewritten("instr", (2, 2), takes(STRING, STRING, gives=INT), _instr),
    rewritten("locate", (2, 3), takes(STRING, STRING, INT, gives=INT), _locate),
    rewritten("concat", (0, None), _concat_types, _concat),
    rewritten("concat_ws", (1, None), _concat_ws_types, _concat_ws),
    rewritten("initcap", (1, 1), _S, text(_INITCAP)),
    Function("translate", (3, 3), _TRANSLATE, call("translate")),
    _edge("startswith", "starts_with"),
    _edge("endswith", "ends_with"),
    _edge("contains", "contains"),
    rewritten("ascii", (1, 1), takes(STRING, gives=INT), _ascii),
    rewritten("chr", (1, 1), takes(BIGINT, gives=STRING), _chr),
    rewritten("space", (1, 1), takes(INT, gives=STRING), text("repeat(' ', {0})")),
    rewritten("overlay", (3, 4), takes(STRING, STRING, INT, INT, gives=STRING), _overlay),
    rewritten("levenshtein", (2, 3), takes(STRING, STRING, INT, gives=INT), _levenshtein),
    rewritten("format_number", (2, 2), format_number_types, format_number),
    rewritten("format_string", (1, None), format_types, format_string),
    rewritten(
        "quote",
        (1, 1),
        _S,
        text("(chr(39) || replace(replace({0}, '\\', '\\\\'), chr(39), '\\' || chr(39)) || chr(39))"),
    ),
    ucase="upper",
    lcase="lower",
    char_length="length",
    character_length="length",
    len="length",
    substr="substring",
    position="locate",
    charindex="locate",
    char="chr",
    printf="format_string",
)
