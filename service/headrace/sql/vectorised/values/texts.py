"""Room 2: string functions of single values that DuckDB lacks: mask, soundex, conv, parse_url and their like.

Takes and gives Python values. Source: Spark Mask, UTF8String.soundex, NumberConverter, ParseUrl.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from headrace.sql.vectorised.by_value import ConditionError

_FULL = 1 << 64
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SOUNDS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "01230127022455012623017202", strict=True))
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%\u0080-\U0010ffff]*")


def mask(text: str | None, upper: str | None, lower: str | None, digit: str | None, other: str | None) -> str | None:
    """Return the text with its characters replaced by class; a class whose character is None stays."""
    if text is None:
        return None

    def masked(char: str) -> str:
        if char.isupper():
            kind = upper
        elif char.islower():
            kind = lower
        elif char.isdigit():
            kind = digit
        else:
            kind = other
        return char if kind is None else kind

    return "".join(masked(char) for char in text)


def soundex(text: str) -> str:
    """Return the code of a word's sound; a text that begins with no letter is given back."""
    if not text or not (text[0].isascii() and text[0].isalpha()):
        return text
    code = text[0].upper()
    last = _SOUNDS[code]
    for char in text[1:]:
        letter = char.upper()
        if not (letter.isascii() and letter.isalpha()):
            last = "0"
            continue
        sound = _SOUNDS[letter]
        if sound == "7":  # H and W part nothing
            continue
        if sound not in ("0", last):
            code += sound
            if len(code) == 4:
                break
        last = sound
    return code.ljust(4, "0")


def luhn_check(text: str) -> bool:
    """Return True when the digits pass Luhn's check; anything but digits does not."""
    if not text or not re.fullmatch(r"[0-9]+", text):
        return False
    total = 0
    for place, char in enumerate(reversed(text)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def find_in_set(word: str, words: str) -> int:
    """Return the place from 1 of a word among words with commas, 0 when it is not there or has a comma."""
    return 0 if "," in word or word not in words.split(",") else words.split(",").index(word) + 1


def conv(text: str, source: int, target: int, ansi: bool) -> str | None:
    """Return the number's digits in another base, as 64 unsigned bits, signed for a base below zero.

    Raises:
        ConditionError: ARITHMETIC_OVERFLOW in ANSI mode.
    """
    text = text.strip(" ")
    if not 2 <= source <= 36 or not 2 <= abs(target) <= 36 or not text:
        return None
    negative = text[0] == "-"
    value = 0
    for char in text[1:] if negative else text:
        digit = _DIGITS.find(char.upper())
        if digit < 0 or digit >= source:
            break
        value = value * source + digit
        if value >= _FULL:
            if ansi:
                raise ConditionError("ARITHMETIC_OVERFLOW", "Overflow in function conv().")
            value = _FULL - 1
            break
    if negative and target > 0:
        value = _FULL - 1 if value >= _FULL // 2 else -value % _FULL
    if target < 0 and value >= _FULL // 2:
        value, negative = _FULL - value, True
    shown = ""
    while value:
        value, digit = divmod(value, abs(target))
        shown = _DIGITS[digit] + shown
    return ("-" if negative and target < 0 else "") + (shown or "0")


def parse_url(url: str, part: str, key: str | None, ansi: bool) -> str | None:
    """Return a part of a URL, None when it has none.

    Raises:
        ConditionError: INVALID_URL in ANSI mode.
    """
    if not _URL.fullmatch(url) or re.search(r"%(?![0-9A-Fa-f]{2})", url):
        if ansi:
            message = f"The url is invalid: {url}. Use `try_parse_url` to tolerate invalid URL and return NULL instead."
            raise ConditionError("INVALID_URL", message)
        return None
    if key is not None:
        if part != "QUERY":
            return None
        found = re.search(rf"(?:^|&){re.escape(key)}=([^&]*)", urlsplit(url).query)
        return found[1] if found else None
    return _url_part(url, part)


def _url_part(url: str, part: str) -> str | None:
    split = urlsplit(url)
    authority = split.netloc or None
    user, at, host_port = (authority or "").rpartition("@")
    host = re.sub(r":\d*$", "", host_port)
    found = {
        "HOST": host or None,
        "PATH": split.path,
        "QUERY": split.query if "?" in url.split("#")[0] else None,
        "REF": split.fragment if "#" in url else None,
        "PROTOCOL": (split.scheme and url[: len(split.scheme)]) or None,
        "FILE": split.path + (f"?{split.query}" if "?" in url.split("#")[0] else ""),
        "AUTHORITY": authority,
        "USERINFO": user if at else None,
    }
    return found.get(part)


def valid_utf8(value: bytes) -> bool:
    """Return True when the bytes are well-formed UTF-8."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence; what ends a sentence is . ! or ? before a blank."""
    found = [re.findall(r"[\w']+(?:[.,]\d+)*", part) for part in re.split(r"(?<=[.!?])\s+", text)]
    return [words for words in found if words]


def reversed_bytes(value: bytes) -> bytes:
    """Return the bytes from last to first."""
    return value[::-1]


def padded_bytes(value: bytes, length: int, fill: bytes, left: bool) -> bytes:
    """Return the bytes cut or filled to a length."""
    if length <= len(value):
        return value[: max(length, 0)]
    missing = length - len(value)
    filling = (fill * (missing // len(fill) + 1))[:missing] if fill else b""
    return filling + value if left else value + filling
