"""Room 2, casts: strings to other types."""

from __future__ import annotations

from collections.abc import Callable

from headrace.duck import duckdb_type, let, quote_text
from headrace.sql.cast.mode import Casting
from headrace.sql.cast.text_intervals import cast_text_to_interval
from headrace.time_text import date_from_text_sql, timestamp_from_text_sql, timestamp_ntz_from_text_sql
from headrace.types import (
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
    DecimalType,
    IntervalType,
)

_BLANK = r"[ \t\n\r\f\v]*"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TRUE = "('t', 'true', 'y', 'yes', '1')"
_FALSE = "('f', 'false', 'n', 'no', '0')"
_SPECIAL = (("nan", "NaN"), ("inf", "Infinity"), ("infinity", "Infinity"))


def cast_text(sql: str, casting: Casting) -> str:
    """Return the string cast to the target; blanks around it do not count.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION.
    """
    to = casting.to
    if to == BINARY:
        return f"encode({sql})"
    if isinstance(to, IntervalType):
        return cast_text_to_interval(sql, casting, to)
    if isinstance(to, DecimalType):
        return let(sql, lambda text: _decimal(text, casting))
    read = _READERS.get(to)
    if read is None:
        raise casting.refused()
    return let(
        sql,
        lambda text: (
            f"COALESCE({read(text, casting)}, CASE WHEN {text} IS NOT NULL THEN {casting.malformed(text)} END)"
            if casting.malformed(text) != "NULL"
            else read(text, casting)
        ),
    )


def _whole(text: str, casting: Casting) -> str:
    target = duckdb_type(casting.to)
    if casting.legacy:  # '1.5' is 1; the fraction is cut off, not rounded
        pattern = rf"{_BLANK}[+-]?[0-9]+(?:\.[0-9]*)?{_BLANK}"
        return f"(CASE WHEN {_matches(text, pattern)} THEN TRY_CAST(split_part({text}, '.', 1) AS {target}) END)"
    return f"(CASE WHEN {_matches(text, rf'{_BLANK}[+-]?[0-9]+{_BLANK}')} THEN TRY_CAST({text} AS {target}) END)"


def _floating(text: str, casting: Casting) -> str:
    target = duckdb_type(casting.to)
    name = f"lower(trim({text}))"
    special = " ".join(
        f"WHEN {name} IN ('{word}', '+{word}') THEN CAST('{value}' AS {target}) "
        f"WHEN {name} = '-{word}' THEN CAST('-{value}' AS {target})"
        for word, value in _SPECIAL
    )
    java = rf"{_BLANK}{_NUMBER}[dDfF]{_BLANK}"  # Double.parseDouble takes a suffix
    return (
        f"(CASE WHEN {_matches(text, _BLANK + _NUMBER + _BLANK)} THEN TRY_CAST({text} AS {target}) {special} "
        f"WHEN {_matches(text, java)} THEN TRY_CAST(rtrim(trim({text}), 'dDfF') AS {target}) END)"
    )


def _decimal(text: str, casting: Casting) -> str:
    read = f"TRY_CAST({text} AS {duckdb_type(casting.to)})"
    number = _matches(text, _BLANK + _NUMBER + _BLANK)
    large = casting.out_of_range(text)
    if large != "NULL":
        read = f"COALESCE({read}, {large})"
    return f"(CASE WHEN {number} THEN {read} WHEN {text} IS NOT NULL THEN {casting.malformed(text)} END)"


def _boolean(text: str, _casting: Casting) -> str:
    word = f"lower(trim({text}, {_BLANKS}))"
    return f"(CASE WHEN {word} IN {_TRUE} THEN true WHEN {word} IN {_FALSE} THEN false END)"


_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_text(pattern)})"


_CLOCK = r"T?(?:[01]?[0-9]|2[0-3])(?::[0-5]?[0-9](?::[0-5]?[0-9](?:\.[0-9]{1,6})?)?)"


def _time(text: str, _casting: Casting) -> str:
    clock = f"ltrim(trim({text}, {_BLANKS}), 'T')"
    return f"(CASE WHEN {_matches(text, _BLANK + _CLOCK + _BLANK)} THEN TRY_CAST({clock} AS TIME) END)"


_READERS: dict[DataType, Callable[[str, Casting], str]] = {
    **dict.fromkeys(INTEGRAL, _whole),
    FLOAT: _floating,
    DOUBLE: _floating,
    BOOLEAN: _boolean,
    DATE: lambda text, _casting: date_from_text_sql(text),
    TIME: _time,
    TIMESTAMP: lambda text, casting: timestamp_from_text_sql(text, casting.settings.time_zone),
    TIMESTAMP_NTZ: lambda text, _casting: timestamp_ntz_from_text_sql(text),
}
