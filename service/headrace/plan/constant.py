"""Room 3: literals, the casts between them, and which expressions are constants for the function table."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from headrace.ddl import MAX_PRECISION
from headrace.errors import StreamError
from headrace.plan.expressions import Call, Cast, Expression, Lambda, Literal
from headrace.sql.function import Argument, Rendered
from headrace.sql.functions import FUNCTIONS
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
)

_BITS: dict[DataType, int] = dict(zip(INTEGRAL, (8, 16, 32, 64), strict=True))
NO_VALUE = object()
_SCHEMAS = frozenset({"schema_of_csv", "schema_of_json", "schema_of_xml"})
_FLOAT_MAX = 3.4028235e38
_WHOLE: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
}


_SUFFIX = re.compile(r"(?i)(bd|[lsydf])$")
_SUFFIXED = {"l": BIGINT, "s": SMALLINT, "y": TINYINT, "d": DOUBLE, "f": FLOAT}


def number(text: str) -> Literal:
    """Return the literal that a number as written is: INT, BIGINT or DECIMAL, DOUBLE with an exponent, or its suffix's.

    Raises:
        StreamError: INVALID_NUMERIC_LITERAL_RANGE, a suffix names a type the number is too large for.
    """
    suffix = _SUFFIX.search(text)
    kind = _SUFFIXED.get(suffix[1].lower()) if suffix else None
    digits = text[: suffix.start()] if suffix else text
    if kind in (DOUBLE, FLOAT) or (suffix is None and "e" in digits.lower()):
        return Literal(kind or DOUBLE, _floating(text, digits, kind))
    value = Decimal(digits)
    if kind is not None:
        fraction = "." in digits
        if fraction or not fits(int(value), kind):
            condition = "PARSE_SYNTAX_ERROR" if fraction else "INVALID_NUMERIC_LITERAL_RANGE"
            raise StreamError("SQL_ANALYSIS", f"The number {text} is no {kind.sql()}.", condition=condition)
        return Literal(kind, int(value))
    if suffix is None and "." not in digits:
        for whole in (INT, BIGINT):
            if fits(int(value), whole):
                return Literal(whole, int(value))
    count, scale = len(value.as_tuple().digits), max(0, -int(value.as_tuple().exponent))
    if max(count, scale) > MAX_PRECISION:
        message = f"The number {text} has {max(count, scale)} digits; a DECIMAL has at most {MAX_PRECISION}."
        raise StreamError("SQL_ANALYSIS", message, condition="DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION")
    return Literal(DecimalType(max(count, scale), scale), value)


def _floating(text: str, digits: str, kind: DataType | None) -> float:
    try:
        value = float(digits)
    except ValueError as error:
        message = f"{text} is no number."
        raise StreamError("SQL_SYNTAX", message, condition="PARSE_SYNTAX_ERROR") from error
    if abs(value) > (_FLOAT_MAX if kind == FLOAT else sys.float_info.max):
        message = f"The number {text} is no {(kind or DOUBLE).sql()}."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_NUMERIC_LITERAL_RANGE")
    return value


def fits(value: int, kind: DataType) -> bool:
    """Return True when the whole number is in the range of the whole-number type."""
    bits = _BITS[kind]
    return -(1 << (bits - 1)) <= value < 1 << (bits - 1)


def cast_to(expression: Expression, kind: DataType) -> Expression:
    """Return the expression with the type; a literal is converted at once where the value stays exact."""
    if expression.type == kind and same_fields(expression.type, kind):
        return expression
    if isinstance(expression, Literal):
        folded = _folded(expression, kind)
        if folded is not None:
            return folded
    return written_cast(expression, kind, try_=False)


def same_fields(one: DataType, other: DataType) -> bool:
    """Return True when two equal types also name the same fields of the intervals in them."""
    return one is other or one.sql() == other.sql()


def written_cast(expression: Expression, kind: DataType, *, try_: bool) -> Cast:
    """Return the cast, told apart from others by the fields of the intervals in both types."""
    names = f"{expression.type.sql()} {kind.sql()}"
    return Cast(kind, expression, try_, names if "INTERVAL" in names else "")


def _folded(literal: Literal, kind: DataType) -> Literal | None:
    value = literal.value
    if value is None or (literal.type == kind and kind in (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)):
        return Literal(kind, value)
    if isinstance(value, int) and literal.type in INTEGRAL:
        return _folded_whole(value, kind)
    if isinstance(value, Decimal) and kind in (DOUBLE, FLOAT):
        return Literal(kind, float(value)) if kind == DOUBLE else None
    if isinstance(value, Decimal) and isinstance(kind, DecimalType):
        source = literal.type
        widens = isinstance(source, DecimalType) and kind.scale >= source.scale
        widens = widens and kind.precision - kind.scale >= source.precision - source.scale  # type: ignore[attr-defined]
        return Literal(kind, value) if widens else None
    return None


def _folded_whole(value: int, kind: DataType) -> Literal | None:
    if kind in INTEGRAL and fits(value, kind):
        return Literal(kind, value)
    if kind == DOUBLE and abs(value) <= 1 << 53:
        return Literal(kind, float(value))
    if isinstance(kind, DecimalType) and abs(value) < 10 ** (kind.precision - kind.scale):
        return Literal(kind, Decimal(value))
    return None


def fold_whole(expression: Expression) -> Expression:
    """Return sums, differences and products of whole-number constants as one literal; anything else as it is."""
    if not isinstance(expression, Call) or expression.function not in _WHOLE:
        return expression
    values = [value_of(fold_whole(arg)) for arg in expression.args]
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return expression
    return Literal(expression.type, _WHOLE[expression.function](*values))


def argument_of(expression: Expression, *, ansi: bool) -> Argument:
    """Return the expression as the function table's `resolve` sees it."""
    if isinstance(expression, Lambda):
        return Argument(expression.type, lambda_arity=len(expression.parameters), ansi=ansi)
    value = value_of(expression)
    if value is NO_VALUE:
        return Argument(expression.type, ansi=ansi)
    return Argument(expression.type, constant=True, value=value, ansi=ansi)


