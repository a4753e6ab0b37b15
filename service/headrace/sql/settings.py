"""Room 2: the session settings that change what SQL means; read by the analyzer and by every function's rendering."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.time_text import is_utc

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_LATEST_HOUR = 18
_SHORT_NAMES = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa",
    "ECT": "Europe/Paris",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
}
"""What java.time.ZoneId.SHORT_IDS names, which Spark takes; EST, MST and HST are regions of their own."""


_SWITCH = ("true", "false")
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "spark.sql.ansi.enabled": _SWITCH,
    "spark.sql.streaming.multipleWatermarkPolicy": ("min", "max"),
    "spark.sql.streaming.noDataMicroBatches.enabled": _SWITCH,
    "spark.sql.ansi.doubleQuotedIdentifiers": ("false",),
    "spark.sql.ansi.enforceReservedKeywords": ("false",),
    "spark.sql.ansi.relationPrecedence": ("false",),
    "spark.sql.caseSensitive": ("false",),
    "spark.sql.columnNameOfCorruptRecord": ("_corrupt_record",),
    "spark.sql.crossJoin.enabled": ("true",),
    "spark.sql.decimalOperations.allowPrecisionLoss": ("true",),
    "spark.sql.function.concatBinaryAsString": ("false",),
    "spark.sql.function.eltOutputAsString": ("false",),
    "spark.sql.groupByAliases": ("true",),
    "spark.sql.groupByOrdinal": ("true",),
    "spark.sql.json.enablePartialResults": ("true",),
    "spark.sql.jsonGenerator.ignoreNullFields": ("true",),
    "spark.sql.lateralColumnAlias.enableImplicitResolution": ("true",),
    "spark.sql.legacy.ctePrecedencePolicy": ("corrected",),
    "spark.sql.legacy.execution.pandas.groupedMap.assignColumnsByName": ("true",),
    "spark.sql.legacy.followThreeValuedLogicInArrayExists": ("true",),
    "spark.sql.legacy.histogramNumericPropagateInputType": ("true",),
    "spark.sql.legacy.literal.pickMinimumPrecision": ("true",),
    "spark.sql.legacy.replaceDatabricksSparkAvro.enabled": ("true",),
    "spark.sql.legacy.setCommandRejectsSparkCoreConfs": ("true",),
    "spark.sql.legacy.sizeOfNull": ("true",),
    "spark.sql.legacy.timeParserPolicy": ("corrected",),
    "spark.sql.legacy.viewSchemaBindingMode": ("true",),
    "spark.sql.legacy.viewSchemaCompensation": ("true",),
    "spark.sql.mapKeyDedupPolicy": ("exception",),
    "spark.sql.optimizer.excludedRules": ("",),
    "spark.sql.orderByOrdinal": ("true",),
    "spark.sql.timestampType": ("timestamp_ltz",),
}
"""What confs that change answers may be: those that are done, and of the others Spark 4.2's defaults, in lower case.

Source: Spark SQLConf.
"""
_LEGACY = "spark.sql.legacy."
"""Confs under this prefix that are not above are false unless set."""


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """Spark SQL confs that change answers; defaults are Spark 4's."""

    ansi: bool = True
    time_zone: str = "UTC"

    @staticmethod
    def of(confs: Mapping[str, str]) -> SqlSettings:
        """Return the settings that ``spark.sql.*`` confs name, other confs left out.

        Raises:
            StreamError: CONFIG_INVALID_VALUE, the session's time zone is none, or a conf would change answers in a way
                that is not done.
        """
        for name, value in confs.items():
            _refuse_other_answers(name, str(value))
        ansi = str(confs.get("spark.sql.ansi.enabled", "true")).lower() == "true"
        return SqlSettings(ansi=ansi, time_zone=time_zone(str(confs.get("spark.sql.session.timeZone", "UTC"))))


def _refuse_other_answers(name: str, value: str) -> None:
    allowed = _ALLOWED.get(name) or (("false",) if name.startswith(_LEGACY) else None)
    if allowed is not None and value.strip().lower() not in allowed:
        message = f"{name} would change answers and is not done for this value; seen: {value}."
        hint = f"Allowed: {' or '.join(each or 'an empty text' for each in allowed)}."
        raise StreamError("CONFIG_INVALID_VALUE", message, hint=hint)


@cache
def time_zone(text: str, owner: str = "spark.sql.session.timeZone") -> str:
    """Return a time zone as DuckDB knows it: a region, or an offset such as ``GMT+05:30``.

    Args:
        text: As Spark takes it.
        owner: The setting or option that names it, for the message.

    Raises:
        StreamError: CONFIG_INVALID_VALUE, no such zone.

    Source: Spark SparkDateTimeUtils.getZoneId; java.time.ZoneId.
    """
    if is_utc(text):
        return "UTC"
    offset = _OFFSET.fullmatch(text)
    if offset and int(offset[2]) <= _LATEST_HOUR:
        zone = f"GMT{offset[1]}{int(offset[2]):02}:{offset[3] or '00'}"
        return "UTC" if zone[4:] == "00:00" else zone
    regions = {region.upper(): region for region in available_timezones()}
    if text in _SHORT_NAMES:
        return _SHORT_NAMES[text]
    if text.upper() not in regions:
        message = f"{owner} is no time zone; seen: {text}."
        hint = "Write a region such as Europe/Oslo, or an offset such as +05:30."
        raise StreamError("CONFIG_INVALID_VALUE", message, hint=hint, condition="INVALID_CONF_VALUE.TIME_ZONE")
    return regions[text.upper()]
