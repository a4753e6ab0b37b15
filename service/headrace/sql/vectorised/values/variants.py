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
    except ConditionError:
        raise
    except ValueError as error:
        if quiet:
            return None
        message = f"Malformed records are detected in record parsing: {text}. Parse Mode: FAILFAST."
        raise ConditionError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", message) from error
    return _written(value)


def _whole(text: str) -> int | Decimal:
    value = int(text)
    return value if -(2**63) <= value < 2**63 else _fraction(text)


def _fraction(text: str) -> Decimal:
    plain = Decimal(text)
    digits = max(len(plain.as_tuple().digits), -int(plain.as_tuple().exponent))
    if "e" in text.lower() or digits > _DIGITS:
        # A variant keeps DOUBLE and DECIMAL apart, the text it is held as here does not.
        raise ConditionError("UNSUPPORTED_VARIANT", f"The number {text} is a DOUBLE, which is not done in a VARIANT.")
    return plain


def _constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_written(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item) for item in value) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


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


def variant_text(text: str, target: str) -> str | None:
    """Return the text that a cast begins with, NULL for a variant null.

    Args:
        text: The variant.
        target: ``text``, ``whole``, ``number``, ``boolean`` or ``days``: numbers lose their fraction for a whole
            number, true is 1 for a number, any number but 0 is true, and only a text is days.
    """
    value = _read(text)
    if target == "days" and not isinstance(value, str):
        return None
    if isinstance(value, bool) and target in ("whole", "number"):
        return str(int(value))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        if target == "boolean":
            return "true" if value else "false"
        return str(int(value)) if target == "whole" else _written(value)
    return None if value is None else value if isinstance(value, str) else _written(value)


def schema_of_variant(text: str) -> str:
    """Return the name of the variant's type."""
    return _name(_schema(_read(text)))


def joined_schema(texts: list[str], schemas: list[str]) -> str:
    """Return the common type of variants and of types as this function gives them: JSON, a decimal as two numbers."""
    found: _Schema = "VOID"
    for text in texts:
        found = _merged(found, _schema(_read(text)))
    for schema in schemas:
        found = _merged(found, _json_schema(schema))
    return json.dumps({"type": found})


def named_schema(schema: str) -> str:
    """Return the name of a type that `joined_schema` gave."""
    return _name(_json_schema(schema))


def _json_schema(schema: str) -> _Schema:
    def plain(kind: Any) -> _Schema:
        if isinstance(kind, list):
            return (kind[0], kind[1]) if len(kind) == 2 else [plain(kind[0])]
        return {key: plain(kind[key]) for key in kind} if isinstance(kind, dict) else str(kind)

    return plain(json.loads(schema)["type"])


_Schema = str | tuple[int, int] | list[Any] | dict[str, Any]
"""A type's name, a decimal's whole digits and scale, an array's element in a list, or an object's fields."""

_BIGINT_DIGITS = 20


def _schema(value: Any) -> _Schema:
    if isinstance(value, list):
        element: _Schema = "VOID"
        for item in value:
            element = _merged(element, _schema(item))
        return [element]
    if isinstance(value, dict):
        return {key: _schema(value[key]) for key in sorted(value)}
    if isinstance(value, Decimal):
        plain = value.normalize().as_tuple()
        scale = max(0, -int(plain.exponent))
        return (max(len(plain.digits) + max(0, int(plain.exponent)) - scale, 0), scale)
    names = {bool: "BOOLEAN", int: "BIGINT", str: "STRING", type(None): "VOID"}
    return names[type(value)]


def _merged(a: _Schema, b: _Schema) -> _Schema:
    if a == "VOID" or a == b:
        return b
    if b == "VOID":
        return a
    if isinstance(a, list) and isinstance(b, list):
        return [_merged(a[0], b[0])]
    if isinstance(a, dict) and isinstance(b, dict):
        return {key: _merged(a.get(key, "VOID"), b.get(key, "VOID")) for key in sorted({*a, *b})}
    numbers = [(_BIGINT_DIGITS, 0) if kind == "BIGINT" else kind for kind in (a, b)]
    if isinstance(numbers[0], tuple) and isinstance(numbers[1], tuple):
        return (max(numbers[0][0], numbers[1][0]), max(numbers[0][1], numbers[1][1]))
    return "VARIANT"


def _name(kind: _Schema) -> str:
    if isinstance(kind, list):
        return f"ARRAY<{_name(kind[0])}>"
    if isinstance(kind, dict):
        return f"OBJECT<{', '.join(f'{key}: {_name(kind[key])}' for key in kind)}>"
    if isinstance(kind, tuple):
        return f"DECIMAL({kind[0] + kind[1]},{kind[1]})"
    return kind


def variant_rows(text: str) -> list[dict[str, Any]]:
    """Return a row for each element of an array or field of an object: its place, its key, its variant."""
    value = _read(text)
    if isinstance(value, list):
        return [{"pos": i, "key": None, "value": _written(item)} for i, item in enumerate(value)]
    if isinstance(value, dict):
        return [{"pos": i, "key": key, "value": _written(value[key])} for i, key in enumerate(sorted(value))]
    return []