def value_of(expression: Expression) -> Any:
    """Return the Python value of a constant expression, or NO_VALUE.

    Followed are literals, sign changes, array(), map() and named_struct() of constants, casts that keep the value, and
    schemas of constant texts.
    """
    match expression:
        case Literal(value=value):
            return value
        case Cast(child=child, type=kind):
            value = value_of(child)
            if value is None or child.type == NULL or (kind == child.type and same_fields(kind, child.type)):
                return value
            return _cast_value(value, kind)
        case Call(function="negative", args=(child,)):
            value = value_of(child)
            return value if value is NO_VALUE or value is None else -value
        case Call(function="array" | "map" | "named_struct" | "map_from_arrays" as name, args=args):
            values = [value_of(arg) for arg in args]
            if any(value is NO_VALUE for value in values):
                return NO_VALUE
            return values if name == "array" else _mapping(name, values)
        case Call() if expression.function in _SCHEMAS:
            return _schema(expression)
    return NO_VALUE


def _schema(call: Call) -> Any:
    """Return the schema of a constant text, which is a constant itself."""
    values = [value_of(arg) for arg in call.args]
    if any(value is NO_VALUE for value in values):
        return NO_VALUE
    given = [Rendered("", arg.type, True, value) for arg, value in zip(call.args, values, strict=True)]
    text = FUNCTIONS[call.function].render(given, call.type, SqlSettings())
    return text[1:-1].replace("''", "'")  # the function gives a text in quotes


def _mapping(name: str, values: list[Any]) -> Any:
    pairs = zip(*values, strict=False) if name == "map_from_arrays" else zip(values[::2], values[1::2], strict=False)
    try:
        return dict(pairs)
    except TypeError:  # a key that is itself a list or a mapping
        return NO_VALUE


def _cast_value(value: Any, kind: DataType) -> Any:
    if kind in INTEGRAL and isinstance(value, int) and not isinstance(value, bool):
        return value if fits(value, kind) else NO_VALUE
    if kind == DOUBLE and isinstance(value, int | Decimal):
        return float(value)
    if kind == STRING and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if kind == BOOLEAN and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return NO_VALUE
