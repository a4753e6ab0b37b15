"""Room 3: what stands before OVER and in its frame, looked at before OVER itself is refused on streams.

Takes the bound arguments of a ranking function and the frame as written; gives Spark's refusals.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.constant import NO_VALUE, value_of
from headrace.sql.functions.signature import fits
from headrace.types import DATE, INT, INTEGRAL, STRING, TIMESTAMP, TIMESTAMP_NTZ, is_numeric

_COUNTED = {"ntile": 0, "nth_value": 1}
"""Function -> the place of the number that it counts to."""


def refuse_ranking(name: str, args: Sequence[Bound], *, ansi: bool) -> None:
    """Raise for an offset, a number of groups or a default that the function does not take.

    Raises:
        StreamError: DATATYPE_MISMATCH.NON_FOLDABLE_INPUT, …UNEXPECTED_INPUT_TYPE, …VALUE_OUT_OF_RANGE, or
            CAST_INVALID_INPUT.
    """
    place = 1 if name in ("lag", "lead") else _COUNTED.get(name)
    if place is None or len(args) <= place:
        return
    given = args[place].expression
    value = value_of(given)
    if value is NO_VALUE:
        raise _wrong(name, args[place], "must be a constant", "NON_FOLDABLE_INPUT")
    if name in ("lag", "lead"):
        _refuse_offset(name, args, ansi=ansi)
    elif name == "ntile" and given.type != INT:
        raise _wrong(name, args[place], f'must be "INT", and is "{given.type.sql()}"', "UNEXPECTED_INPUT_TYPE")
    elif given.type == STRING and not str(value).strip().isdigit():
        message = f"The value {value!r} of nth_value is no number."
        raise StreamError("SQL_ANALYSIS", message, condition="CAST_INVALID_INPUT")
    elif value is None or int(value) < 1:
        raise _wrong(name, args[place], "must be 1 or more", "VALUE_OUT_OF_RANGE")


def _refuse_offset(name: str, args: Sequence[Bound], *, ansi: bool) -> None:
    offset = args[1].expression
    if offset.type not in INTEGRAL:
        condition = "FAILED_FUNCTION_CALL" if offset.type == STRING else "_LEGACY_ERROR_TEMP_1035"
        message = f'The offset "{args[1].text}" of {name} must be a whole number.'
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    if len(args) == 3 and not fits(args[2].expression.type, args[0].expression.type, ansi=ansi):
        kind = args[0].expression.type.sql()
        raise _wrong(name, args[2], f'is the default and must be "{kind}"', "UNEXPECTED_INPUT_TYPE")


def refuse_frame(spec: exp.Expr | None, keys: Sequence[Bound]) -> None:
    """Raise for a frame whose ends are out of order, or of offsets that its rows or its order do not allow.

    Raises:
        StreamError: DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_…, …RANGE_FRAME_….
    """
    if spec is None:
        return
    edges = [spec.args.get(name) for name in ("start", "end")]
    offsets = any(isinstance(edge, exp.Expr) for edge in edges)
    if spec.args.get("kind") == "RANGE" and offsets:
        _refuse_range(keys)
    sides = [str(spec.args.get(f"{name}_side") or "").upper() for name in ("start", "end")]
    if (edges[0], sides[0]) == ("UNBOUNDED", "FOLLOWING") or (edges[1], sides[1]) == ("UNBOUNDED", "PRECEDING"):
        message = "A frame goes from UNBOUNDED PRECEDING at the earliest to UNBOUNDED FOLLOWING at the latest."
        raise _bad_frame(message, "SPECIFIED_WINDOW_FRAME_INVALID_BOUND")
    numbers = [_signed(edge, side) for edge, side in zip(edges, sides, strict=True) if isinstance(edge, exp.Expr)]
    if spec.args.get("kind") == "ROWS" and any(not isinstance(number, int) for number in numbers):
        raise _bad_frame("A ROWS frame counts whole rows.", "SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE")
    if len(numbers) == 2 and isinstance(numbers[0], int) and isinstance(numbers[1], int) and numbers[0] > numbers[1]:
        message = "The frame ends before it begins; write the lower bound first."
        raise _bad_frame(message, "SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON")


def _refuse_range(keys: Sequence[Bound]) -> None:
    if len(keys) != 1:
        kind = "RANGE_FRAME_MULTI_ORDER" if keys else "RANGE_FRAME_WITHOUT_ORDER"
    elif is_numeric(keys[0].expression.type) or keys[0].expression.type in (DATE, TIMESTAMP, TIMESTAMP_NTZ):
        return
    else:
        kind = "SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE"
    raise _bad_frame("A RANGE frame of offsets takes one ORDER BY item, a number or a time.", kind)


def _signed(edge: exp.Expr, side: str) -> int | None:
    """Return how many rows or units an offset leads on, None where it is no whole number."""
    literal = edge.this if isinstance(edge, exp.Neg) else edge
    if not isinstance(literal, exp.Literal) or literal.is_string or not str(literal.this).isdigit():
        return None
    number = int(literal.this) * (-1 if isinstance(edge, exp.Neg) else 1)
    return -number if side == "PRECEDING" else number


def _bad_frame(message: str, kind: str) -> StreamError:
    return StreamError("SQL_ANALYSIS", message, condition=f"DATATYPE_MISMATCH.{kind}")


def _wrong(name: str, arg: Bound, rule: str, kind: str) -> StreamError:
    message = f'The argument "{arg.text}" of {name} {rule}.'
    return StreamError("SQL_ANALYSIS", message, condition=f"DATATYPE_MISMATCH.{kind}")
