"""Room 2: Spark's date-time patterns (``yyyy-MM-dd HH:mm:ss.SSS``) as DuckDB text.

Takes a pattern and DuckDB text, gives DuckDB text that formats or parses exactly as java.time does; a pattern that
cannot be kept exactly is refused. Source: Spark DateTimeFormatterHelper and its page on datetime patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type, let, quote_text
from headrace.errors import StreamError
from headrace.sql.cast import CastMode
from headrace.sql.function import Rendered
from headrace.sql.settings import SqlSettings
from headrace.time_text import instant_of_local_sql, is_utc, zoned_instant_sql
from headrace.types import DATE, TIMESTAMP, DataType

_MAX_FRACTION = 9
_MICROS = 6


@dataclass(frozen=True, slots=True)
class _Part:
    """A run of one pattern letter, or a literal text (letter is empty)."""

    letter: str
    text: str

    @property
    def count(self) -> int:
        return len(self.text)


# Letters -> DuckDB's directive when formatting.
_FORMAT: Mapping[str, str] = {
    **dict.fromkeys(("y", "yyyy", "u", "uuuu"), "%Y"),
    "yy": "%y",
    **{"M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "L": "%-m", "LL": "%m", "LLL": "%b", "LLLL": "%B"},
    **{"d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j"},
    **{"H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "a": "%p"},
    **{"m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S"},
    **dict.fromkeys(("E", "EE", "EEE"), "%a"),
    "EEEE": "%A",
    "G": "AD",
}
# In UTC an offset is a constant.
_UTC_ZONE: Mapping[str, str] = {
    **dict.fromkeys(("X", "XX", "XXX", "ZZZZZ"), "Z"),
    **{"x": "+00", "xx": "+0000", "xxx": "+00:00", "Z": "+0000", "ZZ": "+0000", "ZZZ": "+0000"},
    **dict.fromkeys(("O", "OOOO", "ZZZZ"), "GMT"),
    **dict.fromkeys(("z", "zz", "zzz"), "UTC"),
}
# Letters -> (what java.time accepts, DuckDB's directive) when parsing.
_PARSE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("yyyy", "uuuu"), ("[0-9]{4}", "%Y")),
    **dict.fromkeys(("y", "u"), ("[0-9]{1,4}", "%Y")),
    **dict.fromkeys(("MM", "LL"), ("[0-9]{2}", "%m")),
    **dict.fromkeys(("M", "L"), ("[0-9]{1,2}", "%m")),
    **dict.fromkeys(("MMM", "LLL"), ("(?i:[a-z]{3})", "%b")),
    **dict.fromkeys(("MMMM", "LLLL"), ("(?i:[a-z]+)", "%B")),
    **{"dd": ("[0-9]{2}", "%d"), "d": ("[0-9]{1,2}", "%d")},
    **{"HH": ("[0-9]{2}", "%H"), "H": ("[0-9]{1,2}", "%H")},
    **{"hh": ("[0-9]{2}", "%I"), "h": ("[0-9]{1,2}", "%I"), "a": ("(?i:am|pm)", "%p")},
    **{"mm": ("[0-9]{2}", "%M"), "m": ("[0-9]{1,2}", "%M")},
    **{"ss": ("[0-9]{2}", "%S"), "s": ("[0-9]{1,2}", "%S")},
}
_PARSE_ZONE: Mapping[str, str] = {
    "X": r"Z|[+-][0-9]{2}(?:[0-9]{2})?",
    "XX": r"Z|[+-][0-9]{4}",
    "XXX": r"Z|[+-][0-9]{2}:[0-9]{2}",
    "x": r"[+-][0-9]{2}(?:[0-9]{2})?",
    "xx": r"[+-][0-9]{4}",
    "xxx": r"[+-][0-9]{2}:[0-9]{2}",
    "Z": r"[+-][0-9]{4}",
    "VV": r"[A-Za-z][A-Za-z0-9/_+-]*|[+-][0-9]{2}:[0-9]{2}|Z",
}


def format_sql(wall_sql: str, pattern: str, *, settings: SqlSettings) -> str:
    """Return VARCHAR: a TIMESTAMP (wall time in the session zone) written in the pattern.

    Raises:
        StreamError: SQL_UNSUPPORTED, the pattern holds a letter that cannot be written exactly.
    """
    return let(wall_sql, lambda wall: _formatted(wall, pattern, settings))


def _formatted(wall: str, pattern: str, settings: SqlSettings) -> str:
    pieces: list[str] = []
    directives = ""
    for part in _parts(pattern.replace("[", "").replace("]", "")):
        written = _directive(part, settings)
        if written is not None:
            directives += written
            continue
        if directives:
            pieces.append(f"strftime({wall}, {quote_text(directives)})")
        directives = ""
        pieces.append(_computed(part, wall, pattern))
    if directives or not pieces:
        pieces.append(f"strftime({wall}, {quote_text(directives)})")
    return f"({' || '.join(pieces)})"


def _directive(part: _Part, settings: SqlSettings) -> str | None:
    if not part.letter:
        return part.text.replace("%", "%%")
    if part.text == "VV":
        return settings.time_zone.replace("%", "%%")
    if part.text in _UTC_ZONE and is_utc(settings.time_zone):
        return _UTC_ZONE[part.text]
    return _FORMAT.get(part.text)


def _computed(part: _Part, wall: str, pattern: str) -> str:
    if part.letter == "S" and part.count <= _MAX_FRACTION:
        zeros = "0" * max(part.count - _MICROS, 0)
        return f"substring(strftime({wall}, '%f'), 1, {min(part.count, _MICROS)}) || '{zeros}'"
    if part.text in ("Q", "q", "QQ", "qq"):
        return f"lpad(CAST(quarter({wall}) AS VARCHAR), {part.count}, '0')"
    raise _refused(part, pattern)


def parse_sql(text_sql: str, pattern: str, kind: DataType, *, mode: CastMode, settings: SqlSettings) -> str:
    """Return a DATE, TIMESTAMP or TIMESTAMP_NTZ read from a VARCHAR in the pattern; what is left out is of 1970-01-01.

    Raises:
        StreamError: SQL_UNSUPPORTED, the pattern holds a letter that cannot be read exactly.
    """
    return let(text_sql, lambda text: _parsed(text, pattern, kind, mode, settings))


def _parsed(text: str, pattern: str, kind: DataType, mode: CastMode, settings: SqlSettings) -> str:
    if "[" in pattern or "]" in pattern:
        message = f"The date-time pattern {pattern!r} has optional parts in [ ], which are not supported in parsing."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Write the pattern without them, or cast the text.")
    parts = _parts(pattern)
    zone = parts.pop().text if parts and parts[-1].text in _PARSE_ZONE else None
    shape, directives = "", ""
    for part in parts:
        accepted, directive = _readable(part, pattern)
        shape, directives = shape + accepted, directives + directive
    full = f"({shape})" if zone is None else f"({shape})({_PARSE_ZONE[zone]})"
    source = text if zone is None else f"regexp_extract({text}, {quote_text(f'^{full}$')}, 1)"
    if "%Y" not in directives:
        source, directives = f"('1970 ' || {source})", f"%Y {directives}"
    moment = f"CAST(try_strptime({source}, {quote_text(directives)}) AS TIMESTAMP)"
    offset = f"regexp_extract({text}, {quote_text(f'^{full}$')}, 2)" if zone is not None else None
    read = _as_kind(moment, offset, kind, settings)
    guarded = f"CASE WHEN regexp_full_match({text}, {quote_text(full)}) THEN {read} END"
    return f"({guarded})" if mode is not CastMode.ANSI else _or_error(guarded, text, pattern)


def _as_kind(moment: str, offset: str | None, kind: DataType, settings: SqlSettings) -> str:
    if offset is None or kind not in (DATE, TIMESTAMP):
        instant = instant_of_local_sql(moment, settings.time_zone) if kind == TIMESTAMP else moment
        return f"CAST({moment} AS DATE)" if kind == DATE else instant
    instant = let(moment, lambda local: let(offset, lambda zone: zoned_instant_sql(local, zone, settings.time_zone)))
    if kind == DATE:
        name = quote_text("UTC" if is_utc(settings.time_zone) else settings.time_zone)
        return f"CAST(timezone({name}, {instant}) AS DATE)"
    return instant


def _or_error(read: str, text: str, pattern: str) -> str:
    before = quote_text("[CANNOT_PARSE_TIMESTAMP] Text '")
    after = quote_text(
        f"' could not be parsed with the pattern '{pattern}'. Use `try_to_timestamp` to tolerate invalid input string "
        "and return NULL instead."
    )
    return f"COALESCE({read}, CASE WHEN {text} IS NOT NULL THEN error({before} || {text} || {after}) END)"


def _readable(part: _Part, pattern: str) -> tuple[str, str]:
    if not part.letter:
        return re.escape(part.text), part.text.replace("%", "%%")
    if part.letter == "S" and part.count <= _MAX_FRACTION:
        # A fraction of any length up to the letters; DuckDB's %n takes nine digits but only the years 1677 to 2262.
        return f"[0-9]{{1,{part.count}}}", "%f" if part.count <= _MICROS else "%n"
    found = _PARSE.get(part.text)
    if found is None:
        raise _refused(part, pattern)
    return found


def parse_with(text_sql: str, pattern: Rendered, kind: DataType, mode: CastMode, settings: SqlSettings) -> str:
    """Return a VARCHAR read as `parse_sql` reads it, in a pattern that may stand in a column.

    Raises:
        StreamError: as `parse_sql`, for a constant pattern.
    """
    if pattern.constant:
        if pattern.value is None:
            return f"CAST(NULL AS {duckdb_type(kind)})"
        return parse_sql(text_sql, str(pattern.value), kind, mode=mode, settings=settings)
    given = ", ".join(quote_text(text) for text in (kind.sql(), settings.time_zone, mode.value))
    micros = f"headrace_read_times({text_sql}, {pattern.sql}, {given})"
    if kind == DATE:
        return f"CAST(make_timestamp({micros}) AS DATE)"
    return f"{'make_timestamptz' if kind == TIMESTAMP else 'make_timestamp'}({micros})"


def format_with(wall_sql: str, pattern: Rendered, settings: SqlSettings) -> str:
    """Return a TIMESTAMP written as `format_sql` writes it, in a pattern that may stand in a column.

    Raises:
        StreamError: as `format_sql`, for a constant pattern.
    """
    if pattern.constant:
        if pattern.value is None:
            return "CAST(NULL AS VARCHAR)"
        return format_sql(wall_sql, str(pattern.value), settings=settings)
    return f"headrace_write_times(epoch_us({wall_sql}), {pattern.sql}, {quote_text(settings.time_zone)})"


_OF_WEEKS = frozenset("YWwuec")
_NO_LETTERS = frozenset("bCfgiIjJlorPRtTU")
"""What java.time has no meaning for."""


def _parts(pattern: str) -> list[_Part]:
    found: list[_Part] = []
    for place, piece in enumerate(re.split(r"('(?:[^']|'')*')", pattern)):
        if place % 2:
            found.append(_Part("", piece[1:-1].replace("''", "'") or "'"))
            continue
        for char, run in groupby(piece):
            letter = char if char.isascii() and char.isalpha() else ""
            found.append(_Part(letter, "".join(run)))
    if pattern.count("'") % 2:
        message = f"The date-time pattern {pattern!r} has a quote that is never closed."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_DATETIME_PATTERN.WITH_SUGGESTION")
    return found


def _refused(part: _Part, pattern: str) -> StreamError:
    allowed = "yyyy MM dd HH hh mm ss S a, MMM MMMM E for names, and in UTC X x Z z"
    message = f"{part.text!r} in the date-time pattern {pattern!r} is not supported; allowed: {allowed}."
    return StreamError("SQL_UNSUPPORTED", message, condition=_pattern_condition(part, pattern))


def _pattern_condition(part: _Part, pattern: str) -> str | None:
    """Return Spark's name for a pattern that it refuses too."""
    letters = set(re.sub(r"'(?:[^']|'')*'", "", pattern))
    if letters & _OF_WEEKS:
        return "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN"
    if letters & _NO_LETTERS:
        return "INVALID_DATETIME_PATTERN.WITH_SUGGESTION"
    too_long = part.letter and part.count >= (7 if part.letter == "y" else 5) and part.letter in "yGMLEQq"
    return "INVALID_DATETIME_PATTERN.LENGTH" if too_long else None
