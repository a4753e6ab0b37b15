"""Room 2: VARIANT values, held as JSON texts: keys in order, numbers as Spark writes them.

Takes and gives such texts. Source: Spark's Variant, VariantUtil and VariantBuilder.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from headrace.sql.vectorised.by_value import ConditionError

_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\")\]|\[(?P<index>\d+)\]")
_DIGITS = 38
ABSENT = object()


def parse_json(text: str, quiet: bool) -> str | None:
    """Return the variant that a JSON text is.

    Raises:
        ConditionError: MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION, the text is no JSON, unless `quiet`.
    """
    try:
        value = json.loads(text, parse_float=_fraction, parse_int=_whole, parse_constant=_constant)
    except ValueError as error:
        if quiet:
            return None
        message = f"Malformed records are detected in record parsing: {text}. Parse Mode: FAILFAST."
        raise ConditionError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", message) from error
    return _written(value)


def _whole(text: str) -> int | Decimal | float:
    value = int(text)
    if -(2**63) <= value < 2**63:
        return value
    return Decimal(text) if len(text.lstrip("-")) <= _DIGITS else float(text)


def _fraction(text: str) -> Decimal | float:
    plain = Decimal(text)
    digits = max(len(plain.as_tuple().digits), -int(plain.as_tuple().exponent))
    return float(text) if "e" in text.lower() or digits > _DIGITS else plain


def _constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_written(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item) for item in value) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _double(value: float) -> str:
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        return repr(value)
    digits, exponent = f"{Decimal(repr(value)).normalize():e}".split("e")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def _read(text: str) -> Any:
    return json.loads(text, parse_float=_fraction, parse_int=_whole)


def is_path(path: str) -> bool:
    """Return True for ``$`` with names and places behind it."""
    return path.startswith("$") and re.fullmatch(f"(?:{_STEP.pattern})*", re.sub(r"\?P<\w+>", "", path[1:])) is not None


def variant_get(text: str, path: str) -> str | None:
    """Return the variant at a path, None when there is none."""
    value = _read(text)
    for match in _STEP.finditer(path):
        name = next((match[group] for group in ("name", "one", "two") if match[group] is not None), None)
        if name is not None:
            value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        else:
            place = int(match["index"])
            value = value[place] if isinstance(value, list) and place < len(value) else ABSENT
        if value is ABSENT:
            return None
    return _written(value)


def variant_text(text: str) -> str | None:
    """Return what a cast to STRING gives: a text without its quotes, NULL for a variant null."""
    value = _read(text)
    return None if value is None else value if isinstance(value, str) else _written(value)


def schema_of_variant(text: str) -> str:
    """Return the name of the variant's type."""
    return _name(_schema(_read(text)))


def _schema(value: Any) -> Any:
    """Return a type as a name, a one-element list for an array, or a mapping for an object."""
    if isinstance(value, list):
        element: Any = "VOID"
        for item in value:
            element = _merged(element, _schema(item))
        return [element]
    if isinstance(value, dict):
        return {key: _schema(value[key]) for key in sorted(value)}
    if isinstance(value, Decimal):
        return value.normalize()
    names = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "STRING", type(None): "VOID"}
    return names[type(value)]


def _merged(a: Any, b: Any) -> Any:
    if a == "VOID" or (a == b and type(a) is type(b)):
        return b
    if b == "VOID":
        return a
    if isinstance(a, list) and isinstance(b, list):
        return [_merged(a[0], b[0])]
    if isinstance(a, dict) and isinstance(b, dict):
        keys = sorted({*a, *b})
        return {key: _merged(a.get(key, "VOID"), b.get(key, "VOID")) for key in keys}
    return "VARIANT"


def _name(kind: Any) -> str:
    if isinstance(kind, list):
        return f"ARRAY<{_name(kind[0])}>"
    if isinstance(kind, dict):
        return f"OBJECT<{', '.join(f'{key}: {_name(kind[key])}' for key in kind)}>"
    if isinstance(kind, Decimal):
        scale = max(0, -int(kind.as_tuple().exponent))
        return f"DECIMAL({max(len(kind.as_tuple().digits), scale)},{scale})"
    return str(kind)


def variant_rows(text: str) -> list[dict[str, Any]]:
    """Return a row for each element of an array or field of an object: its place, its key, its variant."""
    value = _read(text)
    if isinstance(value, list):
        return [{"pos": i, "key": None, "value": _written(item)} for i, item in enumerate(value)]
    if isinstance(value, dict):
        return [{"pos": i, "key": key, "value": _written(value[key])} for i, key in enumerate(sorted(value))]
    return []
