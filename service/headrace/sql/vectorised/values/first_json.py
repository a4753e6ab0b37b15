"""Room 2: the JSON value that Spark reads out of a text which is no JSON to others.

Takes and gives texts. Spark's reader allows names and strings in single quotes, and never looks behind the end of the
first value. Source: Spark JSONOptions.buildJsonFactory and JacksonParser.parse, Jackson ReaderBasedJsonParser.
"""

from __future__ import annotations

import json
import re

_BLANKS = " \t\r\n"
_PART = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^"']+|.""", re.DOTALL)
_INSIDE = re.compile(r"""\\.|\"""", re.DOTALL)
_DECODER = json.JSONDecoder()


def first_json(text: str) -> str | None:
    """Return the first value of a text as JSON, None where the text begins with none."""
    strict = "".join(_strict(part[0]) for part in _PART.finditer(text.lstrip(_BLANKS)))
    try:
        _, end = _DECODER.raw_decode(strict)
    except (ValueError, RecursionError):
        return None
    return strict[:end]


def _strict(part: str) -> str:
    """Return a string in double quotes, and what is no string as it is."""
    if len(part) == 1 or part[0] not in "'\"":
        return part
    return f'"{_INSIDE.sub(_escaped, part[1:-1])}"'


def _escaped(found: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])
