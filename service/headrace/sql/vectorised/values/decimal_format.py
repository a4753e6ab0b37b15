"""Room 2: numbers in the patterns of Java's DecimalFormat that format_number takes.

Takes a number's digits and a pattern such as ``#,##0.00``; gives its text, ties to even.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

_PATTERN = re.compile(r"(?P<whole>[#,]*[0,]*)(?:\.(?P<least>0*)(?P<most>#*))?")


def is_pattern(pattern: str) -> bool:
    """Return True for a pattern of # 0 , and . alone, which is what is done here."""
    found = _PATTERN.fullmatch(pattern)
    return found is not None and bool(pattern) and not pattern.endswith((",", ".")) and not found["whole"].endswith(",")


def format_number(text: str, pattern: str) -> str | None:
    """Return the number in the pattern, None for NaN and infinities."""
    found = _PATTERN.fullmatch(pattern)
    value = Decimal(text)
    if found is None or not value.is_finite():
        return None
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
