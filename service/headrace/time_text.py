"""Ground floor: DuckDB text that reads and writes dates, timestamps and intervals as Spark's casts do.

Takes DuckDB expressions; a text that Spark does not accept gives NULL, the caller decides whether that is an error.
Connections are taken to have TimeZone set to `zone`. Source: Spark SparkDateTimeUtils.stringToTimestamp, stringToDate.
"""

from __future__ import annotations

from headrace.duck import let, quote_text
from headrace.types import DAY_TIME_FIELDS, DAY_TIME_INTERVAL, FIELD_SIZES, DataType, IntervalType

UTC_NAMES = frozenset({"UTC", "Z", "ETC/UTC", "GMT", "UT", "+00:00"})
_BLANK = r"[\x00-\x20]*"
_DATE_PARTS = r"([0-9]{4,6})(?:-([0-9]{1,2})(?:-([0-9]{1,2})"
_PLAIN_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIME = r"[ T](?:[01]?[0-9]|2[0-3]):[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?"
_PLAIN_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-7]):[0-5][0-9])"
_ANY_DATE = rf"{_BLANK}{_DATE_PARTS}(?:[ T](?s:.*))?)?)?{_BLANK}"
_ANY_TIMESTAMP = (
    rf"{_BLANK}{_DATE_PARTS}(?:[ T](?:([01]?[0-9]|2[0-3])(?::([0-9]{{1,2}})(?::([0-9]{{1,2}})(?:\.([0-9]*))?)?)?)?"
    rf" *([A-Za-z+-][A-Za-z0-9/_:+-]*)?)?)?)?{_BLANK}"
)
_OFFSET = r"(?:UTC|GMT|UT)?([+-])([0-9]{1,2})(?::?([0-9]{1,2}))?"
_REGION = r"[A-Za-z]+/[A-Za-z0-9/_+-]+|UTC|GMT|UT|Z"


def is_utc(zone: str) -> bool:
    """Return True when the zone has no offset from UTC, ever."""
    return zone.upper() in UTC_NAMES


def instant_of_local_sql(local: str, zone: str) -> str:
    """Return TIMESTAMPTZ for a TIMESTAMP read in the zone; of two instants the earlier, as java.time has it."""
    name = quote_text(zone)
    if is_utc(zone):
        return f"timezone('UTC', {local})"
    return let(
        local,
        lambda at: let(
            f"timezone({name}, {at})",
            lambda late: (
                f"CASE WHEN timezone({name}, {late} - INTERVAL 1 HOUR) = {at} THEN {late} - INTERVAL 1 HOUR "
                f"ELSE {late} END"
            ),
        ),
    )


def timestamp_from_text_sql(text: str, zone: str) -> str:
    """Return TIMESTAMPTZ for a VARCHAR in any of Spark's forms, NULL for anything else."""
    zoned = f"regexp_full_match({text}, '{_PLAIN_DATE}{_PLAIN_TIME}{_PLAIN_ZONE}')"
    plain = f"regexp_full_match({text}, '{_PLAIN_DATE}(?:{_PLAIN_TIME})?')"
    if is_utc(zone):
        fast = f"WHEN regexp_full_match({text}, '{_PLAIN_DATE}(?:{_PLAIN_TIME}{_PLAIN_ZONE}?)?') "
        fast += f"THEN TRY_CAST({text} AS TIMESTAMPTZ)"
    else:
        local = instant_of_local_sql(f"TRY_CAST({text} AS TIMESTAMP)", zone)
        fast = f"WHEN {zoned} THEN TRY_CAST({text} AS TIMESTAMPTZ) WHEN {plain} THEN {local}"
    return f"(CASE WHEN {text} IS NULL THEN NULL {fast} ELSE {_any_timestamp(text, zone)} END)"


def _any_timestamp(text: str, zone: str) -> str:
    parts = ("y", "m", "d", "h", "i", "s", "f", "z")
    names = ", ".join(quote_text(part) for part in parts)
    matched = f"regexp_extract({text}, '^{_ANY_TIMESTAMP}$', [{names}])"
    return let(
        matched,
        lambda p: (
            f"CASE WHEN {p}.y <> '' THEN "
            + let(_local_of_parts(p), lambda local: zoned_instant_sql(local, f"{p}.z", zone))
            + " END"
        ),
    )


