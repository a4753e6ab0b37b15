"""Batch SQL: a text that grows to the statements in it, each as soon as its semicolon is there.

Takes pieces of text as they arrive; gives whole statements without their semicolons. Quotes, names in backticks, raw
texts and comments may hold semicolons. Source: Spark's lexer, SqlBaseLexer.g4.
"""

from __future__ import annotations

import re

_QUOTES = {
    "'": re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL),
    '"': re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL),
    "`": re.compile(r"[^`]*`"),
}
_RAW = {"'": re.compile(r"[^']*'"), '"': re.compile(r'[^"]*"')}
_PLAIN = re.compile(r"[^'\"`;/\-]+")
_LINE_END = re.compile(r"[^\n]*\n")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Splitter:
    """Holds what has arrived of the statement that is not finished."""

    def __init__(self) -> None:
        self._text = ""
        self._place = 0

    def feed(self, piece: str) -> list[str]:
        """Return the statements that the piece completes; empty ones are left out."""
        self._text += piece
        found: list[str] = []
        while (end := self._semicolon()) is not None:
            found.append(self._text[:end])
            self._text, self._place = self._text[end + 1 :], 0
        return [statement.strip() for statement in found if _says_something(statement)]

    def rest(self) -> str | None:
        """Return what stands behind the last semicolon, None when that is nothing but blanks and comments."""
        text, self._text, self._place = self._text, "", 0
        return text.strip() if _says_something(text) else None

    def _semicolon(self) -> int | None:
        """Return the place of the next semicolon outside of everything; stop before what is still open."""
        text = self._text
        while self._place < len(text):
            at = self._place
            if text[at] == ";":
                return at
            end = _after(text, at)
            if end is None:
                return None
            self._place = end
        return None


def _after(text: str, at: int) -> int | None:
    """Return where the thing that begins at a place ends, None when its end has not arrived."""
    char = text[at]
    if char in _QUOTES:
        raw = char != "`" and re.search(r"(?<![A-Za-z0-9_])[rR]$", text[:at][-2:]) is not None
        match = (_RAW if raw else _QUOTES)[char].match(text, at + 1)
        return match.end() if match else None
    if char in "-/":
        if at + 1 == len(text):
            return None
        if text[at : at + 2] == "--":
            match = _LINE_END.match(text, at)
            return match.end() if match else None
        return _after_comment(text, at) if text[at : at + 2] == "/*" else at + 1
    match = _PLAIN.match(text, at)
    return match.end() if match else at + 1


def _after_comment(text: str, at: int) -> int | None:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return None


def _says_something(statement: str) -> bool:
    place = 0
    while place < len(statement):
        if statement[place].isspace():
            place += 1
        elif statement.startswith("--", place):
            place = statement.find("\n", place) + 1 or len(statement)
        elif statement.startswith("/*", place):
            end = _after_comment(statement, place)
            place = len(statement) if end is None else end
        else:
            return True
    return False
