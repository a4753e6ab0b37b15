"""Room 2: numbers in the patterns of Java's DecimalFormat that format_number takes.

Takes a number's digits and a pattern such as ``#,##0.00``; gives its text, ties to even.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from headrace.sql.vectorised.by_value import ConditionError

_PATTERN = re.compile(r"(?P<whole>[#,]*[0,]*)(?:\.(?P<least>0*)(?P<most>#*))?")


def is_pattern(pattern: str) -> bool:
    """Return True for a pattern of # 0 , and . alone, which is what is done here."""
    found = _PATTERN.fullmatch(pattern)
    return found is not None and bool(pattern) and not pattern.endswith((",", ".")) and not found["whole"].endswith(",")


def format_number(text: str, pattern: str) -> str | None:
    """Return the number in the pattern, words for NaN and infinities.

    Raises:
        ConditionError: UNSUPPORTED_PATTERN, a pattern out of a column that is not done here.
    """
    found = _PATTERN.fullmatch(pattern)
    value = Decimal(text)
    if found is None or not is_pattern(pattern):
        raise ConditionError("UNSUPPORTED_PATTERN", f"The pattern {pattern!r} of format_number is not done.")
    if not value.is_finite():
        return "NaN" if value.is_nan() else "-∞" if value < 0 else "∞"
    least, most = len(found["least"] or ""), len(found["least"] or "") + len(found["most"] or "")
    rounded = abs(value).quantize(Decimal(1).scaleb(-most), ROUND_HALF_EVEN)
    whole, _, part = f"{rounded:f}".partition(".")
    part = part[:least] + part[least:].rstrip("0")
    # Without any 0, Java takes the # before the point for one.
    digits = 1 if "0" not in pattern and "." in pattern else found["whole"].count("0")
    whole = whole.lstrip("0").rjust(digits, "0")
    if not whole and not part:
        whole = "0"
    group = len(found["whole"]) - found["whole"].rfind(",") - 1 if "," in found["whole"] else 0
    if group:
        whole = re.sub(rf"(?<=.)(?=(?:.{{{group}}})+$)", ",", whole)
    return ("-" if value < 0 or text.startswith("-") else "") + whole + (f".{part}" if part else "")


def format_double(text: str, pattern: str) -> str | None:
    """Return a DOUBLE in the pattern: all of its binary digits count where it is rounded, as in Java."""
    return format_number(f"{Decimal(float(text))}", pattern)


_SPECIFIER = re.compile(r"%(?:(\d+)\$)?([-0+]*)(\d+)?([sdn%])|[^%]+|(%)")


def format_string(layout: str | None, values: list[str | None], kinds: str) -> str | None:
    """Return a format out of a column with its values; ``%s`` and ``%d``, a width, places and the flags - 0 +.

    Args:
        layout: The format, NULL gives NULL.
        values: The arguments as texts.
        kinds: A letter for each: d for whole numbers, s for texts.

    Raises:
        ConditionError: UNSUPPORTED_PATTERN, what is not done here.
    """
    if layout is None:
        return None
    parts, following = [], 0
    for found in _SPECIFIER.finditer(layout):
        letter, index = found[4], int(found[1]) if found[1] else following + 1
        if letter in ("%", "n"):
            parts.append("%" if letter == "%" else "\n")
            continue
        following = following if letter is None or found[1] else index
        wrong = letter == "d" and (index > len(values) or kinds[index - 1] != "d")
        flagged = set(found[2] or "") - ({"-"} if letter == "s" else {"-", "0", "+"})
        if found[5] or wrong or flagged or (letter and index > len(values)):
            raise ConditionError("UNSUPPORTED_PATTERN", f"The format {layout!r} with these values is not done.")
        parts.append(found[0] if letter is None else _converted(found, values[index - 1]))
    return "".join(parts)


def _converted(found: re.Match[str], value: str | None) -> str:
    flags, width = found[2] or "", int(found[3] or 0)
    shown = "null" if value is None else value
    if found[4] == "d" and value is not None:
        sign = "-" if value.startswith("-") else "+" if "+" in flags else ""
        digits = value.lstrip("-")
        shown = sign + (digits.rjust(width - len(sign), "0") if "0" in flags else digits)
    return shown.ljust(width) if "-" in flags else shown.rjust(width)