def _local_of_parts(p: str) -> str:
    day = f"{p}.y || '-' || {_or(p, 'm', '1')} || '-' || {_or(p, 'd', '1')}"
    time = f"{_or(p, 'h', '0')} || ':' || {_or(p, 'i', '0')} || ':' || {_or(p, 's', '0')} || '.' || {_or(p, 'f', '0')}"
    return f"TRY_CAST({day} || ' ' || {time} AS TIMESTAMP)"


def _or(p: str, part: str, default: str) -> str:
    return f"CASE {p}.{part} WHEN '' THEN '{default}' ELSE {p}.{part} END"


def zoned_instant_sql(local: str, zone_text: str, zone: str) -> str:
    """Return TIMESTAMPTZ of a TIMESTAMP and the text of its zone (an offset, a region, or empty for the session's)."""
    offset = f"regexp_extract({zone_text}, '^{_OFFSET}$', ['g', 'h', 'i'])"
    minutes = let(
        offset,
        lambda o: (
            f"CASE WHEN CAST({o}.h AS INTEGER) * 60 + {_minutes(o)} <= 1080 AND {_minutes(o)} < 60 "
            f"THEN (CASE {o}.g WHEN '-' THEN -1 ELSE 1 END) * (CAST({o}.h AS INTEGER) * 60 + {_minutes(o)}) END"
        ),
    )
    return (
        f"CASE WHEN {zone_text} = '' THEN {instant_of_local_sql(local, zone)} "
        f"WHEN regexp_full_match({zone_text}, '{_OFFSET}') "
        f"THEN timezone('UTC', {local}) - to_minutes({minutes}) "
        f"WHEN regexp_full_match({zone_text}, '{_REGION}') "
        f"THEN TRY_CAST(CAST({local} AS VARCHAR) || ' ' || CASE WHEN {zone_text} IN ('Z', 'UT') THEN 'UTC' "
        f"ELSE {zone_text} END AS TIMESTAMPTZ) END"
    )


def _minutes(o: str) -> str:
    return f"CAST(CASE {o}.i WHEN '' THEN '0' ELSE {o}.i END AS INTEGER)"


def timestamp_ntz_from_text_sql(text: str, *, allow_zone: bool = True) -> str:
    """Return TIMESTAMP for a VARCHAR in Spark's forms; a zone behind it is ignored, or refused with NULL."""
    parts = ("y", "m", "d", "h", "i", "s", "f", "z")
    names = ", ".join(quote_text(part) for part in parts)
    matched = f"regexp_extract({text}, '^{_ANY_TIMESTAMP}$', [{names}])"
    zone = "" if allow_zone else "AND {p}.z = '' "
    slow = let(matched, lambda p: f"CASE WHEN {p}.y <> '' {zone.format(p=p)}THEN {_local_of_parts(p)} END")
    return (
        f"(CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '{_PLAIN_DATE}(?:{_PLAIN_TIME})?') "
        f"THEN TRY_CAST({text} AS TIMESTAMP) ELSE {slow} END)"
    )


def date_from_text_sql(text: str) -> str:
    """Return DATE for a VARCHAR in any of Spark's forms (a time behind it is ignored), NULL for anything else."""
    matched = f"regexp_extract({text}, '^{_ANY_DATE}$', ['y', 'm', 'd'])"
    slow = let(
        matched,
        lambda p: (
            f"CASE WHEN {p}.y <> '' THEN TRY_CAST({p}.y || '-' || {_or(p, 'm', '1')} || '-' || {_or(p, 'd', '1')} "
            "AS DATE) END"
        ),
    )
    return (
        f"(CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '{_PLAIN_DATE}') "
        f"THEN TRY_CAST({text} AS DATE) ELSE {slow} END)"
    )


def local_of_instant_sql(instant: str, zone: str) -> str:
    """Return TIMESTAMP, the wall time in the zone of a TIMESTAMPTZ."""
    return f"timezone({quote_text('UTC' if is_utc(zone) else zone)}, {instant})"


