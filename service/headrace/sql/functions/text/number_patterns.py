"""Room 2: to_char and to_number: numbers in patterns such as ``$99,999.99``, dates in theirs, bytes in encodings.

Takes rendered values and a constant pattern; gives DuckDB text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.duck import duckdb_type, quote_text
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, How, Rendered, Resolve, Resolved
from headrace.sql.functions.arithmetic import WHOLE_DECIMALS
from headrace.sql.functions.signature import accept, mismatch, table
from headrace.sql.functions.temporal.dates import FUNCTIONS as TIMES
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.number_patterns import NumberPattern, read_pattern
from headrace.types import BINARY, DATE, DOUBLE, FLOAT, STRING, TIMESTAMP, TIMESTAMP_NTZ, DataType, DecimalType


def _pattern(argument: Argument | Rendered) -> str:
    if not argument.constant or argument.value is None:
        raise mismatch("The pattern must be a constant text.", condition="NON_FOLDABLE_INPUT")
    return str(argument.value)


def _shape(argument: Argument | Rendered) -> NumberPattern:
    text = _pattern(argument)
    found = read_pattern(text)
    if found is None:
        message = f"The number pattern {text!r} is not one of 0, 9, . or D, comma or G, $, S, MI and PR in their order."
        raise StreamError("SQL_ANALYSIS", message, condition=f"INVALID_FORMAT.{_fault(text)}")
    return found


def _fault(text: str) -> str:
    """Return Spark's name for what is wrong with a pattern."""
    if not text:
        return "EMPTY"
    if not re.search("[09]", text):
        return "WRONG_NUM_DIGIT"
    return "WRONG_NUM_TOKEN" if len(re.findall("[.Dd]", text)) > 1 else "UNEXPECTED_TOKEN"


def _char_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind in (DATE, TIMESTAMP, TIMESTAMP_NTZ):
        return TIMES["date_format"].resolve(arguments)
    if kind == BINARY:
        return Resolved((BINARY, STRING), STRING)
    if kind in (DOUBLE, FLOAT):
        raise mismatch(f'to_char takes a decimal or whole number, and got "{kind.sql()}".')
    decimal = kind if isinstance(kind, DecimalType) else WHOLE_DECIMALS.get(kind)
    _shape(arguments[1])
    return Resolved((decimal or accept(arguments[0], DecimalType(38, 18), 0), STRING), STRING)


def _char(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value, pattern = arguments
    if isinstance(value.type, DecimalType):
        return f"headrace_write_number(CAST({value.sql} AS VARCHAR), {quote_text(_pattern(pattern))})"
    if value.type == BINARY:
        return _encoded(value, _pattern(pattern))
    return TIMES["date_format"].render(arguments, kind, settings)


def _encoded(value: Rendered, form: str) -> str:
    known = {"base64": "to_base64({0})", "hex": "hex({0})", "utf-8": "decode({0})", "utf8": "decode({0})"}
    template = known.get(form.lower())
    if template is None:
        message = f"The format {form!r} of to_char is none of base64, hex and utf-8."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_PARAMETER_VALUE.BINARY_FORMAT")
    return template.format(value.sql)


def _number(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        value, pattern = arguments[0].sql, quote_text(_pattern(arguments[1]))
        loud = str(not quiet).lower()
        return f"CAST(headrace_read_number({value}, {pattern}, {loud}) AS {duckdb_type(kind)})"

    return Function(name, (2, 2), _number_types, render, How.ARROW)


def _number_types(arguments: Sequence[Argument]) -> Resolved:
    shape = _shape(arguments[1])
    return Resolved((accept(arguments[0], STRING, 0), STRING), DecimalType(min(shape.precision, 38), shape.scale))


_RESOLVE: Resolve = _char_types

FUNCTIONS = table(
    Function("to_char", (2, 2), _RESOLVE, _char, How.ARROW),
    _number("to_number", quiet=False),
    _number("try_to_number", quiet=True),
    to_varchar="to_char",
)
