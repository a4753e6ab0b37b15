"""Room 2: to_char and to_number's patterns of 0, 9, D, G, $, S, MI and PR.

Takes decimals or texts and a pattern; gives texts or decimals. Source: Spark ToNumberParser.
"""

from __future__ import annotations

import re
from decimal import Decimal

from headrace.dataclass import dataclass
from headrace.sql.vectorised.by_value import ConditionError

_SHAPE = re.compile(
    r"(?P<before>MI|S)?(?P<money>\$)?(?P<whole>[09G,]*)(?:(?P<point>[.D])(?P<part>[09]*))?(?P<after>PR|MI|S)?", re.I
)


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """A pattern taken apart; `whole` holds 0, 9 and commas, `part` what stands behind the point."""

    before: str
    money: bool
    whole: str
    point: bool
    part: str
    after: str

    @property
    def precision(self) -> int:
        """How many digits it holds."""
        return len(self.whole.replace(",", "")) + len(self.part)

    @property
    def scale(self) -> int:
        """How many of them stand behind the point."""
        return len(self.part)


def read_pattern(text: str) -> NumberPattern | None:
    """Return the pattern, None for one that Spark refuses."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    whole, part = found["whole"].upper().replace("G", ","), found["part"] or ""
    before, after = (found["before"] or "").upper(), (found["after"] or "").upper()
    wrong = (before and after) or not (whole.replace(",", "") or part)
    wrong = wrong or whole.startswith(",") or whole.endswith(",") or ",," in whole
    if wrong:
        return None
    return NumberPattern(before, bool(found["money"]), whole, bool(found["point"]), part, after)


def read_number(text: str, pattern: str, ansi: bool) -> Decimal | None:
    """Return the number that a text in the pattern is.

    Raises:
        ConditionError: INVALID_FORMAT.MISMATCH_INPUT, the text does not fit, unless `ansi` is False.
    """
    shape = read_pattern(pattern)
    value = None if shape is None else _read(text.strip(), shape)
    if value is None and ansi:
        message = f'The input STRING "{text}" does not match the format "{pattern}".'
        raise ConditionError("INVALID_FORMAT.MISMATCH_INPUT", message)
    return value


def _read(text: str, shape: NumberPattern) -> Decimal | None:
    body, negative = _without_sign(text, shape)
    if shape.money:
        if not body.startswith("$"):
            return None
        body = body[1:]
    found = re.fullmatch(r"([0-9,]*)(?:\.([0-9]*))?", body)
    if found is None or not re.search("[0-9]", body):
        return None
    whole, part = found[1], found[2] or ""
    if found[2] is not None and not shape.point:
        return None
    if not shape.whole and whole.strip("0"):
        message = f"{whole} cannot be represented as Decimal({shape.precision}, {shape.scale})."
        raise ConditionError("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", message)
    if not shape.whole:
        whole = ""
    if len(part) > len(shape.part) or not _whole_fits(whole, shape.whole):
        return None
    digits = whole.replace(",", "") or "0"
    value = Decimal(f"{digits}.{part or '0'}").quantize(Decimal(1).scaleb(-shape.scale))
    return -value if negative else value


def _without_sign(text: str, shape: NumberPattern) -> tuple[str, bool]:
    """Return the text without its sign, and whether that says it is below zero."""
    if shape.after == "PR" and text.startswith("<") and text.endswith(">"):
        return text[1:-1], True
    signs = "+-" if "S" in (shape.before, shape.after) else "-" if "MI" in (shape.before, shape.after) else ""
    if shape.before and text[:1] and text[0] in signs:
        return text[1:], text[0] == "-"
    if shape.after in ("S", "MI") and text[-1:] and text[-1] in signs:
        return text[:-1], text[-1] == "-"
    return text, False


def _whole_fits(seen: str, wanted: str) -> bool:
    """Groups are compared from the right; each may be shorter, but for a first one that begins with 0."""
    groups, shapes = seen.split(","), wanted.split(",")
    if len(groups) > len(shapes):
        return False
    aligned = shapes[len(shapes) - len(groups) :]
    if any(len(group) > len(shape) for group, shape in zip(groups, aligned, strict=True)):
        return False
    if wanted.startswith("0"):
        return len(groups) == len(shapes) and len(groups[0]) == len(shapes[0])
    return True


def write_number(value: Decimal, pattern: str) -> str | None:
    """Return the number in the pattern, places that it does not fill as blanks, ``#`` where it does not fit."""
    shape = read_pattern(pattern)
    if shape is None:
        return None
    negative = value < 0
    plain = f"{abs(value):f}"
    whole, _, part = plain.partition(".")
    whole = whole.lstrip("0")
    room = len(shape.whole.replace(",", ""))
    if len(whole) > room or len(part.rstrip("0")) > shape.scale:
        filled, tail = re.sub("[09]", "#", shape.whole).replace(",", " "), "#" * shape.scale
    else:
        if not whole and shape.scale and room:
            whole = "0"
        filled, tail = _filled(whole, shape), part[: shape.scale].ljust(shape.scale, "0")
    money = "$" if shape.money else ""
    return _signed(money + filled + (f".{tail}" if shape.point else ""), shape, negative=negative)


def _filled(whole: str, shape: NumberPattern) -> str:
    """Return the digits in their groups; a group is filled with zeros if it begins with 0, else with blanks."""
    shown: list[str] = []
    for group in reversed(shape.whole.split(",")):
        digits, whole = whole[-len(group) :] if group else "", whole[: max(0, len(whole) - len(group))]
        shown.append(digits.rjust(len(group), "0" if group.startswith("0") else " "))
    shown.reverse()
    text = ",".join(shown)
    blank = len(text) - len(text.lstrip(" ,"))
    return " " * blank + text[blank:]


def _signed(body: str, shape: NumberPattern, *, negative: bool) -> str:
    blanks = len(body) - len(body.lstrip(" "))
    lead, rest = body[:blanks], body[blanks:]
    if shape.after == "PR":
        return f"{lead}{'<' if negative else ''}{rest}{'>' if negative else '  '}"
    if shape.before:
        return f"{lead}{'-' if negative else '+' if shape.before == 'S' else ' '}{rest}"
    if shape.after and not rest:
        return f"{'-' if negative else '+' if shape.after == 'S' else ' '}{lead}"
    if shape.after:
        return f"{lead}{rest}{'-' if negative else '+' if shape.after == 'S' else ' '}"
    return body
