"""Batch SQL: the statements that are no queries: SET, RESET's kin, and temporary views.

Takes a statement's text; gives a `Command`, or None for what the query parser is to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"(?:`([^`]+)`|(\w+))"
_BEFORE = r"(?s)\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_ZONE = re.compile(_BEFORE + r"(?i:set\s+time\s+zone)\s+(?:'([^']+)'|\"([^\"]+)\"|(\w+))\s*")
_SET = re.compile(_BEFORE + r"(?i:set)\s+([\w.\-]+)\s*(?:=\s*(.*?))?\s*")
_VIEW = re.compile(
    _BEFORE + r"(?i:create)\s+((?i:or\s+replace\s+))?(?i:temp(?:orary)?)\s+(?i:view)\s+" + _NAME + r"\s+(?i:as)\s+(.*)"
)
_DROP = re.compile(_BEFORE + r"(?i:drop\s+view)\s+((?i:if\s+exists\s+))?" + _NAME + r"\s*")


@dataclass(frozen=True, slots=True)
class Command:
    """SET name [= value], VIEW name = query text, or DROP name (a value: no error when there is none)."""

    verb: str
    name: str
    value: str | None = None
    replace: bool = False


def read_command(statement: str) -> Command | None:
    """Return the command that a statement is, None when it is none of these."""
    if found := _ZONE.fullmatch(statement):
        return Command("SET", "spark.sql.session.timeZone", found[1] or found[2] or found[3])
    if found := _SET.fullmatch(statement):
        return Command("SET", found[1], found[2])
    if found := _VIEW.fullmatch(statement):
        return Command("VIEW", found[2] or found[3], found[4], replace=bool(found[1]))
    if found := _DROP.fullmatch(statement):
        return Command("DROP", found[2] or found[3], found[1] and "if exists")
    return None
