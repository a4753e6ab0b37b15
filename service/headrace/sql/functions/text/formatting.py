"""Room 2: format_string and format_number, for the conversions whose answers are Java's; the rest is refused by name.

Takes a constant format and rendered values; gives DuckDB text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.function import Argument, Rendered, Resolved
from headrace.sql.functions.signature import NUMERIC, accept, mismatch, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.decimal_format import is_pattern
from headrace.types import DOUBLE, FLOAT, INT, INTEGRAL, STRING, DataType, DecimalType

_SPECIFIER = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_ALLOWED = {"s": "-", "d": "-0+,", "f": "-0+", "x": "-0", "X": "-0"}


def format_types(arguments: Sequence[Argument]) -> Resolved:
    """Return the types of a format_string call: values stay as they are, and are plain where the format varies."""
    accept(arguments[0], STRING, 0)
    if not arguments[0].constant and any(a.type not in (STRING, *INTEGRAL) for a in arguments[1:]):
        raise unsupported("format_string with a format out of a column takes texts and whole numbers only.")
    return Resolved((STRING, *(a.type for a in arguments[1:])), STRING)


def format_string(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    """Return the text of a Java format with its values.

    Raises:
        StreamError: SQL_UNSUPPORTED for a conversion that is not done here.
    """
    if not arguments[0].constant:
        values = ", ".join(f"CAST({a.sql} AS VARCHAR)" for a in arguments[1:])
        kinds = "".join("s" if a.type == STRING else "d" for a in arguments[1:])
        return f"headrace_format_string({arguments[0].sql}, CAST([{values}] AS VARCHAR[]), '{kinds}')"
    layout = str(arguments[0].value)
    if arguments[0].value is None:
        return "CAST(NULL AS VARCHAR)"
    parts, end, following = [], 0, 0
    for match in _SPECIFIER.finditer(layout):
        parts.append(_plain(layout[end : match.start()]))
        end = match.end()
        if match[5] in "%n":
            parts.append("'%'" if match[5] == "%" else "chr(10)")
            continue
        index = int(match[1]) if match[1] else following + 1
        following = following if match[1] else index
        if not 1 <= index < len(arguments):
            raise unsupported(f"The format {layout!r} names argument {index}, and there are {len(arguments) - 1}.")
        parts.append(_converted(match, arguments[index], settings))
    parts.append(_plain(layout[end:]))
    return "(" + " || ".join(part for part in parts if part != "''") + " || '')"


def _plain(piece: str) -> str:
    if "%" in piece:
        raise unsupported(f"The format piece {piece!r} is not done.")
    return quote_text(piece)


def _converted(match: re.Match[str], value: Rendered, settings: SqlSettings) -> str:
    flags, width, places, letter = match[2] or "", match[3], match[4], match[5]
    if set(flags) - set(_ALLOWED.get(letter, "")) or letter not in _ALLOWED or (places and letter != "f"):
        raise unsupported(f"The conversion {match[0]!r} of format_string is not done.")
    if letter == "s":
        shown = render_cast(value.sql, value.type, STRING, mode=CastMode.LEGACY, settings=settings)
        body, sign = f"coalesce({shown}, 'null')", ""
    elif letter == "f":
        body, sign = _fixed(value, int(places or 6)), f"(CASE WHEN {value.sql} < 0 THEN '-' ELSE '{_plus(flags)}' END)"
    else:
        body, sign = _whole(value, letter, grouped="," in flags)
        sign = sign and f"(CASE WHEN {value.sql} < 0 THEN '-' ELSE '{_plus(flags)}' END)"
    return _padded(body, sign, flags, width, value.sql if letter != "s" else None)


def _plus(flags: str) -> str:
    return "+" if "+" in flags else ""


def _whole(value: Rendered, letter: str, *, grouped: bool) -> tuple[str, str]:
    if value.type not in INTEGRAL:
        raise mismatch(f'%{letter} takes a whole number, and got "{value.type.sql()}".')
    if letter == "d":
        size = f"abs(CAST({value.sql} AS HUGEINT))"
        return (f"format('{{:,}}', {size})" if grouped else f"CAST({size} AS VARCHAR)"), "signed"
    bits = f"{value.sql}" if value.type.sql() == "BIGINT" else f"({value.sql}::BIGINT & 4294967295)"
    return (f"lower(hex({bits}))" if letter == "x" else f"hex({bits})"), ""


def _fixed(value: Rendered, places: int) -> str:
    if value.type not in (DOUBLE, FLOAT) and not isinstance(value.type, DecimalType):
        raise mismatch(f'%f takes a floating-point or decimal number, and got "{value.type.sql()}".')
    if places > 15:
        raise unsupported("More than 15 places in a format are not done.")
    # Java rounds the shortest decimal text half up; a cast of that text to DECIMAL does the same.
    return f"CAST(abs(CAST(CAST({value.sql} AS VARCHAR) AS DECIMAL(38,{places}))) AS VARCHAR)"


def _padded(body: str, sign: str, flags: str, width: str | None, tested: str | None) -> str:
    prefix = f"{sign} || " if sign else ""
    if not width:
        shown = f"({prefix}{body})"
    elif "0" in flags:
        left = f"{width} - length({sign})" if sign else width
        shown = f"({prefix}lpad({body}, CAST(greatest({left}, length({body})) AS INTEGER), '0'))"
    else:
        side = "rpad" if "-" in flags else "lpad"
        whole = f"({prefix}{body})"
        shown = f"{side}({whole}, CAST(greatest({width}, length({whole})) AS INTEGER), ' ')"
    return shown if tested is None else f"(CASE WHEN {tested} IS NULL THEN 'null' ELSE {shown} END)"


def format_number(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    """Return a number with commas and a number of places, ties to even as Java's DecimalFormat.

    Raises:
        StreamError: SQL_UNSUPPORTED for a constant pattern that is not done.
    """
    value, places = arguments
    if places.constant and isinstance(places.value, str) and not is_pattern(places.value):
        raise unsupported(f"The pattern {places.value!r} of format_number is not done; allowed: # 0 , and a point.")
    if places.type == STRING:
        return _patterned(value, places.sql)
    if not places.constant or places.value is None:
        tail = f"CASE WHEN {places.sql} > 0 THEN '.' || repeat('0', {places.sql}) ELSE '' END"
        shown = _patterned(value, f"('#,##0' || {tail})")
        return f"(CASE WHEN {places.sql} >= 0 THEN {shown} END)"
    count = int(str(places.value))
    if count < 0:
        return "CAST(NULL AS VARCHAR)"
    if value.type in INTEGRAL:
        tail = f" || '.{'0' * count}'" if count else ""
        return f"(format('{{:,}}', {value.sql}){tail})"
    if isinstance(value.type, DecimalType):
        return _patterned(value, quote_text("#,##0" + ("." + "0" * count if count else "")))
    words = f"CASE WHEN isnan({value.sql}) THEN 'NaN' WHEN {value.sql} > 0 THEN '∞' WHEN {value.sql} < 0 THEN '-∞' END"
    return f"(CASE WHEN isfinite({value.sql}) THEN format('{{:,.{count}f}}', {value.sql}) ELSE {words} END)"


def _patterned(value: Rendered, pattern: str) -> str:
    if value.type in (DOUBLE, FLOAT):
        return f"headrace_format_double(CAST(CAST({value.sql} AS DOUBLE) AS VARCHAR), {pattern})"
    return f"headrace_format_number(CAST({value.sql} AS VARCHAR), {pattern})"


def format_number_types(arguments: Sequence[Argument]) -> Resolved:
    """Return the types of a format_number call: a number, and a number of places or a pattern."""
    kind = accept(arguments[0], NUMERIC, 0)
    return Resolved((kind, STRING if arguments[1].type == STRING else accept(arguments[1], INT, 1)), STRING)
