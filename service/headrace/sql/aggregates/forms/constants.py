"""Room 2: arguments of aggregates that must be constants, and what is said when they are not."""

from __future__ import annotations

from typing import Any

from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch


def given(argument: Argument, name: str, what: str) -> Any:
    """Return the value of a constant argument that is not NULL.

    Raises:
        StreamError: DATATYPE_MISMATCH.NON_FOLDABLE_INPUT or DATATYPE_MISMATCH.UNEXPECTED_NULL.
    """
    if not argument.constant:
        message = f"{name}: the {what} must be a constant; write its value into the call."
        raise mismatch(message, condition="NON_FOLDABLE_INPUT")
    if argument.value is None:
        raise mismatch(f"{name}: the {what} must not be NULL.", condition="UNEXPECTED_NULL")
    return argument.value


def whole_between(argument: Argument, name: str, what: str, low: int, high: int) -> int:
    """Return a constant whole number in the range.

    Raises:
        StreamError: as `given`, or DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE.
    """
    value = None if argument.constant and argument.value is None else given(argument, name, what)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        message = f"{name}: the {what} must be between [{low}, {high}] (current value = {value})."
        raise mismatch(message, condition="VALUE_OUT_OF_RANGE")
    return value


def flag(argument: Argument) -> bool:
    """Return a constant boolean.

    Raises:
        StreamError: DATATYPE_MISMATCH.NON_FOLDABLE_INPUT, it is none.
    """
    if not argument.constant or not isinstance(argument.value, bool):
        message = "The argument that is a switch must be the constant true or false."
        raise mismatch(message, condition="NON_FOLDABLE_INPUT")
    return argument.value
