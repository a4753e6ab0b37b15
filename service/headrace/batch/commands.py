"""Batch SQL: the statements that are no queries: SET, RESET, temporary views, SHOW and DESCRIBE.

Takes a statement's text; gives a `Command`, or None for what the query parser is to read. Source: Spark's grammar.
"""

from __future__ import annotations

import re

from headrace.dataclass import dataclass

_NAME = r"(?:`([^`]+)`|(\w+))"
_BEFORE = r"(?s)\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_COLUMN = r"\s*(?:`[^`]+`|\w+)(?:\s+(?i:comment)\s+'[^']*')?\s*"
_ZONE = re.compile(_BEFORE + r"(?i:set\s+time\s+zone)\s+(?:'([^']+)'|\"([^\"]+)\"|(\w+))\s*")
_SET = re.compile(_BEFORE + r"(?i:set)(?:\s+([\w.\-]+)\s*(?:=\s*(.*?))?)?\s*")
_RESET = re.compile(_BEFORE + r"(?i:reset)(?:\s+([\w.\-]+))?\s*")
_VIEW = re.compile(
    _BEFORE
    + r"(?i:create)\s+((?i:or\s+replace\s+))?(?i:temp(?:orary)?)\s+(?i:view)\s+((?i:if\s+not\s+exists\s+))?"
    + _NAME
    + rf"\s*(?:\(({_COLUMN}(?:,{_COLUMN})*)\))?\s*(?:(?i:comment)\s+'[^']*'\s*)?(?i:as)\b\s*(.*)"
)
_ALTER = re.compile(_BEFORE + r"(?i:alter\s+view)\s+" + _NAME + r"\s+(?i:as)\b\s*(.*)")
_DROP = re.compile(_BEFORE + r"(?i:drop\s+view)\s+((?i:if\s+exists\s+))?" + _NAME + r"\s*")
_SHOW = re.compile(_BEFORE + r"(?i:show\s+(views|tables))(?:\s+(?:(?i:like)\s+)?'([^']*)')?\s*")
_COLUMNS = re.compile(_BEFORE + r"(?i:show\s+columns\s+(?:in|from))\s+" + _NAME + r"\s*")
_DESCRIBE_QUERY = re.compile(
    _BEFORE + r"(?i:desc(?:ribe)?)\s+(?:(?i:query)\s+(.*)|((?i:select|with|values|from|table)\b.*))"
)
_DESCRIBE = re.compile(_BEFORE + r"(?i:desc(?:ribe)?)\s+(?:(?i:table)\s+)?" + _NAME + r"\s*")
_IDENTIFIER = re.compile(r"\s*(?:`([^`]+)`|(\w+))")


@dataclass(frozen=True, slots=True)
class Command:
    """What a statement asks for.

    Attributes:
        verb: SET, RESET, VIEW, ALTER, DROP, VIEWS, TABLES, COLUMNS, TABLE or QUERY (the last two are DESCRIBE's).
        name: Of the setting or view; empty where none was written.
        value: Of the setting; the query's text; the pattern of SHOW; or, of DROP, not None for IF EXISTS.
        columns: Names for the columns of a view.
        replaces: OR REPLACE was written.
        skips: IF NOT EXISTS was written.
    """

    verb: str
    name: str = ""
    value: str | None = None
    columns: tuple[str, ...] = ()
    replaces: bool = False
    skips: bool = False


def read_command(statement: str) -> Command | None:
    """Return the command that a statement is, None when it is none of these."""
    return _setting(statement) or _view(statement) or _question(statement)


def _setting(statement: str) -> Command | None:
    if found := _ZONE.fullmatch(statement):
        return Command("SET", "spark.sql.session.timeZone", found[1] or found[2] or found[3])
    if found := _SET.fullmatch(statement):
        return Command("SET", found[1] or "", found[2])
    if found := _RESET.fullmatch(statement):
        return Command("RESET", found[1] or "")
    return None


def _view(statement: str) -> Command | None:
    if found := _VIEW.fullmatch(statement):
        names = tuple(match[1] or match[2] for match in map(_IDENTIFIER.match, (found[5] or "").split(",")) if match)
        made = Command("VIEW", found[3] or found[4], found[6], names)
        return Command(made.verb, made.name, made.value, names, replaces=bool(found[1]), skips=bool(found[2]))
    if found := _ALTER.fullmatch(statement):
        return Command("ALTER", found[1] or found[2], found[3])
    if found := _DROP.fullmatch(statement):
        return Command("DROP", found[2] or found[3], found[1] and "if exists")
    return None


def _question(statement: str) -> Command | None:
    if found := _SHOW.fullmatch(statement):
        return Command(found[1].upper(), value=found[2])
    if found := _COLUMNS.fullmatch(statement):
        return Command("COLUMNS", found[1] or found[2])
    if found := _DESCRIBE_QUERY.fullmatch(statement):
        return Command("QUERY", value=found[1] or found[2])
    if found := _DESCRIBE.fullmatch(statement):
        return Command("TABLE", found[1] or found[2])
    return None
