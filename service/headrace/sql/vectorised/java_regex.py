"""Room 2: java.util.regex by way of Python's re, for patterns that stand in a column.

Takes texts and patterns value by value; gives Spark's answers. What the two engines read differently is refused, as it
is for constant patterns. Source: java.util.regex.Pattern, Spark's regexpExpressions.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from headrace.sql.vectorised.by_value import ConditionError

NOT_DONE = re.compile(
    r"""(?P<around>\(\?(?:=|!|<=|<!|>))   # lookaround, atomic groups
      | (?P<flags>\(\?[a-zA-Z]*[uxdU])    # flags of another meaning
      | (?P<back>\\[1-9k])                # back references
      | (?P<class>\\[hHvVRXZGcec])        # classes that RE2 lacks or reads otherwise
      | (?P<possessive>[*+?}]\+)          # possessive quantifiers
      | (?P<property>\\[pP]\{(?:java|Is|In|A[ls]|Lower|Upper|Digit|Punct|Space|Graph|Print|Blank|Cntrl|XDigit))""",
    re.VERBOSE,
)
"""What is refused of a constant pattern too, two backslashes taken out before."""
_TOKEN = re.compile(
    r"""(?P<escape>\\[dDsSwWbBAntrfax]|\\u[0-9a-fA-F]{4}|\\[^a-zA-Z0-9])
      | (?P<end>\\z)
      | (?P<named>\(\?<(?=[a-zA-Z]))
      | (?P<group>\(\?i?:|\((?!\?))
      | (?P<times>\{\d+(?:,\d*)?\})
      | (?P<set>\[\^?\]?(?:(?P<twice>[&|~-])(?!(?P=twice))|[^\[\]\\&|~-]|\\[dDsSwWntrfa]|\\[^a-zA-Z0-9])*\])
      | (?P<any>\.)
      | (?P<dollar>\$)
      | (?P<plain>[^\\\[{(])""",
    re.VERBOSE | re.DOTALL,
)
_ANY = r"[^\n\r\u0085\u2028\u2029]"
_END = r"(?=(?:\r\n|(?<!\r)\n|[\r\u0085\u2028\u2029])?\Z)"
_GROUP = re.compile(r"\$(?:\{([a-zA-Z][a-zA-Z0-9]*)\}|(\d+))?|\\(.)?|[^$\\]+", re.DOTALL)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return Python's form of a Java pattern.

    Raises:
        ConditionError: INVALID_PARAMETER_VALUE.PATTERN, it is no pattern; UNSUPPORTED_PATTERN, it is not done here.
    """
    found = NOT_DONE.search(pattern.replace("\\\\", ""))
    flags = re.match(r"\(\?([is]+)\)", pattern)
    written, place, total = [], flags.end() if flags else 0, len(pattern)
    dots = flags is not None and "s" in flags[1]
    while found is None and place < total:
        token = _TOKEN.match(pattern, place)
        if token is None:
            break
        written.append(_translated(token, dots=dots))
        place = token.end()
    try:
        if found is None and place == total:
            return re.compile("".join(written), re.ASCII | (re.IGNORECASE if flags and "i" in flags[1] else 0))
        if found is None and pattern[place] != "\\":
            with warnings.catch_warnings(action="ignore"):
                re.compile(pattern if pattern[place] != "{" else "*")  # Python takes a brace for itself
    except re.error as error:
        message = f"The pattern {pattern!r} is not a regular expression: {error}."
        raise ConditionError("INVALID_PARAMETER_VALUE.PATTERN", message) from error
    what = found[0] if found else pattern[place:]
    raise ConditionError(
        "UNSUPPORTED_PATTERN", f"The pattern {pattern!r} of a column uses {what!r}, which is not done."
    )


def _translated(token: re.Match[str], *, dots: bool) -> str:
    kind = "set" if token["set"] else token.lastgroup
    if kind == "any":
        return r"[\s\S]" if dots else _ANY
    return {"end": r"\Z", "named": "(?P<", "dollar": _END}.get(str(kind), token[0])


def rlike(text: str, pattern: str) -> bool:
    """Return whether the pattern is found."""
    return compiled(pattern).search(text) is not None


def extract(text: str, pattern: str, group: int, function: str) -> str:
    """Return a group of the first find, empty where there is none."""
    found = _of_group(compiled(pattern), group, function).search(text)
    return (found[group] or "") if found else ""


def extract_all(text: str, pattern: str, group: int, function: str) -> list[str]:
    """Return a group of every find."""
    return [found[group] or "" for found in _of_group(compiled(pattern), group, function).finditer(text)]


def _of_group(pattern: re.Pattern[str], group: int, function: str) -> re.Pattern[str]:
    if not 0 <= group <= pattern.groups:
        message = f"The group {group} of {function} is not between 0 and {pattern.groups}."
        raise ConditionError("INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", message)
    return pattern


def count(text: str, pattern: str) -> int:
    """Return how often the pattern is found."""
    return sum(1 for _ in compiled(pattern).finditer(text))


def substring(text: str, pattern: str) -> str | None:
    """Return the first find, None where there is none or it is empty."""
    found = compiled(pattern).search(text)
    return (found[0] or None) if found else None


def place(text: str, pattern: str) -> int:
    """Return where the first find begins, from 1 in Java's characters; 0 where there is none."""
    found = compiled(pattern).search(text)
    return len(text[: found.start()].encode("utf-16-le")) // 2 + 1 if found else 0


def replace(text: str, pattern: str, replacement: str) -> str:
    """Return the text with every find replaced; ``$1``, ``${name}`` and a backslash mean what they do in Java."""
    return compiled(pattern).sub(lambda found: "".join(_replaced(found, replacement)), text)


def _replaced(found: re.Match[str], replacement: str) -> Iterator[str]:
    for part in _GROUP.finditer(replacement):
        mark = part[0][0]
        if mark not in "$\\":
            yield part[0]
        elif mark == "\\":
            if part[3] is None:
                raise _bad_replacement(replacement)
            yield part[3]
        elif part[1] is not None:
            if part[1] not in found.re.groupindex:
                raise _bad_replacement(replacement)
            yield found[part[1]] or ""
        else:
            yield from _numbered(found, part[2], replacement)


def _numbered(found: re.Match[str], digits: str | None, replacement: str) -> Iterator[str]:
    """Java takes as many digits as name a group."""
    if digits is None or int(digits[0]) > found.re.groups:
        raise _bad_replacement(replacement)
    used = max(n for n in range(1, len(digits) + 1) if n == 1 or int(digits[:n]) <= found.re.groups)
    yield found[int(digits[:used])] or ""
    yield digits[used:]


def _bad_replacement(replacement: str) -> ConditionError:
    message = f"The replacement {replacement!r} names a group that the pattern does not have, or ends too early."
    return ConditionError("INVALID_REGEXP_REPLACE", message)


def split(text: str, pattern: str, limit: int) -> list[str]:
    """Return the parts between the finds, at most `limit` of them where it is positive (String.split)."""
    if pattern == "" and text != "":
        most = limit if 0 < limit < len(text) else len(text)
        return [*text[: most - 1], text[most - 1 :]]
    parts: list[str] = []
    start = 0
    for found in compiled(pattern).finditer(text):
        if 0 < limit == len(parts) + 1:
            break
        if found.end() > 0:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]
