"""Room 2, casts: texts to intervals, such as ``1 02:03`` or ``INTERVAL '1 02:03' DAY TO MINUTE``.

Takes DuckDB text of a text; gives DuckDB text of µs or months. Source: Spark IntervalUtils.castStringToDTInterval and
castStringToYMInterval.
"""

from __future__ import annotations

from headrace.duck import duckdb_type, let, quote_text
from headrace.sql.cast.mode import Casting, CastMode
from headrace.types import DAY_TIME_FIELDS, DAY_TIME_INTERVAL, FIELD_SIZES, YEAR_MONTH_FIELDS, IntervalType

_SECOND = r"[0-9]{1,2}(?:\.[0-9]{1,9})?"
_NOTICE = ("", "_WITH_NOTICE")
_MOST = {"HOUR": 23, "MINUTE": 59, "SECOND": 59, "MONTH": 11}


def cast_text_to_interval(sql: str, casting: Casting, to: IntervalType) -> str:
    """Return the interval that a text names with exactly the fields of the type."""
    return let(f"trim({sql}, ' ' || chr(9) || chr(10) || chr(13))", lambda text: _read(text, casting, to))


def _fields(to: IntervalType) -> list[str]:
    names = DAY_TIME_FIELDS if to == DAY_TIME_INTERVAL else YEAR_MONTH_FIELDS
    return list(names[names.index(to.fields[0]) : names.index(to.fields[1]) + 1])


def _read(text: str, casting: Casting, to: IntervalType) -> str:
    plain = _pattern(to)
    named = r"\s+TO\s+".join(dict.fromkeys(to.fields))
    literal = rf"(?i)INTERVAL\s+[+-]?'{plain}'\s+{named}"
    body = (
        f"CASE WHEN {_matches(text, plain)} THEN {text} "
        f"WHEN {_matches(text, literal)} THEN regexp_extract({text}, '''(.*)''', 1) END"
    )
    turned = f"CASE WHEN contains(split_part({text}, chr(39), 1), '-') AND {text} <> {{}} THEN -1 ELSE 1 END"
    failed = _failed(text, casting, to, "UNMATCHED_FORMAT_STRING" + _NOTICE[to == DAY_TIME_INTERVAL])
    large = failed if to == DAY_TIME_INTERVAL else _failed(text, casting, to, "INTERVAL_PARSING")
    return let(
        body,
        lambda found: (
            f"(CASE WHEN {found} IS NOT NULL THEN {_checked(_value(found, to), turned.format(found), large, to)} "
            f"WHEN {text} IS NOT NULL THEN {failed} END)"
        ),
    )


def _pattern(to: IntervalType) -> str:
    first, *inner = _fields(to)
    shown = r"[0-9]{1,9}(?:\.[0-9]{1,9})?" if first == "SECOND" else "[0-9]+"
    for field in inner:
        between = {"HOUR": " ", "MONTH": "-"}.get(field, ":")
        digits = _SECOND if field == "SECOND" else "[0-9]+" if field == "MONTH" else "[0-9]{1,2}"
        shown += between + digits
    return f"[+-]?{shown}"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_text(pattern)})"


def _value(body: str, to: IntervalType) -> str:
    """The HUGEINT that the numbers of a text are, NULL where one after the first is too large."""
    numbers = rf"regexp_extract_all(ltrim({body}, '+-'), '[0-9]+(?:\.[0-9]+)?')"
    terms, limits = [], []
    for place, field in enumerate(_fields(to), start=1):
        number = f"{numbers}[{place}]"
        whole = f"TRY_CAST(split_part({number}, '.', 1) AS HUGEINT)"
        terms.append(f"{whole} * {FIELD_SIZES[field]}")
        if field == "SECOND":
            terms.append(f"CAST(rpad(left(split_part({number}, '.', 2), 6), 6, '0') AS HUGEINT)")
        if place > 1:
            limits.append(f"{whole} <= {_MOST[field]}")
    sign = f"CASE WHEN starts_with({body}, '-') THEN -1 ELSE 1 END"
    fits = " AND ".join(limits) or "true"
    return f"CASE WHEN {fits} THEN ({sign}) * ({' + '.join(terms)}) END"


def _checked(value: str, turned: str, failed: str, to: IntervalType) -> str:
    limit = 2**63 if to == DAY_TIME_INTERVAL else 2**31

    def cast(wide: str) -> str:
        fits = f"{wide} BETWEEN {-limit}::HUGEINT AND {limit - 1}::HUGEINT"
        return f"CASE WHEN {fits} THEN CAST({wide} AS {duckdb_type(to)}) ELSE {failed} END"

    return let(f"({turned}) * ({value})", cast)


def _failed(text: str, casting: Casting, to: IntervalType, kind: str) -> str:
    if casting.mode is CastMode.TRY:
        return "NULL"
    before = quote_text(f"[INVALID_INTERVAL_FORMAT.{kind}] Error parsing '")
    after = quote_text(f"' to interval: it is no {to.sql()}.")
    return f"error({before} || {text} || {after})"
