"""Room 2: the JSON value that Spark reads out of a text which is no JSON to others.

Takes and gives texts. Spark's reader allows names and strings in single quotes, and never looks behind the end of the
first value. Source: Spark JSONOptions.buildJsonFactory and JacksonParser.parse, Jackson ReaderBasedJsonParser.
"""

from __future__ import annotations

import json
import re

_BLANKS = " \t\r\n"
_PART = re.compile(r"""(['"])((?:[^'"\\]|(?!\1)['"]|\\.)*)(\1?)|[^'"]+""", re.DOTALL)
_INSIDE = re.compile(r"""\\.|\"""", re.DOTALL)
_DECODER = json.JSONDecoder()


def first_json(text: str) -> str | None:
    """Return the first value of a text as JSON, None where the text begins with none."""
    strict = _PART.sub(_strict, text.lstrip(_BLANKS))
    try:
        _, end = _DECODER.raw_decode(strict)
    except (ValueError, RecursionError):
        return None
    return strict[:end]


def _strict(part: re.Match[str]) -> str:
    """Return a string in double quotes; what is no string, or does not end, as it is."""
    if not part[3]:
        return part[0]
    return f'"{_INSIDE.sub(_escaped, part[2])}"'


def _escaped(found: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])