def timestamp_to_text_sql(instant: str, zone: str) -> str:
    """Return VARCHAR as CAST(timestamp AS STRING): no zone, no trailing zeros of the fraction."""
    return f"CAST({local_of_instant_sql(instant, zone)} AS VARCHAR)"


def iso_timestamp_sql(instant: str, zone: str) -> str:
    """Return VARCHAR in the pattern yyyy-MM-dd'T'HH:mm:ss.SSSXXX of a TIMESTAMPTZ."""
    if is_utc(zone):
        return f"strftime({local_of_instant_sql(instant, zone)}, '%Y-%m-%dT%H:%M:%S.%gZ')"
    return let(
        instant,
        lambda at: let(
            f"(epoch_us({local_of_instant_sql(at, zone)}) - epoch_us({at})) // 60000000",
            lambda offset: (
                f"strftime({local_of_instant_sql(at, zone)}, '%Y-%m-%dT%H:%M:%S.%g') || CASE {offset} WHEN 0 THEN 'Z' "
                f"ELSE printf('%s%02d:%02d', CASE WHEN {offset} < 0 THEN '-' ELSE '+' END, abs({offset}) // 60, "
                f"abs({offset}) % 60) END"
            ),
        ),
    )


def interval_to_text_sql(sql: str, kind: DataType) -> str:
    """Return an interval as a literal of its own fields, such as ``INTERVAL '1 02:03' DAY TO MINUTE``.

    A calendar interval is the numbers that are not zero, such as ``1 years 2 days 0.5 seconds``.
    """
    if not isinstance(kind, IntervalType):
        return let(sql, _calendar)
    named = quote_text(f"' {kind.sql().removeprefix('INTERVAL ')}")

    def shown(value: str) -> str:
        body = _day_time(value, kind) if kind == DAY_TIME_INTERVAL else _year_month(value, kind)
        return f"('INTERVAL ''' || CASE WHEN {value} < 0 THEN '-' ELSE '' END || {body} || {named})"

    return let(sql, shown)


def _day_time(value: str, kind: IntervalType) -> str:
    first, last = (DAY_TIME_FIELDS.index(name) for name in kind.fields)
    rest, parts = f"abs(CAST({value} AS HUGEINT))", []
    for place in range(first, last + 1):
        name = DAY_TIME_FIELDS[place]
        inside = f" % {FIELD_SIZES[DAY_TIME_FIELDS[place - 1]] // FIELD_SIZES[name]}" if place > first else ""
        between = "" if place == first else " " if name == "HOUR" else ":"
        digits = "%d" if name == "DAY" else "%02d"
        parts.append(f"printf('{between}{digits}', CAST({rest} // {FIELD_SIZES[name]}{inside} AS BIGINT))")
    if kind.fields[1] == "SECOND":
        parts.append(f"rtrim(printf('.%06d', CAST({rest} % 1000000 AS BIGINT)), '0.')")
    return " || ".join(parts)


def _year_month(value: str, kind: IntervalType) -> str:
    first, last = kind.fields
    if first != last:
        return f"printf('%d-%d', abs({value}) // 12, abs({value}) % 12)"
    return f"CAST(abs({value}) // {FIELD_SIZES[first]} AS VARCHAR)"


def _calendar(value: str) -> str:
    units = ("year", "month", "day", "hour", "minute")
    parts = [f"CASE WHEN date_part('{u}', {value}) <> 0 THEN date_part('{u}', {value}) || ' {u}s' END" for u in units]
    micros = f"date_part('microsecond', {value})"
    seconds = (
        f"CASE WHEN {micros} < 0 THEN '-' ELSE '' END || abs({micros}) // 1000000 || "
        f"rtrim(printf('.%06d', abs({micros}) % 1000000), '0.') || ' seconds'"
    )
    shown = f"concat_ws(' ', {', '.join(parts)}, CASE WHEN {micros} <> 0 THEN {seconds} END)"
    return f"(CASE WHEN {value} IS NOT NULL THEN coalesce(nullif({shown}, ''), '0 seconds') END)"
