"""Room 2: JSON and CSV texts, read value by value: paths with wildcards, tuples, schemas and fields.

Takes and gives Python values. Source: Spark JsonExpressionEvalUtils, JsonInferSchema, CSVInferSchema, univocity.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from headrace.sql.vectorised.by_value import ConditionError
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    ArrayType,
    DataType,
    DecimalType,
    Field,
    StructType,
)

_STEP = re.compile(r"\.(?P<name>[^.\[\]*]+)|\['(?P<quoted>[^'\[\]*]+)'\]|\[(?P<index>\d+)\]|(?P<any>\[\*\])")


def parsed(text: str) -> Any:
    """Return the JSON value of a text, or `NO_JSON`; numbers keep their spelling."""
    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_constant)
    except ValueError:
        return NO_JSON


NO_JSON = object()


class _Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def _constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


def written(value: Any) -> str:
    """Return a parsed value as JSON without blanks, numbers as they were spelled."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def path_steps(path: str) -> list[str | int | None] | None:
    """Return names, places and None for a wildcard; None for what is no path."""
    if not path.startswith("$"):
        return None
    steps: list[str | int | None] = []
    end = 1
    while end < len(path):
        match = _STEP.match(path, end)
        if match is None:
            return None
        name = match["name"] or match["quoted"]
        steps.append(None if match["any"] else name if name is not None else int(match["index"]))
        end = match.end()
    return steps


def json_path(text: str, path: str) -> str | None:
    """Return what a path with wildcards finds: the one value, or a list of several."""
    steps, value = path_steps(path), parsed(text)
    if steps is None or value is NO_JSON:
        return None
    found = list(_found(value, steps))
    if not found:
        return None
    return written(found[0] if len(found) == 1 else found)


def json_place(path: str) -> str | None:
    """Return a path out of a column as DuckDB writes it, None for what Spark takes for no path.

    Raises:
        ConditionError: UNSUPPORTED_PATTERN, a path that is not done here.
    """
    steps = path_steps(path)
    if not path.startswith("$"):
        return None
    if steps is None or None in steps:
        raise ConditionError("UNSUPPORTED_PATTERN", f"The JSON path {path!r} of a column is not done.")
    names = (f"[{s}]" if isinstance(s, int) else f".{json.dumps(s, ensure_ascii=False)}" for s in steps)
    return "$" + "".join(names)


def _found(value: Any, steps: list[str | int | None]) -> Iterable[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        for item in value if isinstance(value, list) else []:
            yield from _found(item, rest)
    elif isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from _found(value[step], rest)
    elif isinstance(value, list) and step < len(value):
        yield from _found(value[step], rest)


def json_fields(text: str | None, names: list[str | None]) -> list[str | None]:
    """Return the named top-level fields of a JSON object as texts, None for those it has not."""
    value = parsed(text) if text is not None else NO_JSON
    if not isinstance(value, dict):
        return [None] * len(names)
    return [_shown(value.get(name)) if name is not None else None for name in names]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return str(value) if isinstance(value, str) else written(value)


def json_schema(text: str, *, leading_zeros: bool = False) -> DataType | None:
    """Return the type that a JSON text has, None for what is no JSON."""
    if leading_zeros:
        text = re.sub(r"(?<=[:\[,\s])0+(?=[0-9])", "", text)
    value = parsed(text)
    return None if value is NO_JSON else _without_null(_type(value))


def _type(value: Any) -> DataType:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, _Number):
        return _number_type(str(value))
    if isinstance(value, str):
        return STRING
    if isinstance(value, list):
        element: DataType = NULL
        for item in value:
            element = merged_schema(element, _type(item))
        return ArrayType(element)
    return StructType(tuple(Field(name, _type(value[name])) for name in sorted(value)))


def _number_type(text: str) -> DataType:
    if re.fullmatch(r"-?[0-9]+", text) is None:
        return DOUBLE
    if -(2**63) <= int(text) < 2**63:
        return BIGINT
    digits = len(text.lstrip("-"))
    return DecimalType(digits, 0) if digits <= 38 else DOUBLE


def merged_schema(a: DataType, b: DataType) -> DataType:
    """Return the type that holds the values of both (Spark JsonInferSchema.compatibleType)."""
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        return ArrayType(merged_schema(a.element, b.element))
    if isinstance(a, StructType) and isinstance(b, StructType):
        left, right = ({f.name: f.type for f in kind.fields} for kind in (a, b))
        names = sorted({*left, *right})
        return StructType(tuple(Field(n, merged_schema(left.get(n, NULL), right.get(n, NULL))) for n in names))
    numbers = (BIGINT, DOUBLE)
    if all(kind in numbers or isinstance(kind, DecimalType) for kind in (a, b)):
        decimals = [kind.precision for kind in (a, b) if isinstance(kind, DecimalType)]
        return DOUBLE if DOUBLE in (a, b) or not decimals else DecimalType(max(*decimals, 20), 0)
    return STRING


def _without_null(kind: DataType) -> DataType:
    if isinstance(kind, ArrayType):
        return ArrayType(_without_null(kind.element))
    if isinstance(kind, StructType):
        return StructType(tuple(Field(f.name, _without_null(f.type)) for f in kind.fields))
    return STRING if kind == NULL else kind


def csv_fields(text: str, separator: str) -> list[str | None]:
    """Return the fields of one line, None for an empty one without quotes."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, quotechar='"', escapechar="\\", doublequote=False)
    row = next(reader, [])
    return [field or None for field in row]


def csv_line(fields: list[str | None], separator: str) -> str:
    """Return the fields as one line, in quotes where they hold a separator, a quote or an end of line."""
    return separator.join(_csv_field(field, separator) for field in fields)


def _csv_field(field: str | None, separator: str) -> str:
    if field is None:
        return ""
    text = field.strip()
    if text == "" or any(char in text for char in (separator, "\n", "\r")) or '"' in text:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"') if '"' in text else text
        return f'"{escaped}"'
    return text


def csv_schema(text: str, separator: str) -> DataType:
    """Return the type of a line's fields, called _c0, _c1, ..."""
    fields = csv_fields(text, separator)
    return StructType(tuple(Field(f"_c{i}", _csv_type(field)) for i, field in enumerate(fields)))


def _csv_type(field: str | None) -> DataType:
    if field is None:
        return STRING
    if re.fullmatch(r"[+-]?[0-9]+", field):
        value = int(field)
        if -(2**31) <= value < 2**31:
            return INT
        return BIGINT if -(2**63) <= value < 2**63 else DecimalType(min(38, len(field.lstrip("+-"))), 0)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?|NaN|-?Infinity|-?Inf", field):
        return DOUBLE
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", field) and _is_date(field):
        return DATE
    if re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-]\d\d:\d\d)?", field
    ):
        return TIMESTAMP if _is_date(field[:10]) else STRING
    return BOOLEAN if field.lower() in ("true", "false") else STRING


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
