"""Room 3: what a join condition says of event time.

Takes a condition such as ``r.rt <= l.lt + INTERVAL 10 SECONDS`` and the marked columns of the other side, gives the
state watermark of this side. Source: Spark StreamingJoinHelper.getStateValueWatermark.
"""

from __future__ import annotations

from decimal import Decimal

from headrace.dataclass import dataclass
from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import Call, Cast, Column, Expression, GetField, Literal, references, rewrite
from headrace.types import DAY_TIME_INTERVAL, TIMESTAMP
from headrace.values import US_PER_MS

_UNITS_US: tuple[int, ...] = (604_800_000_000, 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
"""Weeks, days, hours, minutes and seconds."""
_FLIPPED = {"greater": "less", "greater_equal": "less_equal"}


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Rows of one side whose `column` is at or before the watermark plus `offset_us` match nothing any more."""

    column: Expression
    offset_us: int


@dataclass(frozen=True, slots=True)
class _Term:
    time: Expression | None
    negative: bool
    constant_us: int


def state_range(
    condition: Expression | None,
    side: frozenset[int],
    other: frozenset[int],
    marked: frozenset[int],
    *,
    optimized: bool = True,
) -> TimeRange | None:
    """Return how far behind the watermark rows of one side of a join may be forgotten, or None when never.

    Args:
        condition: The join condition.
        side: Ids of the columns of the side whose state it is.
        other: Ids of the columns of the other side.
        marked: Ids of the columns, of both sides, that carry a watermark.
        optimized: Intervals made of constants are constants; Spark's checker comes before that.

    Returns:
        The earliest bound of all conjuncts of the form ``other_time + c < side_time``; for ``<=`` one millisecond less.
    """
    parts = [rewrite(part, _folded) if optimized else part for part in conjuncts(condition)]
    found = [bound for part in parts if (bound := _bound(part, side, other & marked)) is not None]
    return min(found, key=lambda bound: bound.offset_us, default=None)


def pins_state(part: Expression, side: frozenset[int]) -> bool:
    """Return True for ``column > constant`` on this side: Spark takes the constant for a time, near the epoch.

    The earliest bound wins, so that rows of the side are kept for ever. Source: StreamingJoinHelper, as recorded.
    """
    if not isinstance(part, Call) or part.function not in ("greater", "greater_equal", "less", "less_equal"):
        return False
    less, greater = part.args if part.function.startswith("less") else part.args[::-1]
    return not references(less) and bool(references(greater)) and references(greater) <= side


def _bound(part: Expression, side: frozenset[int], other: frozenset[int]) -> TimeRange | None:
    if not isinstance(part, Call) or len(part.args) != 2:
        return None
    less, greater = part.args
    function = part.function
    if function in _FLIPPED:
        less, greater, function = greater, less, _FLIPPED[function]
    if function not in ("less", "less_equal"):
        return None
    terms = (_terms(less, negative=False), _terms(greater, negative=True))
    if terms[0] is None or terms[1] is None:
        return None
    return _solved(terms[0] + terms[1], strict=function == "less", side=side, other=other)


def _solved(terms: list[_Term], *, strict: bool, side: frozenset[int], other: frozenset[int]) -> TimeRange | None:
    # less - greater < 0, so other + c < side asks for +other, -side and constants.
    times = [term for term in terms if term.time is not None]
    if len(times) != 2:
        return None
    own = [t for t in times if t.negative and references(t.time) <= side]  # type: ignore[arg-type]
    # Spark puts the watermark in place of a column of time, not of a field of a window.
    theirs = [t for t in times if not t.negative and isinstance(t.time, Column) and t.time.id in other]
    if len(own) != 1 or len(theirs) != 1 or own[0].time is None:
        return None
    offset = sum(term.constant_us for term in terms)
    return TimeRange(own[0].time, offset if strict else offset - US_PER_MS)


def _terms(expression: Expression, *, negative: bool) -> list[_Term] | None:
    """Return the sum that an expression is, or None when it is none that can be followed."""
    match expression:
        case Cast(child=child, type=kind) if kind == TIMESTAMP and child.type == TIMESTAMP:
            return _terms(child, negative=negative)
        case Literal(type=kind, value=int(value)) if kind == DAY_TIME_INTERVAL:
            return [_Term(None, negative, -value if negative else value)]
        case Call(function="add", args=(left, right)):
            return _both(_terms(left, negative=negative), _terms(right, negative=negative))
        case Call(function="subtract", args=(left, right)):
            return _both(_terms(left, negative=negative), _terms(right, negative=not negative))
        case Call(function="negative", args=(child,)):
            return _terms(child, negative=not negative)
        case Column(type=kind) if kind == TIMESTAMP:
            return [_Term(expression, negative, 0)]
        case GetField(type=kind, child=Column()) if kind == TIMESTAMP:
            return [_Term(expression, negative, 0)]
    return None


def _folded(expression: Expression) -> Expression:
    """Return the literal that an interval made of constants is; one with months has no fixed length."""
    match expression:
        case Call(function="make_interval", args=(Literal(value=0), Literal(value=0), *parts)):
            units = _UNITS_US
        case Call(function="make_dt_interval", args=parts):
            units = _UNITS_US[1:]
        case Call(function="multiply", args=(Literal(type=kind, value=int(us)), Literal(value=int(times)))):
            return Literal(DAY_TIME_INTERVAL, us * times) if kind == DAY_TIME_INTERVAL else expression
        case _:
            return expression
    values = [part.value for part in parts if isinstance(part, Literal)]
    if len(values) < len(parts) or not all(isinstance(value, int | Decimal) for value in values):
        return expression
    return Literal(DAY_TIME_INTERVAL, sum(int(value * unit) for value, unit in zip(values, units, strict=False)))


def _both(left: list[_Term] | None, right: list[_Term] | None) -> list[_Term] | None:
    return None if left is None or right is None else left + right
